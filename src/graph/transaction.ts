import type { Refusal } from "../core/errors.js";
import type { Batch } from "./batch.js";
import { EAGER, HAS_REFS, READY } from "./node-table.js";
import type { PolicySource } from "./policies.js";
import { applyConfirmed, applySpeculated } from "./progress.js";
import { applyEarly, changed, linkDependencies, setTerms } from "./shape.js";
import { refuse } from "./spec.js";
import type { RunState } from "./state.js";
import { checkTerms } from "./terms.js";
import { TRIGGER } from "./triggers.js";
import type { AbandonReason, RunEvent, RunFact, StoredSpec } from "./types.js";

/** Why a node cannot be added: a dependency that is not there, or an id that is. */
export type AdditionProblem = { readonly missing: string; readonly of: string } | { readonly duplicate: string };

/** Where a transaction can be taken back to. */
export interface Savepoint {
	readonly seq: number;
	readonly entries: number;
	readonly effects: number;
	readonly undo: number;
	readonly size: number;
	readonly touched: number;
}

/**
 * The changes that one command makes, with what takes them back. Every change is stamped as an event
 * and written at once; when a later part of the command is refused, {@link rollback} restores what
 * was. Added nodes need no undo of their own: they are truncated.
 */
export class Transaction {
	/** The number of the first node that this command added. */
	freshFrom: number;
	readonly #undo: (() => void)[] = [];
	/** Edges that were unlinked: kept until the command is sure to stay. */
	readonly #unlinked: number[] = [];
	/** Nodes whose join and references are to be checked once all edges of the patch are there. */
	readonly unchecked = new Set<number>();
	/** Nodes whose join was said anew: it is checked like that of a new one. Others may have lost edges since. */
	readonly updated = new Set<number>();
	/** Nodes whose withheld outcomes are to be counted. */
	readonly released: number[] = [];
	releasing = false;
	/** The key of the patch, until the first event carries it. */
	key: string | undefined;

	/** The node whose patch is tried; none for the caller of the run. */
	by: string | undefined;

	/** When the command is decided, in the clock's milliseconds. */
	now = 0;

	constructor(
		readonly state: RunState,
		readonly batch: Batch,
	) {
		this.freshFrom = state.graph.size;
	}

	/** What follows is judged as a command of its own: what was done before it stays. */
	begin(): void {
		this.freshFrom = this.state.graph.size;
		if (this.#undo.length > 0) this.seal();
	}

	/** Whether a node was added by this command. */
	isFresh(n: number): boolean {
		return n >= this.freshFrom;
	}

	/** Stamps a fact; writing it is the caller's. */
	stamp(fact: RunFact): void {
		const event = { seq: ++this.state.seq, at: this.now, ...fact } as RunEvent;
		this.batch.push(this.key === undefined ? event : this.#withKey(event));
	}

	/** A change that somebody's patch asked for. */
	#stampChange(fact: RunFact): void {
		this.stamp(this.by === undefined ? fact : ({ ...fact, by: this.by } as RunFact));
	}

	#withKey(event: RunEvent): RunEvent {
		const keyed = { ...event, key: this.key } as RunEvent;
		this.#takeKey();
		return keyed;
	}

	#takeKey(): string | undefined {
		const { key } = this;
		if (key === undefined) return undefined;
		this.key = undefined;
		this.state.keys.add(key);
		this.#undo.push(() => {
			this.state.keys.delete(key);
			this.key = key;
		});
		return key;
	}

	savepoint(): Savepoint {
		const { state, batch } = this;
		return {
			seq: state.seq,
			entries: batch.length,
			effects: batch.effects.length,
			undo: this.#undo.length,
			size: state.graph.size,
			touched: state.graph.frontier.touchedCount,
		};
	}

	/** Takes everything back that came after the savepoint. */
	rollback(to: Savepoint): void {
		const { state, batch } = this;
		for (let i = this.#undo.length - 1; i >= to.undo; i--) this.#undo[i]?.();
		this.#undo.length = to.undo;
		this.unchecked.clear();
		this.updated.clear();
		state.graph.truncate(to.size);
		state.graph.frontier.untouch(to.touched);
		state.seq = to.seq;
		batch.truncate(to.entries);
		batch.effects.truncate(to.effects);
	}

	/** Nothing can be refused any more. */
	seal(): void {
		for (const edge of this.#unlinked) this.state.graph.release(edge);
		this.#unlinked.length = 0;
		this.#undo.length = 0;
	}

	/** Runs a change together with what takes it back. */
	undoable(change: () => void, undo: () => void): void {
		change();
		this.#undo.push(undo);
	}

	/**
	 * Adds nodes that are in topological order and checked.
	 *
	 * @returns the id that a spec depends on and that is not there, or the id that is there already
	 */
	addNodes(
		specs: readonly StoredSpec[],
		by: { readonly creator: number; readonly depth: number; readonly early: number | undefined },
	): AdditionProblem | undefined {
		const { state } = this;
		const { graph } = state;
		const first = graph.size;
		for (let i = 0; i < specs.length; i++) {
			const problem = this.#addNode(specs[i] as StoredSpec, by.creator);
			if (problem !== undefined) return problem;
		}
		if (by.early !== undefined) this.#rememberEarly(first, by.creator - 1, by.early);
		if (specs.length > 0) {
			this.batch.pushAdded(graph, {
				firstSeq: state.seq + 1,
				at: this.now,
				first,
				count: specs.length,
				addedBy: by.creator === 0 ? undefined : graph.id(by.creator - 1),
				depth: by.depth,
				early: by.early,
				key: this.#takeKey(),
			});
			state.seq += specs.length;
		}
		return undefined;
	}

	// A function of its own: a hot loop around it would be compiled anew for every graph.
	#addNode(spec: StoredSpec, creator: number): AdditionProblem | undefined {
		const { state } = this;
		const { graph } = state;
		const n = graph.addNode(spec, creator);
		if (n < 0) return { duplicate: spec.id };
		if (spec.join !== undefined || typeof spec.input === "object") {
			setTerms(state, n, spec);
			this.unchecked.add(n);
		}
		const missing = linkDependencies(state, n, spec.dependsOn);
		if (missing !== undefined) return { missing, of: spec.id };
		graph.frontier.touchFresh(n);
		return undefined;
	}

	#rememberEarly(first: number, creator: number, attempt: number): void {
		const { state } = this;
		for (let n = first; n < state.graph.size; n++) this.early(creator, n, attempt);
	}

	/** Remembers which attempt of its creator added a node. */
	early(creator: number, n: number, attempt: number): void {
		const { graph } = this.state;
		const id = graph.id(n);
		const before = graph.extras.get(n)?.addedIn;
		const known = graph.extras.get(creator)?.early?.has(id) === true;
		this.undoable(
			() => applyEarly(this.state, creator, n, attempt),
			() => {
				const extras = graph.extras.get(n);
				if (extras !== undefined) {
					if (before === undefined) delete extras.addedIn;
					else extras.addedIn = before;
				}
				if (!known) graph.extras.get(creator)?.early?.delete(id);
			},
		);
	}

	/** Adds an edge, unless it is there or closes a cycle. */
	addEdge(from: number, to: number, alias?: readonly string[]): Refusal | undefined {
		const { state } = this;
		const { graph } = state;
		if (graph.findEdge(from, to) !== 0) return undefined;
		const cycle = graph.topology.admit(from, to);
		if (cycle !== undefined) {
			const path = cycle.map((n) => graph.id(n));
			return refuse("CYCLE", `the edge ${graph.id(from)} → ${graph.id(to)} closes a cycle: ${pathText(path)}`, {
				nodes: path,
			});
		}
		let edge = 0;
		this.#stampChange({
			type: "edge.added",
			from: graph.id(from),
			to: graph.id(to),
			...(alias !== undefined && { alias }),
		});
		this.undoable(
			() => {
				edge = graph.link(from, to, alias);
				changed(state, to);
			},
			() => {
				graph.unlink(edge);
				graph.release(edge);
				graph.onChange?.(to);
			},
		);
		return undefined;
	}

	removeEdge(edge: number): void {
		const { state } = this;
		const { graph } = state;
		const to = graph.edges.to(edge);
		this.#stampChange({ type: "edge.removed", from: graph.id(graph.edges.from(edge)), to: graph.id(to) });
		this.undoable(
			() => {
				graph.unlink(edge);
				this.#unlinked.push(edge);
				changed(state, to);
			},
			() => {
				this.#unlinked.pop();
				// Edges that were added while it was gone may have moved its ends past each other.
				graph.topology.admit(graph.edges.from(edge), to);
				graph.relink(edge);
				graph.onChange?.(to);
			},
		);
	}

	removeEdgesInto(n: number): void {
		const { nodes } = this.state.graph;
		for (let edge = nodes.firstIn(n); edge !== 0; edge = nodes.firstIn(n)) this.removeEdge(edge);
	}

	removeEdgesOutOf(n: number): void {
		const { nodes } = this.state.graph;
		for (let edge = nodes.firstOut(n); edge !== 0; edge = nodes.firstOut(n)) this.removeEdge(edge);
	}

	/** Gives a node another spec. */
	update(n: number, spec: StoredSpec, early?: number): void {
		const { state } = this;
		const { graph } = state;
		const { nodes } = graph;
		const before = { spec: graph.spec(n), join: nodes.join(n), need: nodes.need(n), refs: nodes.has(n, HAS_REFS) };
		this.#stampChange({ type: "node.updated", node: spec.id, spec, ...(early !== undefined && { early }) });
		this.undoable(
			() => {
				graph.setSpec(n, spec);
				setTerms(state, n, spec);
				changed(state, n);
			},
			() => {
				graph.specs.set(n, before.spec);
				nodes.setJoin(n, before.join, before.need);
				if (before.refs) nodes.flag(n, HAS_REFS);
				else nodes.unflag(n, HAS_REFS);
				graph.onChange?.(n);
			},
		);
		if (early !== undefined) this.early(nodes.creator(n) - 1, n, early);
	}

	/** Abandons a node that never started. */
	abandon(n: number, reason: AbandonReason): void {
		const { graph } = this.state;
		const { nodes, frontier } = graph;
		const state = nodes.state(n);
		this.#stampChange({ type: "node.abandoned", node: graph.id(n), reason });
		this.undoable(
			() => {
				if (state === READY) frontier.remove(n);
				graph.extrasOf(n).abandoned = reason;
				graph.end(n, TRIGGER.ABANDON);
			},
			() => {
				graph.restore(n, state);
				delete graph.extrasOf(n).abandoned;
				if (state === READY) frontier.putBack(n);
			},
		);
	}

	/** Holds an unstarted node back, or makes it eager. Judged before, so it needs no undo. */
	speculate(n: number, mode: "hold" | "eager"): void {
		const event = { type: "node.speculated", node: this.state.graph.id(n), mode } as const;
		this.#stampChange(event);
		applySpeculated(this.state, n, event);
	}

	/** Takes a speculation back: the node counts. */
	confirm(n: number): void {
		this.#stampChange({ type: "node.confirmed", node: this.state.graph.id(n) });
		applyConfirmed(this.state, n);
	}

	/** Gives an unstarted node the speculation that its new spec asks for. */
	respeculate(n: number, mode: "hold" | "eager" | undefined): void {
		const { graph } = this.state;
		const { nodes, frontier } = graph;
		const before = { state: nodes.state(n), eager: this.isEager(n) };
		const node = graph.id(n);
		const event =
			mode === undefined
				? ({ type: "node.confirmed", node } as const)
				: ({ type: "node.speculated", node, mode } as const);
		this.#stampChange(event);
		this.undoable(
			() => {
				if (event.type === "node.confirmed") applyConfirmed(this.state, n);
				else applySpeculated(this.state, n, event);
			},
			() => {
				graph.restore(n, before.state);
				if (before.eager) nodes.flag(n, EAGER);
				else nodes.unflag(n, EAGER);
				if (before.state === READY && mode === "hold") frontier.putBack(n);
			},
		);
	}

	/** Compares joins with dependencies where a spec asked for them, and references and declarations wherever edges changed. */
	checkTerms(policies: PolicySource): Refusal | undefined {
		const { graph } = this.state;
		for (const n of this.unchecked) {
			if (!graph.isUnstarted(n)) continue;
			const refusal = checkTerms(graph, n, this.isFresh(n) || this.updated.has(n), policies);
			if (refusal !== undefined) return refusal;
		}
		this.unchecked.clear();
		this.updated.clear();
		return undefined;
	}

	isEager(n: number): boolean {
		return this.state.graph.nodes.has(n, EAGER);
	}
}

/** A path of ids as people read it, cut in the middle where it is long. */
export function pathText(path: readonly string[]): string {
	const shown = path.length <= 12 ? path : [...path.slice(0, 6), "…", ...path.slice(-5)];
	return shown.join(" → ");
}
