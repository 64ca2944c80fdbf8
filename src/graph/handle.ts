import { errorInfo } from "../core/errors.js";
import type { ReadOptions } from "../core/event-log.js";
import type { NodeId } from "../core/ids.js";
import type { Usage } from "../core/usage.js";
import type { Answer, GraphActor } from "./actor.js";
import { type ApprovalAnswer, approvalOf, type RejectionAnswer, rejectionOf } from "./answers.js";
import type { Command } from "./command.js";
import { explain } from "./explain.js";
import { withIds } from "./name-nodes.js";
import { refuse, show } from "./spec.js";
import type {
	Blocked,
	Lease,
	Patch,
	PatchOptions,
	Reply,
	RunEvent,
	RunEventType,
	Snapshot,
	StagedPatch,
	Wait,
} from "./types.js";

/**
 * Drives a graph actor by hand: for tests, other runtimes, and to learn. Every request resolves to
 * `{ ok: true, … }` or `{ ok: false, code, … }` and changes nothing when it is refused.
 */
export class GraphHandle {
	constructor(private readonly actor: GraphActor) {}

	/**
	 * Changes the graph: all of the patch or nothing.
	 *
	 * @param patch - mutations; specs without an id are given one
	 * @returns refused with `CYCLE`, `DUPLICATE_NODE`, `UNKNOWN_NODE`, `UNKNOWN_DEPENDENCY`, `UNKNOWN_AGENT`,
	 * `ILLEGAL_STATE`, `INVALID_SPEC`, `INVALID_INPUT`, `EXPECTATION_FAILED`, `LIMIT_EXCEEDED`, `RUN_ENDED` or `OVERLOADED`
	 */
	mutate(patch: Patch, options: PatchOptions = {}): Promise<Reply> {
		const staged = { mutations: this.#withIds(patch), ...(options.expect !== undefined && { expect: options.expect }) };
		return this.#send({ type: "mutate", patch: staged, ...(options.key !== undefined && { key: options.key }) });
	}

	/** The nodes that can be claimed, in the order in which they became ready. */
	ready(): NodeId[] {
		this.actor.assertSound();
		const { graph } = this.actor.state;
		const ids: NodeId[] = [];
		for (let n = graph.frontier.first(); n >= 0; n = graph.frontier.next(n)) ids.push(graph.id(n));
		return ids;
	}

	/**
	 * Starts an attempt of a ready node.
	 *
	 * @returns the lease, and the input with its references replaced; refused with `UNKNOWN_NODE`,
	 * `ILLEGAL_STATE` (not ready, or claimed already), `INVALID_INPUT` (a reference led nowhere, which
	 * failed the attempt) or `RUN_ENDED`
	 */
	async claim(id: NodeId): Promise<Reply<{ readonly lease: Lease; readonly input: unknown }>> {
		const { graph } = this.actor.state;
		const n = graph.index.get(id);
		if (n === undefined) return { ok: false, ...refuse("UNKNOWN_NODE", `there is no node "${id}"`, { nodes: [id] }) };
		const answer = await ask(this.actor, { type: "claim", n });
		if ("code" in answer) return { ok: false, ...answer };
		if (answer.lease !== undefined && "input" in answer) return { ok: true, lease: answer.lease, input: answer.input };
		return { ok: false, ...refuse("INVALID_INPUT", `the input of "${id}" could not be put together`, { nodes: [id] }) };
	}

	/**
	 * Ends an attempt well, together with a patch: one command.
	 *
	 * @param output - plain data
	 * @returns refused with `STALE_LEASE`. A patch that is refused fails the attempt instead.
	 */
	complete(lease: Lease, output?: unknown, patch?: Patch | StagedPatch): Promise<Reply> {
		if (patch === undefined || patch === null) return this.#send({ type: "complete", lease, output });
		const staged = isStaged(patch) ? patch : { mutations: patch };
		const mutations = this.#withIds(staged.mutations);
		return this.#send({ type: "complete", lease, output, patch: { ...staged, mutations } });
	}

	/** Ends an attempt badly. @param error - anything; `retryable` and `retryAfter` on it are heeded */
	fail(lease: Lease, error: unknown): Promise<Reply> {
		return this.#send({ type: "fail", lease, error: errorInfo(error) });
	}

	/** Commits a patch before the attempt ends. It stands even if the attempt fails. */
	commit(lease: Lease, patch: Patch): Promise<Reply> {
		return this.#send({ type: "commit", lease, patch: { mutations: this.#withIds(patch) } });
	}

	/** Puts an attempt to sleep, or lets it wait for a signal or an approval. Its lease is over. */
	park(lease: Lease, wait: Wait): Promise<Reply> {
		return this.#send({ type: "park", lease, wait });
	}

	/** Wakes the node that has waited longest for a signal of this name; kept when none waits. */
	signal(name: string, payload?: unknown, options: { readonly node?: NodeId } = {}): Promise<Reply> {
		return this.#send({ type: "signal", name, payload, ...(options.node !== undefined && { node: options.node }) });
	}

	/** Answers a node that waits for approval: refused with `INVALID_INPUT` where `data` is none of the choices. */
	approve(node: NodeId, answer: ApprovalAnswer = {}): Promise<Reply> {
		return this.#send(approvalOf(node, answer));
	}

	reject(node: NodeId, answer: RejectionAnswer = {}): Promise<Reply> {
		return this.#send(rejectionOf(node, answer));
	}

	/** What an attempt has used: counted whether it still has its lease or not. */
	charge(lease: Lease, usage: Usage): Promise<Reply> {
		return this.#send({ type: "charge", node: lease.node, attempt: lease.attempt, usage });
	}

	/** Leaves a message for the agent of a node. */
	steer(node: NodeId, payload: unknown): Promise<Reply> {
		return this.#send({ type: "steer", node, payload });
	}

	/** Ends a started node for good: it fails with `KILLED`. */
	kill(node: NodeId, reason: string): Promise<Reply> {
		return this.#send({ type: "kill", node, reason });
	}

	/** Nothing is left to spend: nothing starts any more, and what runs may end, or is aborted. */
	exhaust(reason: string, options: { readonly abort?: boolean } = {}): Promise<Reply> {
		return this.#send({ type: "exhaust", reason, abort: options.abort === true });
	}

	/** Cancels what has not ended, and the run. */
	cancel(reason = "cancelled"): Promise<Reply> {
		return this.#send({
			type: "cancel",
			status: "cancelled",
			reason: typeof reason === "string" ? reason : show(reason),
		});
	}

	/** No node can be claimed until {@link resume}. */
	pause(): Promise<Reply> {
		return this.#send({ type: "pause" });
	}

	resume(): Promise<Reply> {
		return this.#send({ type: "resume" });
	}

	/** Lets the run end when nothing is left to do. */
	close(): Promise<Reply> {
		return this.#send({ type: "close" });
	}

	snapshot(): Snapshot {
		return this.actor.snapshot();
	}

	/** Why a node stands where it does. @returns undefined when there is no such node */
	explain(id: NodeId): Blocked | undefined {
		this.actor.assertSound();
		const n = this.actor.state.graph.index.get(id);
		return n === undefined ? undefined : explain(this.actor.state, n);
	}

	/** Reads events as they come; from 1 when opened in the same tick as the actor was made. */
	events<Type extends RunEventType = RunEventType>(
		options: ReadOptions<Type> = {},
	): AsyncGenerator<Extract<RunEvent, { type: Type }>, void, undefined> {
		return this.actor.log.read<Type>(options);
	}

	#withIds(patch: Patch): Patch {
		return withIds(this.actor.ids, patch);
	}

	#send(command: Command): Promise<Reply> {
		return request(this.actor, command, (answer) => ("code" in answer ? { ok: false, ...answer } : DONE));
	}
}

const DONE: Reply = Object.freeze({ ok: true });

/** Sends a command and waits for its answer, which comes when its batch is committed. */
export function ask(actor: GraphActor, command: Command): Promise<Answer> {
	return request(actor, command, (answer) => answer);
}

function request<Value>(actor: GraphActor, command: Command, read: (answer: Answer) => Value): Promise<Value> {
	return new Promise((resolve, reject) => {
		try {
			const refusal = actor.send(command, (answer) => resolve(read(answer)));
			if (refusal !== undefined) resolve(read(refusal));
			else if (actor.poison !== undefined) reject(actor.poison);
		} catch (error) {
			reject(error as Error);
		}
	});
}

function isStaged(patch: Patch | StagedPatch): patch is StagedPatch {
	return !Array.isArray(patch);
}
