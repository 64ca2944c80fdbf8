import { type EventLog, EventRange } from "../core/event-log.js";
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

/** What adding a run of nodes says once for all of them. */
export interface AddedStamp {
	readonly firstSeq: number;
	readonly at: number;
	readonly first: number;
	readonly count: number;
	readonly addedBy: string | undefined;
	readonly depth: number;
	readonly early: number | undefined;
	readonly key: string | undefined;
}

/** Nodes that were added one after the other: their events are made when somebody wants to read them. */
export class AddedNodes extends EventRange<RunEvent> {
	readonly firstSeq: number;
	readonly count: number;

	constructor(
		private readonly graph: Graph,
		private readonly stamp: AddedStamp,
	) {
		super();
		this.firstSeq = stamp.firstSeq;
		this.count = stamp.count;
	}

	event(index: number): RunEvent {
		const { at, first, addedBy, depth, early, key } = this.stamp;
		const spec = this.graph.addedSpec(first + index);
		return {
			seq: this.firstSeq + index,
			at,
			type: "node.added",
			node: spec.id,
			spec,
			...(addedBy !== undefined && { addedBy, depth }),
			...(early !== undefined && { early }),
			...(key !== undefined && index === 0 && { key }),
		};
	}

	/** The event that a node was added, if that was here; of the last one where none is said. */
	of(node: string | undefined): RunEvent | undefined {
		if (node === undefined) return this.event(this.count - 1);
		const n = this.graph.index.get(node) ?? -1;
		const index = n - this.stamp.first;
		return index >= 0 && index < this.count && this.graph.id(n) === node ? this.event(index) : undefined;
	}
}

/**
 * The events and effects of the commands that are decided together. A graph of a million nodes is
 * added without a million event objects: a run of added nodes is one entry until somebody reads it.
 */
export class Batch {
	readonly #entries = new Scratch<RunEvent | AddedNodes>();
	readonly effects = new Scratch<Effect>();

	push(event: RunEvent): void {
		this.#entries.push(event);
	}

	pushAdded(graph: Graph, stamp: AddedStamp): void {
		this.#entries.push(new AddedNodes(graph, stamp));
	}

	get length(): number {
		return this.#entries.length;
	}

	truncate(length: number): void {
		this.#entries.truncate(length);
	}

	/** The events in order, those of added nodes made one by one: who keeps none of them needs no room for them. */
	each(take: (event: RunEvent) => void): void {
		for (let i = 0; i < this.#entries.length; i++) {
			const entry = this.#entries.at(i);
			if (!(entry instanceof AddedNodes)) take(entry);
			else for (let k = 0; k < entry.count; k++) take(entry.event(k));
		}
	}

	/** The events in order. */
	list(): RunEvent[] {
		const events: RunEvent[] = [];
		this.each((event) => events.push(event));
		return events;
	}

	/** Passes everything on, without making events of added nodes. */
	pass(log: EventLog<RunEvent>): void {
		for (let i = 0; i < this.#entries.length; i++) {
			const entry = this.#entries.at(i);
			if (entry instanceof AddedNodes) log.appendRange(entry);
			else log.append(entry);
		}
	}

	/** Everything in order, added nodes as they are kept. */
	*entries(): Generator<RunEvent | AddedNodes> {
		for (let i = 0; i < this.#entries.length; i++) yield this.#entries.at(i);
	}

	/** Whether the events from entry `start` on are numbered one by one, the first after `seq` and up to `last`. */
	isGapless(start: number, seq: number, last: number): boolean {
		let at = seq;
		for (let i = start; i < this.#entries.length; i++) {
			const entry = this.#entries.at(i);
			if (entry instanceof AddedNodes) {
				if (entry.firstSeq !== at + 1) return false;
				at += entry.count;
			} else if (entry.seq !== ++at) return false;
		}
		return at === last;
	}

	/** The leases of what is still to be started, unless the batch was committed. */
	unstarted(): Lease[] {
		const leases: Lease[] = [];
		for (let i = 0; this.length > 0 && i < this.effects.length; i++) {
			const effect = this.effects.at(i);
			if (effect.type === "start") leases.push(effect.lease);
		}
		return leases;
	}

	clearEvents(): void {
		this.#entries.truncate(0);
	}
}
