import type { NodeState } from "../../core/lifecycle.js";
import type { GrowthLimits, NodeSpec, Patch, PatchOptions, SkipCause, StagedPatch, Wait } from "../../graph/types.js";
import { fedInput } from "./model-input.js";
import { ENDED, type ModelLease, type ModelNode, ModelRefusal } from "./model-node.js";
import { addStart, applyPatch } from "./model-patch.js";
import type { ModelRequest } from "./model-request.js";
import { ModelRun } from "./model-run.js";
import { type AttemptFailure, holdSlot, nextDue } from "./model-time.js";

/** What a {@link ReferenceModel} is made of. */
export interface ModelOptions extends GrowthLimits {
	/** The graph at the start; specs with ids. */
	readonly nodes?: readonly NodeSpec[];
	/** Whether the run stays open when nothing is left to do; default true. */
	readonly open?: boolean;
	/** The first moment, in milliseconds; default 0. */
	readonly now?: number;
	/**
	 * Which cause a skipped node has where both came in one command: the one thing that is left open,
	 * and asked of the implementation.
	 */
	readonly causeOf?: (id: string) => SkipCause | undefined;
}

/** The answer to a claim. */
export interface ModelClaim {
	readonly lease?: ModelLease;
	/** With a lease: the input, its references replaced. */
	readonly input?: unknown;
	/** Without: the code of the refusal. */
	readonly refused?: string;
}

/**
 * A second, deliberately naive implementation of what a graph actor does: plain maps and sets,
 * readiness recomputed from scratch, a refusal by throwing away a copy. It shares no code with the
 * runtime, so that a mistake would have to be made twice to go unseen. Commands answer with the code
 * of their refusal, or undefined. Durations are numbers of milliseconds, retries have no jitter, and
 * all policies stand in the specs.
 *
 * @example
 * ```ts
 * import { ReferenceModel } from "dagswarm/testing";
 *
 * const model = new ReferenceModel({
 *   nodes: [{ id: "a", agent: "work" }, { id: "b", agent: "work", dependsOn: ["a"] }],
 * });
 * model.ready(); // ["a"]
 * model.claim("b"); // { refused: "ILLEGAL_STATE" }
 * const { lease } = model.claim("a");
 * if (lease !== undefined) model.complete(lease, 42);
 * model.ready(); // ["b"]
 * ```
 */
export class ReferenceModel {
	readonly #run: ModelRun;

	/** @throws Error when the graph is refused, with the code as its message */
	constructor(options: ModelOptions = {}) {
		const { nodes = [], open = true, now = 0, maxNodes = 100_000, maxDepth = 10, maxPatchSize = 10_000 } = options;
		this.#run = new ModelRun({ maxNodes, maxDepth, maxPatchSize }, open, now, options.causeOf ?? (() => undefined));
		const refused = this.#run.attempt(() => addStart(this.#run, [{ type: "addNodes", nodes }]));
		if (refused !== undefined) throw new Error(refused);
	}

	/** Every node that ever was, by id, in order of addition: to be read only. */
	get nodes(): ReadonlyMap<string, Readonly<ModelNode>> {
		return this.#run.nodes;
	}

	/** The status of the run. */
	get status(): string {
		return this.#run.world.status;
	}

	/** The moment it is, in milliseconds. */
	get now(): number {
		return this.#run.now;
	}

	/** Whether the run is over. */
	get isEnded(): boolean {
		return this.#run.isEnded;
	}

	/** The state of a node as it can be seen, undefined when there is no such node. */
	stateOf(id: string): NodeState | undefined {
		return this.nodes.has(id) ? this.#run.stateOf(id) : undefined;
	}

	/** Whether a lease is the live one of its node. */
	isLive({ node, token }: ModelLease): boolean {
		const known = this.nodes.get(node);
		return known?.state === "running" && known.token === token;
	}

	/** The nodes that can be claimed, in order of addition. */
	ready(): string[] {
		return [...this.nodes.keys()].filter((id) => this.stateOf(id) === "ready");
	}

	/** Changes the graph from outside. */
	mutate(patch: Patch, { expect, key }: PatchOptions = {}): string | undefined {
		return this.#unlessEnded(() => {
			const run = this.#run;
			if (run.world.stopping) throw new ModelRefusal("RUN_ENDED");
			if (key !== undefined && run.world.keys.has(key)) return;
			applyPatch(run, { mutations: patch, ...(expect !== undefined && { expect }) }, undefined);
			// A withheld patch that was refused on the way may have put another world in its place.
			if (key !== undefined) run.world.keys.add(key);
		});
	}

	/** Starts an attempt. */
	claim(id: string): ModelClaim {
		const run = this.#run;
		let fed: { readonly input: unknown } | undefined;
		const refused = run.attempt(() => {
			const node = run.node(id);
			if (run.isEnded) throw new ModelRefusal("RUN_ENDED");
			if (this.status === "paused" || run.stateOf(id) !== "ready") throw new ModelRefusal("ILLEGAL_STATE");
			const continues = node.continues === true;
			fed = continues ? { input: node.spec.input } : fedInput(node, (dep) => this.#outputOf(dep));
			node.started = true;
			node.state = "running";
			if (!continues) node.attempt++;
			node.continues = false;
			node.token = ++run.world.tokens;
			holdSlot(node, run.now, continues);
			// Another attempt would find nothing else.
			if (fed === undefined) run.failFinally(id);
		});
		if (refused !== undefined) return { refused };
		const { attempt, token } = run.node(id);
		return fed === undefined ? { refused: "INVALID_INPUT" } : { lease: { node: id, attempt, token }, ...fed };
	}

	#outputOf(id: string): unknown {
		const node = this.nodes.get(id);
		return node?.state === "completed" ? node.output : undefined;
	}

	/** Ends an attempt well, with the patch that rides on it. */
	complete(lease: ModelLease, output?: unknown, patch?: StagedPatch): string | undefined {
		const run = this.#run;
		return run.attempt(() => {
			const node = this.#leased(lease);
			if (typeof output === "number" && !Number.isFinite(output)) run.failAttempt(lease.node);
			else if (node.eager) run.withhold(node, { ok: true, output, patch });
			else run.succeed(lease.node, output, patch);
		});
	}

	/** Ends an attempt badly. */
	fail(lease: ModelLease, failure: AttemptFailure = {}): string | undefined {
		return this.#run.attempt(() => {
			this.#leased(lease);
			this.#run.failAttempt(lease.node, failure);
		});
	}

	/** Commits a patch before the attempt ends. */
	commit(lease: ModelLease, patch: Patch): string | undefined {
		return this.#run.attempt(() => {
			if (this.#leased(lease).eager) throw new ModelRefusal("NOT_PERMITTED");
			const author = { id: lease.node, attempt: lease.attempt, early: true, completing: false };
			applyPatch(this.#run, { mutations: patch }, author);
		});
	}

	/** Gives a lease back and waits. */
	park(lease: ModelLease, wait: Wait): string | undefined {
		const run = this.#run;
		return run.attempt(() => {
			const node = this.#leased(lease);
			node.state = "waiting";
			node.wait = wait;
			node.continues = true;
			node.held += run.now - node.leasedAt;
			node.parkedAt = run.now;
			node.attemptDue = undefined;
			if (wait.kind !== "sleep") node.totalDue = undefined;
			if (wait.kind !== "signal") return;
			const { parks, signals } = run.world;
			parks.push(lease.node);
			const kept = signals.findIndex((each) => each.name === wait.name && (each.node ?? lease.node) === lease.node);
			if (kept < 0) return;
			signals.splice(kept, 1);
			run.wake(lease.node);
		});
	}

	/** Wakes whoever has waited longest for a signal, or the given node; the signal is kept when nobody waits. */
	signal(name: string, only?: string): string | undefined {
		const run = this.#run;
		return this.#unlessEnded(() => {
			if (only !== undefined) run.node(only);
			const id = run.world.parks.find((each) => {
				const { state, wait } = run.node(each);
				return state === "waiting" && wait?.kind === "signal" && wait.name === name && (only ?? each) === each;
			});
			if (id === undefined) run.world.signals.push({ name, node: only });
			else run.wake(id);
		});
	}

	/** A person approves or rejects what a node waits for. */
	answer({
		type,
		node: id,
		data,
		name,
		since,
	}: Extract<ModelRequest, { type: "approve" | "reject" }>): string | undefined {
		return this.#unlessEnded(() => {
			const { state, wait, parkedAt } = this.#run.node(id);
			if (state !== "waiting" || wait?.kind !== "approval") throw new ModelRefusal("ILLEGAL_STATE");
			if (name !== undefined && name !== wait.name) throw new ModelRefusal("ILLEGAL_STATE");
			if (since !== undefined && since !== parkedAt) throw new ModelRefusal("ILLEGAL_STATE");
			if (type === "approve" && wait.choices?.some((choice) => choice === data) === false)
				throw new ModelRefusal("INVALID_INPUT");
			this.#run.wake(id);
		});
	}

	/** Time goes on by `ms`: what comes due on the way happens, in order. */
	advance(ms: number): void {
		const run = this.#run;
		const end = run.now + ms;
		for (let due = nextDue(run.nodes); due !== undefined && due.at <= end; due = nextDue(run.nodes)) {
			const { at, node, kind } = due;
			run.world.now = Math.max(run.now, at);
			void run.attempt(() => {
				if (kind === "wait") run.wake(node);
				else if (kind === "attempt") run.failAttempt(node, { late: true });
				else run.failFinally(node);
			});
		}
		run.world.now = end;
	}

	/** Cancels what has not ended, and the run. */
	cancel(): string | undefined {
		return this.#unlessEnded(() => {
			const run = this.#run;
			for (const node of run.nodes.values()) if (!ENDED.has(node.state)) run.end(node, "cancelled");
			run.world.status = "cancelled";
		});
	}

	/** No node can be claimed until {@link resume}. */
	pause(): string | undefined {
		return this.#unlessEnded(() => {
			if (this.status === "stopping") throw new ModelRefusal("ILLEGAL_STATE");
			this.#run.world.status = "paused";
		});
	}

	resume(): string | undefined {
		return this.#unlessEnded(() => {
			if (this.status === "paused") this.#run.world.status = "running";
		});
	}

	/** Lets the run end when nothing is left to do. */
	close(): string | undefined {
		return this.#run.attempt(() => {
			this.#run.world.open = false;
		});
	}

	#leased(lease: ModelLease): ModelNode {
		const node = this.#run.node(lease.node);
		if (node.state !== "running" || node.token !== lease.token || node.attempt !== lease.attempt)
			throw new ModelRefusal("STALE_LEASE");
		return node;
	}

	#unlessEnded(change: () => void): string | undefined {
		return this.#run.attempt(() => {
			if (this.#run.isEnded) throw new ModelRefusal("RUN_ENDED");
			change();
		});
	}
}
