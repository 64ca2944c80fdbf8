import { enablePatches, type Patch as ImmerPatch, produceWithPatches } from "immer";
import { Emitter } from "./core/emitter.js";
import type { NodeId } from "./core/ids.js";
import { escapePointer } from "./core/plain.js";
import { Sleeper } from "./core/reader.js";
import type { GraphActor } from "./graph/actor.js";
import type { NodeView, Snapshot, StateCounts } from "./graph/types.js";
import type { RunReaders } from "./run-readers.js";
import { goesOn, type Progress, ProgressReader } from "./view-progress.js";

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
	/** What nodes that are in the middle of an attempt have emitted last that looks like `{ done, total }`. */
	readonly progress: Readonly<Record<NodeId, Progress>>;
}

/** One operation of a JSON Patch (RFC 6902). */
export interface JsonPatch {
	readonly op: "add" | "replace" | "remove";
	readonly path: string;
	readonly value?: unknown;
}

/**
 * A live view of a run. It costs something only while somebody subscribes: one new version for each
 * committed batch, and for each turn in which nodes tell of their progress, in proportion to what has changed.
 */
export class RunView {
	readonly #actor: GraphActor;
	readonly #readers: RunReaders;
	#state: ViewState;
	/** What the latest version was made of. */
	#snapshot: Snapshot;
	readonly #emitter: Emitter<{ readonly view: readonly [ViewState, readonly JsonPatch[]] }>;
	#unsubscribe: (() => void) | undefined;
	#progress: ProgressReader | undefined;

	constructor(actor: GraphActor, readers: RunReaders) {
		this.#actor = actor;
		this.#readers = readers;
		this.#emitter = new Emitter(actor.report);
		this.#snapshot = actor.snapshot();
		this.#state = this.#read();
	}

	/** The run as it is committed now. */
	get current(): ViewState {
		if (this.#unsubscribe === undefined && (this.#state.seq !== this.#actor.state.seq || this.#hasProgress))
			this.#state = this.#read();
		return this.#state;
	}

	get(id: NodeId): NodeView | undefined {
		return this.#actor.snapshot().get(id);
	}

	/**
	 * Hears of each new version, with the JSON Patch that leads to it from the one before. The first one leads on from
	 * {@link current}.
	 *
	 * @returns a function that stops it
	 */
	subscribe(listener: (state: ViewState, patches: readonly JsonPatch[]) => void): () => void {
		this.#state = this.current;
		const off = this.#emitter.on("view", ([state, patches]) => listener(state, patches));
		this.#unsubscribe ??= this.#follow();
		return () => {
			off();
			if (this.#emitter.count("view") > 0) return;
			this.#unsubscribe?.();
			this.#unsubscribe = undefined;
		};
	}

	/**
	 * Hears of each new version only as the JSON Patch (RFC 6902) that leads to it: what a user interface elsewhere is
	 * sent, after {@link current} once.
	 *
	 * @returns a function that stops it
	 */
	onPatch(listener: (patches: readonly JsonPatch[]) => void): () => void {
		return this.subscribe((_, patches) => listener(patches));
	}

	/** @returns a function that stops it */
	#follow(): () => void {
		const off = this.#actor.subscribe(() => this.#advance());
		const sleeper = new Sleeper();
		void this.#followProgress(sleeper);
		return () => {
			off();
			sleeper.close();
		};
	}

	/** Once in a turn in which chunks came. */
	async #followProgress(sleeper: Sleeper): Promise<void> {
		const { log } = this.#readers;
		for (;;) {
			await sleeper.sleep(log.bell);
			if (sleeper.closed || log.isClosed) return;
			const said = this.#said(this.#snapshot);
			if (said !== undefined && said.size > 0) this.#become((draft) => tell(draft.progress, said));
		}
	}

	get #hasProgress(): boolean {
		return this.#readers.madeLog !== undefined && this.#progress?.isBehind !== false;
	}

	/** What nodes have said of their progress since it was asked last. */
	#said(snapshot: Snapshot): Map<NodeId, Progress> | undefined {
		const log = this.#readers.madeLog;
		if (log === undefined) return undefined;
		this.#progress ??= new ProgressReader(log);
		return this.#progress.read(snapshot);
	}

	#advance(): void {
		const snapshot = this.#actor.snapshot();
		const before = this.#snapshot;
		this.#snapshot = snapshot;
		this.#become((draft) => {
			draft.seq = snapshot.seq;
			draft.status = snapshot.status;
			draft.counts = snapshot.counts;
			const { progress } = draft;
			for (const [place, node] of snapshot.changedSince(before)) {
				put(draft.pages, place, node);
				const known = this.#state.progress[node.id];
				if (known !== undefined && !goesOn(node, known.attempt)) delete progress[node.id];
			}
			const said = this.#said(snapshot);
			if (said !== undefined) tell(progress, said);
		});
	}

	#become(change: (draft: Draftable) => void): void {
		const [next, patches] = produceWithPatches(this.#state as Draftable, change);
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
		return Object.freeze({
			run,
			seq,
			status,
			counts,
			pages: Object.freeze(pages.map((page) => Object.freeze(page))),
			progress: Object.freeze(this.#goingOn(snapshot)),
		});
	}

	#goingOn(snapshot: Snapshot): Record<NodeId, Progress> {
		// Without a prototype every id is a key like any other.
		const progress: Record<NodeId, Progress> = Object.create(null);
		for (const [node, known] of Object.entries(this.#state?.progress ?? {})) {
			const view = snapshot.get(node);
			if (view !== undefined && goesOn(view, known.attempt)) progress[node] = known;
		}
		const said = this.#said(snapshot);
		if (said !== undefined) tell(progress, said);
		return progress;
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
	progress: Record<NodeId, Progress>;
}

function tell(progress: Record<NodeId, Progress>, said: ReadonlyMap<NodeId, Progress>): void {
	for (const [node, latest] of said) progress[node] = latest;
}

function toJsonPatch({ op, path, value }: ImmerPatch): JsonPatch {
	const pointer = path.map((token) => `/${escapePointer(String(token))}`).join("");
	return op === "remove" ? { op, path: pointer } : { op, path: pointer, value };
}
