import { createReadStream } from "node:fs";
import { invalid } from "./workflow.js";

/** A file by its path, or text or UTF-8 bytes in chunks of any size. */
export type WorkflowSource = string | URL | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** What readers of workflows take. */
export interface ReadWorkflowOptions {
	/** The name of the workflow; by default the one in the file, or the file's own. */
	readonly name?: string;
	/** The most tasks that are read, 1 to 50,000,000; default 5,000,000. */
	readonly maxTasks?: number;
}

export const MOST_TASKS = 5_000_000;

const CHUNK_BYTES = 1024 * 1024;

/**
 * The chunks of a source.
 *
 * @throws SwarmError `INVALID_WORKFLOW` when a file cannot be read; `cause` says why
 */
export async function* chunksOf(source: WorkflowSource): AsyncGenerator<Uint8Array | string, void, undefined> {
	if (typeof source !== "string" && !(source instanceof URL)) {
		yield* source;
		return;
	}
	const file: AsyncIterable<Uint8Array> = createReadStream(source, { highWaterMark: CHUNK_BYTES });
	try {
		yield* file;
	} catch (cause) {
		const error = invalid(`${String(source)} cannot be read: ${(cause as Error).message}`);
		error.cause = cause;
		throw error;
	}
}

/** The name of a file without folder and ending; a default for other sources. */
export function nameOf(source: WorkflowSource): string {
	const path = source instanceof URL ? source.pathname : typeof source === "string" ? source : "";
	const name =
		path
			.split(/[/\\]/)
			.at(-1)
			?.replace(/\.[^.]+$/, "") ?? "";
	return name === "" ? "workflow" : name;
}
