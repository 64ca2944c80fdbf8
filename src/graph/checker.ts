import { SwarmError } from "../core/errors.js";
import { Scratch } from "../core/scratch.js";
import type { Batch } from "./batch.js";
import { checkFields, checkFigures, checkIndex, checkNode, checkState } from "./invariants.js";
import { READY } from "./node-table.js";
import type { RunState } from "./state.js";

/** How much is checked after each command: nothing, at most eight edges an event, or all. */
export type CheckLevel = "off" | "local" | "full";

/** So many new nodes are looked at after a command; the rest of a larger graph or patch when something happens to it. */
const NEW_NODES = 256;

/**
 * Checks what each command leaves behind, while nothing of its batch can be seen yet: neither the journal
 * nor a reader has it, no reply and no effect is out. It comes after every command and not after every batch,
 * because the next command would be decided on a wrong graph, and the story would blame that one.
 *
 * A local check goes by the numbers of the nodes that the command changed, which the graph tells: ids are not looked
 * up, nothing is allocated, and a node's dependents and dependencies count for nothing beyond eight.
 */
export class Checker {
	readonly #full: boolean;
	/** Nodes that changed, in order, some more than once; those that became ready without an event included. */
	readonly #touched = new Scratch<number>();
	#size = 0;
	#entries = 0;
	/** The last event that was checked: nothing may be numbered between commands either. */
	#seq: number;

	constructor(
		private readonly state: RunState,
		private readonly batch: Batch,
		level: Exclude<CheckLevel, "off">,
	) {
		this.#full = level === "full";
		// A run that goes on has events already.
		this.#seq = state.seq;
		state.graph.watch((n) => this.#touched.push(n));
	}

	/** A command is about to be decided. */
	begin(): void {
		this.#touched.truncate(0);
		this.#size = this.state.graph.size;
		this.#entries = this.batch.length;
	}

	/**
	 * A command was decided.
	 *
	 * @throws SwarmError `INTERNAL`, with what is wrong and the node that it is about
	 */
	verify(): void {
		const { state, batch } = this;
		this.#verifyTouched();
		if (!batch.isGapless(this.#entries, this.#seq, state.seq))
			fail(state, `the events after ${this.#seq} are not numbered one by one up to ${state.seq}`);
		// Last: what the command changed is more likely to blame than what a recount comes upon first.
		const wrong = this.#full ? checkState(state) : checkFigures(state);
		if (wrong !== undefined) fail(state, wrong);
		this.#seq = state.seq;
	}

	#verifyTouched(): void {
		const { state } = this;
		const { nodes, size } = state.graph;
		// The edges of so many nodes are looked at as there are events.
		let events = state.seq - this.#seq;
		const looked = Math.min(size, this.#size + NEW_NODES);
		if (looked > this.#size) {
			this.#verifyNew(looked);
			events -= size - this.#size;
		}
		for (let i = 0; i < this.#touched.length; i++) {
			const n = this.#touched.at(i);
			if (n >= this.#size && (n < looked || n >= size)) continue;
			// One that is ready has its turn when it starts; one without an event was put back as it was.
			const wrong = nodes.state(n) === READY || events-- <= 0 ? checkFields(state, n) : checkNode(state, n);
			if (wrong !== undefined) fail(state, wrong, n);
		}
	}

	#verifyNew(to: number): void {
		const { state } = this;
		// One is looked up by its id. For the others it is enough that there are as many ids as nodes.
		const wrong = checkIndex(state, this.#size);
		if (wrong !== undefined) fail(state, wrong, this.#size);
		for (let n = this.#size; n < to; n++) {
			const wrong = checkNode(state, n);
			if (wrong !== undefined) fail(state, wrong, n);
		}
	}
}

function fail(state: RunState, wrong: string, n?: number): never {
	throw new SwarmError(
		"INTERNAL",
		`the graph is wrong at event ${state.seq}: ${wrong}`,
		n === undefined ? {} : { nodes: [state.graph.id(n)] },
	);
}
