import type { Clock } from "../core/clock.js";
import type { NodeId, RunId } from "../core/ids.js";
import type { AnyAgent } from "../executor/agent.js";
import type { AgentContext } from "../executor/context.js";
import type { RunEvent, StoredSpec } from "../graph/types.js";

interface Seen {
	/** As the journal has it. */
	spec: StoredSpec | undefined;
	/** Attempts whose functions were called and have not returned, and when each of them ended badly. */
	readonly inFlight: Map<number, number>;
	/** The attempt that the journal says has started. */
	started: number;
	/** The last attempt whose function was called, and the last one whose function has returned. */
	called: number;
	returned: number;
}

const UNRETURNED = new Set(["TIMEOUT", "CRASHED", "KILLED"]);

/** Watches from inside the agent functions: nothing runs twice at a time, before its event is accepted, or after the end. */
export class Census {
	readonly problems: string[] = [];
	readonly #nodes = new Map<string, Seen>();
	readonly #ended = new Set<RunId>();

	/** @param graceOf - milliseconds after which an aborted function of a node that has not returned is given up */
	constructor(
		private readonly clock: Clock,
		private readonly graceOf: (run: RunId, spec: StoredSpec) => number,
	) {}

	/** What the journal has accepted. */
	take(run: RunId, event: RunEvent): void {
		if (event.type === "run.ended") this.#ended.add(run);
		if (event.type === "node.added" || event.type === "node.updated") this.#of(run, event.node).spec = event.spec;
		if (event.type === "node.started") this.#of(run, event.node).started = event.attempt;
		if (event.type === "node.attemptFailed") {
			const { inFlight } = this.#of(run, event.node);
			if (inFlight.has(event.attempt)) inFlight.set(event.attempt, event.at);
		}
		if (event.type === "node.completed" && event.memo !== true) this.#judgeOutcome(run, event.node, event.attempt);
		// The process died, or the clock ended it: no function has to have returned.
		if (event.type === "node.attemptFailed" && event.interrupted !== undefined) return;
		if ((event.type === "node.attemptFailed" || event.type === "node.failed") && !UNRETURNED.has(event.error.code))
			this.#judgeOutcome(run, event.node, event.attempt);
	}

	/** The process died, and its functions with it. */
	died(): void {
		for (const { inFlight } of this.#nodes.values()) inFlight.clear();
	}

	/**
	 * The same agent, watched.
	 *
	 * @param isDead - of its process: what that was about to call is not called any more
	 */
	watch<A extends AnyAgent>(agent: A, isDead: () => boolean): A {
		const run = (input: unknown, ctx: AgentContext): unknown => {
			if (isDead()) return new Promise(() => {});
			const leave = this.#enter(ctx);
			let returned: unknown;
			try {
				returned = agent.run(input, ctx);
			} catch (error) {
				leave();
				throw error;
			}
			if (returned instanceof Promise) returned.then(leave, leave);
			else leave();
			return returned;
		};
		return { ...agent, run };
	}

	/** The outcome of a function that has not returned came with the lease of another attempt. */
	#judgeOutcome(run: RunId, node: NodeId, attempt: number): void {
		const { called, returned } = this.#of(run, node);
		if (called === attempt && returned < attempt)
			this.problems.push(`attempt ${attempt} of ${node} in ${run} has an outcome before its function has returned`);
	}

	#enter(ctx: AgentContext): () => void {
		const { runId, nodeId, attempt } = ctx;
		const seen = this.#of(runId, nodeId);
		const name = `attempt ${attempt} of ${nodeId} in ${runId}`;
		if (seen.started !== attempt) this.problems.push(`${name} is called, and its start was never accepted`);
		if (this.#ended.has(runId)) this.problems.push(`${name} is called after the end`);
		// A function that does not return is given up in the end: the one exception.
		for (const [other, failedAt] of seen.inFlight)
			if (this.clock.now() < failedAt + this.#grace(runId, seen))
				this.problems.push(`${name} is called while attempt ${other} runs`);
		seen.inFlight.set(attempt, Number.POSITIVE_INFINITY);
		seen.called = attempt;
		return () => {
			seen.inFlight.delete(attempt);
			seen.returned = Math.max(seen.returned, attempt);
		};
	}

	#grace(run: RunId, { spec }: Seen): number {
		return spec === undefined ? Number.POSITIVE_INFINITY : this.graceOf(run, spec);
	}

	#of(run: RunId, node: NodeId): Seen {
		const name = JSON.stringify([run, node]);
		let seen = this.#nodes.get(name);
		if (seen === undefined) {
			seen = { spec: undefined, inFlight: new Map(), started: 0, called: 0, returned: 0 };
			this.#nodes.set(name, seen);
		}
		return seen;
	}
}
