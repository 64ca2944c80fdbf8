import { Scratch } from "../core/scratch.js";
import type { Graph } from "./graph.js";
import type { Lease, RunEvent, Wake } from "./types.js";

/** What the world outside is asked to do once the events are accepted. Data, not calls. */
export type Effect =
	| { readonly type: "start"; readonly lease: Lease; readonly input: unknown; readonly wake: Wake | undefined }
	/** The attempt was ended from outside: tell its function to stop. */
	| { readonly type: "abort"; readonly lease: Lease; readonly code: "TIMEOUT" | "CANCELLED" }
	/** Ask again with the command of this name when the clock reaches `due`. */
	| {
			readonly type: "timer";
			readonly node: string;
			readonly kind: TimerKind;
			readonly due: number;
			readonly fence: number;
	  }
	| { readonly type: "clearTimers"; readonly node: string; readonly kind?: TimerKind };

/** What a timer of a node is for. */
export type TimerKind = "retry" | "wait" | "attempt" | "total";

/** Nodes that were added one after the other: their events are made when somebody wants to read them. */
class AddedNodes {
	constructor(
		readonly firstSeq: number,
		readonly at: number,
		readonly first: number,
		readonly count: number,
		readonly addedBy: string | undefined,
		readonly depth: number,
		readonly early: number | undefined,
		readonly key: string | undefined,
	) {}

	*events(graph: Graph, from: number): Generator<RunEvent> {
		for (let i = Math.max(0, from - this.firstSeq); i < this.count; i++) {
			const spec = graph.spec(this.first + i);
			yield {
				seq: this.firstSeq + i,
				at: this.at,
				type: "node.added",
				node: spec.id,
				spec,
				...(this.addedBy !== undefined && { addedBy: this.addedBy, depth: this.depth }),
				...(this.early !== undefined && { early: this.early }),
				...(this.key !== undefined && i === 0 && { key: this.key }),
			};
		}
	}
}

/** What adding a run of nodes says once for all of them. */
export type AddedStamp = Omit<AddedNodes, "events">;

/**
 * The events and effects of the commands that are decided together. A graph of a million nodes is
 * added without a million event objects: a run of added nodes is one entry until somebody reads it.
 */
export class Batch {
	#entries = new Scratch<RunEvent | AddedNodes>();
	readonly effects = new Scratch<Effect>();

	push(event: RunEvent): void {
		this.#entries.push(event);
	}

	pushAdded(stamp: AddedStamp): void {
		this.#entries.push(
			new AddedNodes(
				stamp.firstSeq,
				stamp.at,
				stamp.first,
				stamp.count,
				stamp.addedBy,
				stamp.depth,
				stamp.early,
				stamp.key,
			),
		);
	}

	get length(): number {
		return this.#entries.length;
	}

	truncate(length: number): void {
		this.#entries.truncate(length);
	}

	/**
	 * The events in order.
	 *
	 * @param from - leave out those with a smaller `seq`
	 */
	*events(graph: Graph, from = 0): Generator<RunEvent> {
		for (let i = 0; i < this.#entries.length; i++) {
			const entry = this.#entries.at(i);
			if (entry instanceof AddedNodes) yield* entry.events(graph, from);
			else if (entry.seq >= from) yield entry;
		}
	}

	/** Passes on the events from `from` on, without making those before it. */
	latest(graph: Graph, from: number, log: { append(event: RunEvent): void }): void {
		for (let i = 0; i < this.#entries.length; i++) {
			const entry = this.#entries.at(i);
			if (entry instanceof AddedNodes) for (const event of entry.events(graph, from)) log.append(event);
			else log.append(entry);
		}
	}

	/** The entries from `start` on that are events of their own. */
	*recent(start: number): Generator<RunEvent> {
		for (let i = start; i < this.#entries.length; i++) {
			const entry = this.#entries.at(i);
			if (!(entry instanceof AddedNodes)) yield entry;
		}
	}

	/** The events as they are now, to be made later. */
	copy(graph: Graph): () => RunEvent[] {
		const copy = new Batch();
		copy.#entries = this.#entries.copy();
		return () => [...copy.events(graph)];
	}

	clearEvents(): void {
		this.#entries.truncate(0);
	}
}
