import type { Chunk, ChunkLog } from "./core/chunk-log.js";
import type { NodeId } from "./core/ids.js";
import type { NodeView, Snapshot } from "./graph/types.js";

/** How far an attempt of a node says that it is: the latest `{ done, total }` that it emitted. */
export interface Progress {
	readonly attempt: number;
	readonly done: number;
	readonly total: number;
}

/** Looks for progress among the chunks of a run. */
export class ProgressReader {
	readonly #log: ChunkLog;
	#next = 0;

	constructor(log: ChunkLog) {
		this.#log = log;
	}

	/** Whether chunks have come since the last look. */
	get isBehind(): boolean {
		return this.#next < this.#log.count;
	}

	/**
	 * The latest progress of nodes that go on, among the chunks since the last look. It costs no more than the chunks that
	 * are kept: of those that are gone nothing is known.
	 */
	read(snapshot: Snapshot): Map<NodeId, Progress> {
		const log = this.#log;
		const latest = new Map<NodeId, Chunk>();
		for (let number = Math.max(this.#next, log.oldest); number < log.count; number++) {
			const chunk = log.at(number);
			if (isProgress(chunk.chunk)) latest.set(chunk.node, chunk);
		}
		this.#next = log.count;
		const progress = new Map<NodeId, Progress>();
		for (const [node, { attempt, chunk }] of latest) {
			const view = snapshot.get(node);
			const { done, total } = chunk as Progress;
			if (view !== undefined && goesOn(view, attempt)) progress.set(node, Object.freeze({ attempt, done, total }));
		}
		return progress;
	}
}

/** Whether a node is in the middle of this attempt. */
export function goesOn({ state, wait, attempt }: NodeView, wanted: number): boolean {
	if (attempt !== wanted) return false;
	// One that was parked is ready for a moment before it goes on.
	return state === "running" || state === "ready" || (state === "waiting" && wait?.kind !== "retry");
}

function isProgress(chunk: unknown): boolean {
	if (typeof chunk !== "object" || chunk === null) return false;
	const { done, total } = chunk as { readonly done?: unknown; readonly total?: unknown };
	return typeof done === "number" && typeof total === "number";
}
