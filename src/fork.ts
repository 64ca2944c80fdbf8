import { SwarmError } from "./core/errors.js";
import type { NodeId, RunId } from "./core/ids.js";
import { apply } from "./graph/apply.js";
import { DEAD } from "./graph/frontier.js";
import { COMPLETED, EAGER, PENDING, READY, RUNNING, SPECULATIVE, STARTED, WAITING } from "./graph/node-table.js";
import { changedBy } from "./graph/patch.js";
import { RunState } from "./graph/state.js";
import type { NodeFact, Patch, RunEvent, RunSettings } from "./graph/types.js";
import type { History } from "./stored-run.js";

/** What the new run is called, and remembers. */
export interface ForkOrigin {
	readonly run: RunId;
	readonly from: RunId;
	readonly open: boolean;
	readonly settings: RunSettings;
}

/** A new run before its first event is decided. */
export interface ForkedRun {
	/** Numbered from 1. */
	readonly events: readonly RunEvent[];
	/** What they come to. */
	readonly state: RunState;
}

/** The nodes that a patch changes, beside those it adds: they run again. */
export function editedNodes(edit: Patch): NodeId[] {
	return edit.flatMap((mutation) => [...changedBy(mutation)]);
}

/**
 * The history of a run as it would be if some of its nodes had not run: without what they did, what they added, and
 * what started because of them. Nodes that had not ended run again, too.
 *
 * @param past - of the old run
 * @param edited - the nodes that run again
 * @returns what has happened in the new run
 * @throws SwarmError `UNKNOWN_NODE` for a node that the run does not have, or that one of the others had added;
 * `SEQ_PRUNED` when what a node had changed in the graph is no longer known
 */
export function forkHistory(past: History, edited: readonly NodeId[], origin: ForkOrigin): ForkedRun {
	const reset = new Set(edited);
	for (;;) {
		const fork = new Fork(reset, origin, past.last);
		for (const event of past.events) fork.take(event);
		// Only at the end it is known who did not come to one: without them it may look different again.
		const unended = fork.unended();
		if (unended.length > 0) {
			for (const id of unended) reset.add(id);
			continue;
		}
		if (past.known > 0) assertUndoable(past, fork.reset, origin);
		const gone = edited.filter((id) => !fork.state.graph.index.has(id));
		if (gone.length === 0) return fork;
		throw new SwarmError("UNKNOWN_NODE", `the fork has no node ${gone.map((id) => `"${id}"`).join(", ")}`, {
			nodes: gone,
			hint: "it was never there at this event, or a node that runs again had added it",
		});
	}
}

/** How a node that runs again had changed the graph is told by events only: what is left of them says what it added. */
function assertUndoable({ events, known }: History, reset: ReadonlySet<NodeId>, { from }: ForkOrigin): void {
	const planner = events
		.slice(0, known)
		.find((event) => event.type === "node.added" && event.addedBy !== undefined && reset.has(event.addedBy));
	if (planner?.type !== "node.added" || planner.addedBy === undefined) return;
	throw new SwarmError(
		"SEQ_PRUNED",
		`node "${planner.addedBy}" of run "${from}" has changed the graph before event ${known + 1}, and these events are no longer kept`,
		{
			nodes: [planner.addedBy],
			from: known + 1,
			hint: "change nodes that have added none, or keep more when you prune",
		},
	);
}

/** One attempt at a history: what fits is folded, what does not is left out. */
class Fork {
	readonly state = new RunState();
	readonly events: RunEvent[] = [];
	readonly #reset: Set<NodeId>;
	readonly #origin: ForkOrigin;

	constructor(
		reset: ReadonlySet<NodeId>,
		origin: ForkOrigin,
		private readonly atSeq: number,
	) {
		// Nodes that turn out to depend on these are added for this attempt only: it finds them anew.
		this.#reset = new Set(reset);
		this.#origin = origin;
	}

	/** The nodes that run again. */
	get reset(): ReadonlySet<NodeId> {
		return this.#reset;
	}

	/** Nodes that have started and not ended. */
	unended(): NodeId[] {
		const { graph } = this.state;
		const found: NodeId[] = [];
		for (let n = 0; n < graph.size; n++)
			if (graph.nodes.has(n, STARTED) && !graph.isTerminal(n)) found.push(graph.id(n));
		return found;
	}

	take(event: RunEvent): void {
		switch (event.type) {
			case "run.created":
				return this.#keep(this.#created(event));
			case "run.started":
			case "patch.applied":
				return this.#keep(event);
			case "run.signalled":
				if (event.for === undefined || this.state.graph.index.has(event.for)) this.#keep(event);
				return;
			case "edge.added":
			case "edge.removed":
				if (this.#edgeFits(event)) this.#keep(event);
				return;
			default:
				// How the old run stood and ended says nothing about the new one.
				if (event.type.startsWith("node.") && this.#fits(event as NodeFact)) this.#keep(event);
		}
	}

	#created(event: Extract<RunEvent, { type: "run.created" }>): RunEvent {
		const { run, from, open, settings } = this.#origin;
		const forkedFrom = { run: from, seq: this.atSeq };
		return { ...event, run, epoch: 1, open, settings, forkedFrom };
	}

	#keep(event: RunEvent): void {
		const kept = { ...event, seq: this.state.seq + 1 };
		if (kept.type === "node.started") (kept as { epoch: number }).epoch = 1;
		apply(this.state, kept);
		this.events.push(kept);
	}

	#isReset(id: NodeId | undefined): boolean {
		return id !== undefined && this.#reset.has(id);
	}

	#edgeFits(event: Extract<RunEvent, { type: "edge.added" | "edge.removed" }>): boolean {
		const { graph } = this.state;
		const from = graph.index.get(event.from);
		const to = graph.index.get(event.to);
		if (from === undefined || to === undefined || this.#isReset(event.by)) return false;
		const isThere = graph.findEdge(from, to) !== 0;
		if (event.type === "edge.removed") return isThere;
		return !isThere && graph.isUnstarted(to) && graph.topology.admit(from, to) === undefined;
	}

	/** Whether a fact about a node can have happened in the new run. */
	#fits(event: NodeFact): boolean {
		const { graph } = this.state;
		if (event.type === "node.added") {
			if (graph.index.has(event.node) || this.#isReset(event.addedBy)) return false;
			const { dependsOn = [] } = event.spec;
			const ids: readonly string[] = Array.isArray(dependsOn) ? dependsOn : Object.values(dependsOn);
			return ids.every((id) => graph.index.has(id)) && (event.addedBy === undefined || graph.index.has(event.addedBy));
		}
		const n = graph.index.get(event.node);
		if (n === undefined || graph.isTerminal(n)) return false;
		if ("by" in event && this.#isReset(event.by)) return false;
		switch (event.type) {
			case "node.updated":
				return graph.isUnstarted(n);
			case "node.skipped":
				return graph.isUnstarted(n) && graph.frontier.judge(n) === DEAD && graph.index.has(event.root);
			case "node.abandoned":
				return true;
			case "node.cancelled":
				return false;
			case "node.started":
				return this.#starts(n);
			default:
				return !this.#reset.has(event.node) && this.#goesOn(n, event);
		}
	}

	/** A node that depends on one which runs again runs again, too; and so does one that could not have started yet. */
	#starts(n: number): boolean {
		const { graph } = this.state;
		const id = graph.id(n);
		let starts = !this.#reset.has(id) && graph.nodes.state(n) === READY;
		for (let edge = graph.nodes.firstIn(n); edge !== 0 && starts; edge = graph.edges.nextIn(edge))
			starts = !this.#reset.has(graph.id(graph.edges.from(edge)));
		if (!starts) this.#reset.add(id);
		return starts;
	}

	/** Whether a node that was not reset is where the event found it. */
	#goesOn(n: number, event: NodeFact): boolean {
		const { nodes } = this.state.graph;
		const state = nodes.state(n);
		switch (event.type) {
			case "node.parked":
				return state === RUNNING;
			// What was spent is not spent again.
			case "node.charged":
				return false;
			case "node.steered":
				return true;
			case "node.emitted":
			case "node.stepped":
				// A part of the work may end while another one waits.
				return state === RUNNING || (nodes.has(n, STARTED) && (state === WAITING || state === READY));
			case "node.attemptFailed":
				return state === RUNNING || (state === SPECULATIVE && nodes.has(n, STARTED));
			case "node.woken":
				return state === WAITING;
			case "node.completed":
				return state === RUNNING || (state === SPECULATIVE && nodes.has(n, STARTED));
			case "node.failed":
				return state !== PENDING && state < COMPLETED;
			case "node.speculated":
				return event.outcome === undefined || (nodes.has(n, STARTED) && state !== SPECULATIVE);
			case "node.confirmed":
				return state === SPECULATIVE || nodes.has(n, EAGER);
			default:
				return false;
		}
	}
}
