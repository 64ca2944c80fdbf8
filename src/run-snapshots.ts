import type { GraphActor } from "./graph/actor.js";
import { ImageSource } from "./graph/image.js";
import type { Journal } from "./journal/journal.js";
import type { RunJournal } from "./journal/run-journal.js";
import { encodeSnapshot } from "./journal/snapshot-codec.js";

/** Fewer events are read again in no time. */
const MIN_EVENTS = 50_000;
/** A snapshot costs as much as its nodes: they have to come to some events each before it is worth it. */
const EVENTS_PER_NODE = 8;
/** Changes that are read one after the other, before there is a whole snapshot again. */
const MAX_CHANGES = 8;
/** What a process leaves behind when it is shut down is worth a snapshot sooner. */
const FINAL_EVENTS = 5_000;

/** Saves snapshots of a long run, so that going on with it takes as long as its nodes and not as its history. */
export class RunSnapshots {
	readonly #source: ImageSource;
	#savedAt: number;
	#changes = MAX_CHANGES;
	#busy = false;

	/**
	 * @param every - events between two snapshots; by default by the size of the graph
	 * @param savedAt - the last event that is in a snapshot
	 */
	constructor(
		private readonly actor: GraphActor,
		private readonly sink: RunJournal,
		private readonly journal: Journal,
		private readonly every: number | undefined,
		savedAt: number,
	) {
		this.#source = new ImageSource(actor.state);
		this.#savedAt = savedAt;
		sink.onWritten = () => {
			if (this.#isDue()) void this.#save();
		};
	}

	#isDue(): boolean {
		const { seq, graph } = this.actor.state;
		const due = this.every ?? Math.max(MIN_EVENTS, EVENTS_PER_NODE * graph.size);
		return seq - this.#savedAt >= due && this.#fits();
	}

	/** What is in a snapshot must be written, and an ended run has nobody to go on with it. */
	#fits(): boolean {
		const { seq, ended } = this.actor.state;
		return !this.#busy && !ended && seq === this.sink.written;
	}

	/** The process lets go of the run. */
	async leave(): Promise<void> {
		if (this.actor.state.seq - this.#savedAt >= FINAL_EVENTS && this.#fits()) await this.#save();
	}

	async #save(): Promise<void> {
		const { seq } = this.actor.state;
		this.#busy = true;
		try {
			const whole = this.#changes >= MAX_CHANGES;
			const taken = this.#source.take(whole);
			if (taken === undefined) return;
			const { run, epoch } = this.sink;
			if (!(await this.journal.saveSnapshot(run, epoch, encodeSnapshot(run, taken.image)))) return;
			taken.commit();
			this.#changes = whole ? 0 : this.#changes + 1;
			this.#savedAt = seq;
		} catch {
			// The events are there: a snapshot only saves time. It is tried again when as many have come.
			this.#savedAt = seq;
		} finally {
			this.#busy = false;
		}
	}
}
