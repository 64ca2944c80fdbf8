import { AssertionError } from "node:assert";
import type { NodeId } from "../core/ids.js";
import type { RunEvent, RunEventType } from "../graph/types.js";
import type { EndStatus } from "../outcome.js";
import type { SlotBounds } from "./slot-watch.js";
import { traceLines } from "./trace.js";
import { judgeTrace } from "./trace-oracle.js";

/** An event to look for: its type, or its type, a space and the id of its node; as in `"node.started a"`. */
export type EventPattern = RunEventType | `${RunEventType} ${string}`;

/**
 * Says what is expected of the events of a run. Each expectation throws an `AssertionError` of
 * node:assert with the trace when it does not hold, and returns the same object when it does.
 *
 * @param events - all events of one run: from `run.events()`, a journal, or a simulation
 *
 * @example
 * ```ts
 * import { expectTrace, simulate } from "dagswarm/testing";
 *
 * const { events } = await simulate({
 *   seed: 1,
 *   graph: {
 *     nodes: [
 *       { id: "a", agent: "work" },
 *       { id: "b", agent: "work", dependsOn: ["a"] },
 *     ],
 *   },
 * });
 * expectTrace(events)
 *   .toBeSound()
 *   .toHave("node.completed a", "node.started b", "node.completed b")
 *   .not.toHave("node.failed")
 *   .toEnd("completed");
 * ```
 */
export function expectTrace(events: readonly RunEvent[]): TraceExpectation {
	return new TraceExpectation(events, true);
}

/** What {@link expectTrace} returns. */
export class TraceExpectation {
	readonly #events: readonly RunEvent[];
	readonly #wanted: boolean;

	/** @internal Use {@link expectTrace}. */
	constructor(events: readonly RunEvent[], wanted: boolean) {
		this.#events = events;
		this.#wanted = wanted;
	}

	/** Turns the next expectation round. */
	get not(): TraceExpectation {
		return new TraceExpectation(this.#events, !this.#wanted);
	}

	/** Nothing in it can not have happened: see {@link judgeTrace}. */
	toBeSound(slots?: SlotBounds): TraceExpectation {
		const problems = judgeTrace(this.#events, slots);
		return this.#judge(problems.length === 0, "to be sound", problems);
	}

	/** These events are in it in this order, whatever is between them. */
	toHave(...patterns: readonly EventPattern[]): TraceExpectation {
		let found = 0;
		for (const event of this.#events) {
			const pattern = patterns[found];
			if (pattern !== undefined && matches(event, pattern)) found++;
		}
		return this.#judge(found === patterns.length, "to have, in this order,", patterns);
	}

	/** So many events match. */
	toHaveTimes(pattern: EventPattern, times: number): TraceExpectation {
		const found = this.#events.filter((event) => matches(event, pattern)).length;
		return this.#judge(found === times, `to have ${times} times (there are ${found})`, [pattern]);
	}

	/** The run has ended, and so. */
	toEnd(status: EndStatus): TraceExpectation {
		const last = this.#events.at(-1);
		return this.#judge(last?.type === "run.ended" && last.status === status, "to end", [status]);
	}

	/** At no time do more nodes run; with `of` only these are counted. */
	toRunAtMost(nodes: number, of?: readonly NodeId[]): TraceExpectation {
		const running = new Set<NodeId>();
		let most = 0;
		for (const event of this.#events) {
			if (!("node" in event) || event.node === undefined || of?.includes(event.node) === false) continue;
			if (event.type === "node.started") running.add(event.node);
			else if (event.type !== "patch.rejected") running.delete(event.node);
			most = Math.max(most, running.size);
		}
		return this.#judge(most <= nodes, `to run at most ${nodes} at a time (there are ${most})`, of ?? []);
	}

	#judge(holds: boolean, what: string, details: readonly string[]): TraceExpectation {
		if (holds === this.#wanted) return new TraceExpectation(this.#events, true);
		const expected = [`${this.#wanted ? "" : "not "}${what}`, ...details].join("\n  ");
		const trace = traceLines(this.#events);
		throw new AssertionError({
			message: `expected the trace ${expected}\n${trace.join("\n")}`,
			actual: trace,
			expected: details,
			operator: "expectTrace",
		});
	}
}

function matches(event: RunEvent, pattern: EventPattern): boolean {
	const space = pattern.indexOf(" ");
	if (space < 0) return event.type === pattern;
	return event.type === pattern.slice(0, space) && "node" in event && event.node === pattern.slice(space + 1);
}
