import { systemClock } from "./core/clock.js";
import { type ErrorInfo, SwarmError } from "./core/errors.js";
import { type ReadOptions, wantedTypes } from "./core/event-log.js";
import type { NodeId, RunId } from "./core/ids.js";
import { checkWhole } from "./core/whole.js";
import { toDot, toMermaid } from "./diagram.js";
import { explain } from "./graph/explain.js";
import { Snapshots } from "./graph/snapshot.js";
import type { RunState } from "./graph/state.js";
import type { Blocked, RunEvent, RunEventType, Snapshot } from "./graph/types.js";
import type { Journal, RunSummary } from "./journal/journal.js";
import { missing, streamEvents } from "./journal/reader.js";
import type { RunOutcome } from "./outcome.js";
import { fromJournal } from "./recovery.js";
import { endedRun } from "./run.js";
import { findRun, loadState } from "./stored-run.js";
import { type WaitingFilter, type WaitingNode, waitingIn } from "./waiting-list.js";

/** Events of these types. */
export type EventsOf<Type extends RunEventType> = AsyncGenerator<
	Extract<RunEvent, { readonly type: Type }>,
	void,
	undefined
>;

/** Which point of a run {@link readRun} looks at. */
export interface ReadRunOptions {
	/** The last event that counts, from 1 to the last that is stored; by default that one. */
	readonly atSeq?: number;
}

/**
 * Looks at a run in a journal, whether it has ended, lies there, or is written by another process at this moment.
 * Nothing is written or locked: the journal may be open to be read only, and whoever writes the run does not notice.
 *
 * What is told is the run at one point, and does not change: read it again for what has happened since, or see
 * `watchRun`. It costs the newest snapshot before that point and the events after it.
 *
 * @throws SwarmError `UNKNOWN_RUN`; `SEQ_PRUNED` when events up to `atSeq` are no longer kept and no snapshot stands
 * for them; `JOURNAL_CORRUPT`; `JOURNAL_UNAVAILABLE`; `INVALID_OPTION` for an `atSeq` that the run does not have
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent, memoryJournal, readRun } from "dagswarm";
 *
 * const journal = memoryJournal();
 * const double = defineAgent({ name: "double", run: async (n: number) => n * 2 });
 * const swarm = createSwarm({ agents: [double], journal });
 * await swarm.start({ nodes: [{ id: "a", agent: "double", input: 21 }] }, { runId: "r" }).result();
 *
 * const run = await readRun(journal, "r");
 * run.output("a");      // 42
 * run.outcome?.status;  // "completed"
 * const before = await readRun(journal, "r", { atSeq: 1 });
 * before.outcome;       // undefined
 * ```
 */
export async function readRun(journal: Journal, run: RunId, { atSeq }: ReadRunOptions = {}): Promise<StoredRun> {
	checkWhole(atSeq, "atSeq", 1, Number.MAX_SAFE_INTEGER);
	return fromJournal(async () => {
		const summary = await findRun(journal, run);
		// A run that goes on may be longer by now than its summary says.
		const state = await loadState(journal, run, atSeq ?? summary.lastSeq);
		const ended = state.ended ? endedRun(state, summary, { clock: systemClock, journal: undefined }) : undefined;
		return new StoredRun(journal, summary, state, await ended?.result());
	});
}

/** A run as its journal tells it, up to one of its events; see {@link readRun}. */
export class StoredRun {
	readonly id: RunId;
	/** Undefined for a run that had not ended by then. */
	readonly outcome: RunOutcome | undefined;
	/** How the journal lists the run, when it was read: with its writer, and its last event of all. */
	readonly summary: RunSummary;
	readonly #journal: Journal;
	readonly #state: RunState;
	readonly #snapshots: Snapshots;

	/** @internal Made by {@link readRun}. */
	constructor(journal: Journal, summary: RunSummary, state: RunState, outcome: RunOutcome | undefined) {
		this.id = summary.run;
		this.summary = summary;
		this.outcome = outcome;
		this.#journal = journal;
		this.#state = state;
		this.#snapshots = new Snapshots(state);
	}

	/** The state at that point; frozen. */
	snapshot(): Snapshot {
		return this.#snapshots.take();
	}

	/**
	 * The output of any node that had completed; undefined when it has none.
	 *
	 * @throws SwarmError `UNKNOWN_NODE`
	 */
	output(id: NodeId): unknown {
		const n = this.#number(id);
		return this.#state.graph.outputOf(n);
	}

	/** Why a node had failed, or its last attempt had. @throws SwarmError `UNKNOWN_NODE` */
	error(id: NodeId): ErrorInfo | undefined {
		return this.#state.graph.extras.get(this.#number(id))?.error;
	}

	/** Why a node stood where it did, and the nodes that stood in its way. @throws SwarmError `UNKNOWN_NODE` */
	explain(id: NodeId): Blocked {
		return explain(this.#state, this.#number(id));
	}

	/**
	 * What waited at that point, and for whom, the longest first: who shows it need not be the process that runs it.
	 *
	 * @param filter - `kind`: of this kind only; `to`: approvals for this person or group only
	 */
	waiting(filter: WaitingFilter = {}): WaitingNode[] {
		return waitingIn(this.#state, filter);
	}

	/**
	 * The events up to that point, from the first or from `from`. They are read while they are asked for.
	 *
	 * @throws SwarmError `INVALID_OPTION`; in the loop `SEQ_PRUNED` with `from`, when the first one wanted is no longer
	 * kept, `JOURNAL_CORRUPT`, `JOURNAL_UNAVAILABLE`
	 */
	events<Type extends RunEventType = RunEventType>(options: ReadOptions<Type> = {}): EventsOf<Type> {
		const { from = 1 } = options;
		checkWhole(from, "from", 1, Number.MAX_SAFE_INTEGER);
		return this.#read(from, wantedTypes(options)) as EventsOf<Type>;
	}

	/** The graph at that point, as a Mermaid flowchart. */
	toMermaid(): string {
		return toMermaid(this.snapshot());
	}

	/** The graph at that point, in the DOT language of Graphviz. */
	toDot(): string {
		return toDot(this.snapshot());
	}

	async *#read(from: number, wanted: ReadonlySet<string> | undefined): AsyncGenerator<RunEvent, void, undefined> {
		const { seq } = this.#state;
		if (from > seq) return;
		for await (const event of storedEvents(this.#journal, this.id, from, seq)) {
			if (wanted === undefined || wanted.has(event.type)) yield event;
			if (event.seq >= seq) return;
		}
	}

	#number(id: NodeId): number {
		const n = this.#state.graph.index.get(id);
		if (n === undefined) throw new SwarmError("UNKNOWN_NODE", `there is no node "${id}"`, { nodes: [id] });
		return n;
	}
}

/** So many events are read in one turn of the event loop. */
const TURN_EVENTS = 1_000;

/**
 * The events that are there, from one on. What the store throws is told by one code.
 *
 * @param last - an event that is known to be there: without it the run is not as it was written
 */
export async function* storedEvents(
	journal: Journal,
	run: RunId,
	from: number,
	last: number,
): AsyncGenerator<RunEvent, void, undefined> {
	let next = from;
	try {
		for await (const event of streamEvents(journal, run, from)) {
			next = event.seq + 1;
			yield event;
			// A journal that answers at once would else keep everybody waiting until all is read.
			if (event.seq % TURN_EVENTS === 0) await new Promise<void>((resolve) => systemClock.yield(resolve));
		}
		if (next <= last) throw await missing(journal, run, next);
	} catch (error) {
		// While a run is taken away, parts of it may be missing.
		if (SwarmError.is(error) && error.code === "JOURNAL_CORRUPT") await findAgain(journal, run);
		await fromJournal(() => Promise.reject(error));
	}
}

/** A run that was there. @throws SwarmError `SEQ_PRUNED` when it is not any more */
export async function findAgain(journal: Journal, run: RunId): Promise<RunSummary> {
	const summary = await fromJournal(() => journal.find(run));
	if (summary !== undefined) return summary;
	throw new SwarmError("SEQ_PRUNED", `run "${run}" was taken away while it was read`);
}
