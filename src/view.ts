import { enablePatches, type Patch as ImmerPatch, produceWithPatches } from "immer";
import { Emitter } from "./core/emitter.js";
import type { NodeId } from "./core/ids.js";
import { escapePointer } from "./core/plain.js";
import type { GraphActor } from "./graph/actor.js";
import type { NodeView, Snapshot, StateCounts } from "./graph/types.js";

enablePatches();

/** Nodes on a page. Small, so that a change copies little; a page is what a patch goes through. */
const PAGE = 64;

/** What a viewer sees of a run: frozen, and shared between versions where nothing changed. */
export interface ViewState {
	readonly run: string;
	readonly seq: number;
	readonly status: Snapshot["status"];
	readonly counts: StateCounts;
	/** Nodes in order of insertion, 64 on a page. */
	readonly pages: readonly (readonly NodeView[])[];
}

/** One operation of a JSON Patch (RFC 6902). */
export interface JsonPatch {
	readonly op: "add" | "replace" | "remove";
	readonly path: string;
	readonly value?: unknown;
}

/**
 * A live view of a run. It costs something only while somebody subscribes: one new version for each
 * committed batch, in proportion to what the batch changed.
 */
export class RunView {
	readonly #actor: GraphActor;
	#state: ViewState;
	/** What the latest version was made of. */
	#snapshot: Snapshot;
	readonly #emitter: Emitter<{ readonly view: readonly [ViewState, readonly JsonPatch[]] }>;
	#unsubscribe: (() => void) | undefined;

	constructor(actor: GraphActor) {
		this.#actor = actor;
		this.#emitter = new Emitter(actor.report);
		this.#snapshot = actor.snapshot();
		this.#state = this.#read();
	}

	/** The run as it is committed now. */
	get current(): ViewState {
		if (this.#unsubscribe === undefined && this.#state.seq !== this.#actor.state.seq) this.#state = this.#read();
		return this.#state;
	}

	get(id: NodeId): NodeView | undefined {
		return this.#actor.snapshot().get(id);
	}

	/**
	 * Hears of each new version, with the JSON Patch that leads to it from the one before.
	 *
	 * @returns a function that stops it
	 */
	subscribe(listener: (state: ViewState, patches: readonly JsonPatch[]) => void): () => void {
		this.#state = this.current;
		const off = this.#emitter.on("view", ([state, patches]) => listener(state, patches));
		this.#unsubscribe ??= this.#actor.subscribe(() => this.#advance());
		return () => {
			off();
			if (this.#emitter.count("view") > 0) return;
			this.#unsubscribe?.();
			this.#unsubscribe = undefined;
		};
	}

	#advance(): void {
		const snapshot = this.#actor.snapshot();
		const [next, patches] = produceWithPatches(this.#state as Draftable, (draft) => {
			draft.seq = snapshot.seq;
			draft.status = snapshot.status;
			draft.counts = snapshot.counts;
			for (const [place, node] of snapshot.changedSince(this.#snapshot)) put(draft.pages, place, node);
		});
		this.#snapshot = snapshot;
		this.#state = next;
		this.#emitter.emit("view", [next, patches.map(toJsonPatch)]);
	}

	#read(): ViewState {
		const snapshot = this.#actor.snapshot();
		this.#snapshot = snapshot;
		const pages: NodeView[][] = [];
		let place = 0;
		for (const node of snapshot.nodes()) put(pages, place++, node);
		const { run, seq, status, counts } = snapshot;
		return Object.freeze({ run, seq, status, counts, pages: Object.freeze(pages.map((page) => Object.freeze(page))) });
	}
}

function put(pages: NodeView[][], place: number, node: NodeView): void {
	const page = pages[Math.floor(place / PAGE)];
	if (page === undefined) pages.push([node]);
	else page[place % PAGE] = node;
}

interface Draftable {
	run: string;
	seq: number;
	status: Snapshot["status"];
	counts: StateCounts;
	pages: NodeView[][];
}

function toJsonPatch({ op, path, value }: ImmerPatch): JsonPatch {
	const pointer = path.map((token) => `/${escapePointer(String(token))}`).join("");
	return op === "remove" ? { op, path: pointer } : { op, path: pointer, value };
}
