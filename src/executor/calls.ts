import { type ErrorInfo, errorInfo, SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import { findNotPlain } from "../core/plain.js";
import { isThenable } from "../core/thenable.js";
import type { RefusedCall, Wait, Wake } from "../graph/types.js";
import type { Attempt } from "./attempt.js";
import type { ToolCall } from "./control.js";
import { stepOf } from "./step-scope.js";

/** Something that an agent may call. */
export interface Tool {
	/** Of the agent or the skill. */
	readonly name: string;
	readonly kind: "agent" | "skill";
	/** What it is for, in words for whoever chooses among them. */
	readonly description?: string;
	/** What it takes, as a JSON Schema. */
	readonly inputSchema?: Readonly<Record<string, unknown>>;
}

/** An agent or a skill: what it takes and gives is known to the compiler. */
export interface Callable<Input = unknown, Output = unknown> {
	readonly name: string;
	/** The types of input and output; never there at run time. */
	readonly "~types"?: { readonly input: Input; readonly output: Output };
}

/** Options of a call. */
export interface CallOptions {
	/**
	 * Tells this call from the others of its attempt, in place of its number: for calls whose order may be another one
	 * when an attempt starts from the top after a crash. Unique in an attempt.
	 */
	readonly key?: string;
}

/** What is called with which input. */
export interface CallRequest {
	/** The child run. */
	readonly run: RunId;
	/** The node that calls. */
	readonly node: NodeId;
	readonly attempt: number;
	readonly name: string;
	readonly input: unknown;
}

/** What carries out the calls of a run. */
export interface CallPort {
	/** @throws SwarmError `PORT_FAILED` when the palette failed */
	tools(attempt: Attempt): readonly Tool[];
	/**
	 * @returns the input as the tool takes it
	 * @throws SwarmError `UNKNOWN_TOOL`, `LIMIT_EXCEEDED`, `INVALID_INPUT`, `PORT_FAILED`
	 */
	admit(attempt: Attempt, name: string, input: unknown): unknown;
	/** The caller is parked, and that is committed: its child run begins, or goes on. */
	begin(call: CallRequest): void;
	/**
	 * The same for calls that were made together.
	 *
	 * @param group - what the caller waits for
	 * @param calls - at least one that was not refused
	 */
	beginAll(group: Pick<CallRequest, "run" | "node">, calls: readonly (CallRequest | RefusedCall)[]): void;
}

/** One of several calls that are made together. */
export interface ToolRequest {
	/** The agent or skill, or its name. */
	readonly tool: string | { readonly name: string };
	/** Plain data. */
	readonly input?: unknown;
}

/** What one of them came to. */
export type ToolResult =
	| { readonly ok: true; readonly output: unknown }
	/** As `ctx.call` would have thrown it: why it was refused, or `CALL_FAILED`. */
	| { readonly ok: false; readonly error: ErrorInfo };

/** Each may be remembered with its output for as long as its attempt goes on. */
const MAX_CALLS = 10_000;

/** The calls that one attempt makes. */
export class AttemptCalls {
	readonly #attempt: Attempt;
	/** How a wait ended for an attempt before this one, the oldest first. */
	readonly #recorded: (wait: Wait) => Wake | undefined;
	#count = 0;
	/** The number of the latest call of each step, and outside of them. */
	readonly #numbers = new Map<string | undefined, number>();
	#keys: Set<string> | undefined;

	constructor(attempt: Attempt, recorded: (wait: Wait) => Wake | undefined) {
		this.#attempt = attempt;
		this.#recorded = recorded;
	}

	async call(target: Callable | string, input: unknown, options: CallOptions = {}): Promise<unknown> {
		const attempt = this.#attempt;
		// Counted first: a call that is refused has its place in the order, too.
		const run = this.#childRun(options.key);
		const name = nameOf(target);
		const before = this.#before(run);
		if (before !== undefined) return outputOf(before, name, run, attempt);
		const admitted = this.#admit(name, input);
		// At once where that is possible: a function that returns without waiting has made its call.
		const taken = admitted instanceof Promise ? await admitted : admitted;
		this.#note({ phase: "start", name, input });
		try {
			const output = outputOf(await this.#wait({ run, name, input: taken }), name, run, attempt);
			this.#note({ phase: "end", name, ...(output !== undefined && { output }) });
			return output;
		} catch (error) {
			this.#note({ phase: "end", name, error: errorInfo(error) });
			throw error;
		}
	}

	async callAll(requests: readonly ToolRequest[], options: CallOptions = {}): Promise<readonly ToolResult[]> {
		const attempt = this.#attempt;
		const { node } = attempt.lease;
		const run = this.#childRun(options.key);
		this.#assertTogether(requests);
		if (requests.length === 0) return [];
		const before = this.#before(run);
		if (before !== undefined) return this.#results(before, requests.map(nameIn), run);
		const admitting = requests.map((request, i) => this.#admitMember(request, { run: memberRun(run, i), index: i }));
		const calls = admitting.some(isThenable) ? await Promise.all(admitting) : (admitting as Member[]);
		const refused = calls.filter(isRefused);
		if (refused.length === calls.length) return refused.map(({ error }) => ({ ok: false, error }));
		// What was refused keeps its place and no more: its name may be anything.
		const together = calls.map((call) => (isRefused(call) ? "" : call.name));
		const begun = calls.flatMap((call, i) => (isRefused(call) ? [] : [{ name: call.name, i }]));
		for (const { name, i } of begun) this.#note({ name, phase: "start", input: requests[i]?.input });
		const name = [...new Set(begun.map((each) => each.name))].join(", ");
		const wait = { kind: "child", run, name, together, ...(refused.length > 0 && { refused }) } as const;
		const wake = await attempt.park(wait, undefined, () => attempt.run.calls.beginAll({ run, node }, calls));
		const results = this.#results(wake, together, run);
		for (const { name, i } of begun) {
			const result = results[i] as ToolResult;
			this.#note({ name, phase: "end", ...(result.ok ? { output: result.output } : { error: result.error }) });
		}
		return results;
	}

	/** One bad call is no reason to lose the others; a palette that fails is not its fault. */
	#admitMember(request: ToolRequest, { run, index }: { run: RunId; index: number }): Member | Promise<Member> {
		const { node, attempt } = this.#attempt.lease;
		const refuse = (error: unknown): RefusedCall => ({ index, error: errorInfo(error) });
		try {
			if (typeof request !== "object" || request === null)
				throw new SwarmError("INVALID_INPUT", "a call is { tool, input }", { nodes: [node] });
			const name = nameOf(request.tool);
			const take = (input: unknown): CallRequest => ({ run, node, attempt, name, input });
			const admitted = this.#admit(name, request.input);
			return admitted instanceof Promise ? admitted.then(take, refuse) : take(admitted);
		} catch (error) {
			if (SwarmError.is(error) && error.code === "PORT_FAILED") throw error;
			return refuse(error);
		}
	}

	#assertTogether(requests: readonly ToolRequest[]): void {
		const { node } = this.#attempt.lease;
		if (!Array.isArray(requests))
			throw new SwarmError("INVALID_INPUT", "calls are a list of { tool, input }", { nodes: [node] });
		if (requests.length > MAX_TOGETHER) {
			throw new SwarmError("LIMIT_EXCEEDED", `node "${node}" makes ${requests.length} calls together`, {
				nodes: [node],
				hint: `at most ${MAX_TOGETHER}`,
			});
		}
	}

	#results(wake: Wake, names: readonly string[], run: RunId): readonly ToolResult[] {
		const ends = wake.kind === "child" ? (wake.output as readonly Wake[] | undefined) : undefined;
		return names.map((name, i) => {
			try {
				const end = ends?.[i] ?? wake;
				if (end.kind === "child" && end.status === "refused" && end.error !== undefined)
					return { ok: false, error: end.error };
				const output = outputOf(end, name, memberRun(run, i), this.#attempt);
				return { ok: true, output };
			} catch (error) {
				return { ok: false, error: errorInfo(error) };
			}
		});
	}

	/** @returns the input as the tool takes it, at once where that is possible */
	#admit(name: string, input: unknown): unknown {
		const attempt = this.#attempt;
		const wrong = findNotPlain(input);
		if (wrong === undefined) return attempt.run.calls.admit(attempt, name, input);
		throw new SwarmError("INVALID_INPUT", `the input of "${name}" holds ${wrong.found} at "${wrong.path}"`, {
			nodes: [attempt.lease.node],
			path: wrong.path,
			hint: "inputs are JSON values, undefined in objects, and Uint8Array",
		});
	}

	#note(call: ToolCall): void {
		this.#attempt.run.control?.called(this.#attempt, call);
	}

	async #wait(request: Omit<CallRequest, "node" | "attempt">): Promise<Wake> {
		const attempt = this.#attempt;
		const { node, attempt: number } = attempt.lease;
		const { run, name } = request;
		return attempt.park({ kind: "child", run, name }, undefined, () =>
			attempt.run.calls.begin({ ...request, node, attempt: number }),
		);
	}

	/** How the call ended that an attempt before this one made, if its process died after that. */
	#before(run: RunId): Wake | undefined {
		const wait = { kind: "child", run, name: "" } as const;
		let wake = this.#recorded(wait);
		// What was lost was called again since, or is to be.
		while (wake?.kind === "child" && wake.status === "lost") wake = this.#recorded(wait);
		return wake;
	}

	/**
	 * The same for an attempt that repeats the calls of one whose process died, another one for a retry: it counts the
	 * attempts that came to an end of their own.
	 */
	#childRun(key: string | undefined): RunId {
		const { run, lease } = this.#attempt;
		const step = stepOf(this.#attempt);
		const number = (this.#numbers.get(step) ?? 0) + 1;
		this.#numbers.set(step, number);
		if (++this.#count > MAX_CALLS) {
			throw new SwarmError("LIMIT_EXCEEDED", `an attempt of node "${lease.node}" has made ${MAX_CALLS} calls`, {
				nodes: [lease.node],
				hint: "what repeats without end belongs into nodes of its own",
			});
		}
		if (key !== undefined) this.#use(key);
		const unkeyed = step === undefined ? `.${number}` : `.~${stepPart(step)}.${number}`;
		const call = key === undefined ? unkeyed : `:${escaped(key)}`;
		return `${run.actor.state.run}/${escaped(lease.node)}/${run.actor.leases.tries(lease)}${call}`;
	}

	#use(key: string): void {
		const { node } = this.#attempt.lease;
		if (typeof key !== "string" || key === "" || !key.isWellFormed())
			throw new SwarmError("INVALID_INPUT", `a key of a call of node "${node}" is no text`, { nodes: [node] });
		this.#keys ??= new Set();
		if (this.#keys.has(key)) {
			throw new SwarmError("DUPLICATE_STEP", `node "${node}" uses the key "${key}" for two calls in one attempt`, {
				nodes: [node],
				hint: "give each call a key of its own, or none",
			});
		}
		this.#keys.add(key);
	}
}

/** One of the calls that are made together, or why it is none. */
type Member = CallRequest | RefusedCall;

function isRefused(member: Member): member is RefusedCall {
	return "error" in member;
}

/** For messages: the request may be anything. */
function nameIn(request: ToolRequest | null): string {
	const name: unknown = request === null ? undefined : nameOf(request.tool);
	return typeof name === "string" ? name : "";
}

/** What has no name is refused for that later. */
function nameOf(tool: string | { readonly name: string }): string {
	return typeof tool === "string" ? tool : tool?.name;
}

/** More belongs into a graph. */
const MAX_TOGETHER = 1_000;

/** The run of one of several calls that were made together: its number comes before the key, which may hold anything. */
export function memberRun(group: RunId, index: number): RunId {
	const colon = group.indexOf(":", group.lastIndexOf("/"));
	const end = colon < 0 ? group.length : colon;
	return `${group.slice(0, end)}.${index + 1}${group.slice(end)}`;
}

/** Whether a run is one of so many that were called together. */
export function isMember(group: RunId, size: number, run: RunId): boolean {
	const colon = run.indexOf(":", run.lastIndexOf("/"));
	const end = colon < 0 ? run.length : colon;
	const dot = run.lastIndexOf(".", end);
	const index = Number(run.slice(dot + 1, end)) - 1;
	return index < size && run === memberRun(group, index);
}

/** The last two parts of an id hold no slash: whatever the run before them is called, no two calls share one. */
function escaped(part: string): string {
	return part.replaceAll("%", "%25").replaceAll("/", "%2F");
}

/** A step in the id of a call: dots and colons there tell its parts apart. */
function stepPart(step: string): string {
	return escaped(step).replaceAll(".", "%2E").replaceAll(":", "%3A");
}

/** What a call came to. @throws SwarmError `CALL_FAILED` */
function outputOf(wake: Wake, name: string, run: RunId, { lease }: Attempt): unknown {
	if (wake.kind !== "child") throw new SwarmError("INTERNAL", `a call was ended by ${wake.kind}`);
	if (wake.status === "completed" && wake.error === undefined) return wake.output;
	const { error } = wake;
	const why = error === undefined ? `its run ended ${wake.status}` : `${error.code}: ${error.message}`;
	const failed = new SwarmError(
		"CALL_FAILED",
		`"${name}" failed in run "${run}": ${why}`,
		{ nodes: [lease.node] },
		{
			...(error !== undefined && { cause: error }),
		},
	);
	// Whether another attempt makes sense is for the one to say that failed.
	if (error?.retryable !== undefined) Object.assign(failed, { retryable: error.retryable });
	if (error?.retryAfter !== undefined) Object.assign(failed, { retryAfter: error.retryAfter });
	throw failed;
}
