import { chunksOf, type WorkflowSource } from "./source.js";
import { type ReadStgOptions, readStg } from "./stg-reader.js";
import { readWfFormat } from "./wfformat-reader.js";
import type { Workflow } from "./workflow.js";

/**
 * Reads a workflow of either format: WfFormat when the first character is a brace, else STG.
 *
 * @param source - the path of a file, or its text or UTF-8 bytes in chunks
 * @throws SwarmError `INVALID_WORKFLOW`
 */
export async function readWorkflow(source: WorkflowSource, options: ReadStgOptions = {}): Promise<Workflow> {
	const chunks = chunksOf(source);
	const seen: (Uint8Array | string)[] = [];
	let format = formatOf(seen);
	while (format === undefined) {
		const next = await chunks.next();
		if (next.done === true) break;
		seen.push(next.value);
		format = formatOf(seen);
	}
	const read = format === "json" ? readWfFormat : readStg;
	if (typeof source !== "string" && !(source instanceof URL)) return read(replayed(seen, chunks), options);
	// A file is opened anew, by the name that its reader is to know.
	await chunks.return();
	return read(source, options);
}

async function* replayed<Chunk>(seen: readonly Chunk[], rest: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
	yield* seen;
	yield* rest;
}

/** What the first character that is no space says; undefined while there is none. */
function formatOf(chunks: readonly (Uint8Array | string)[]): "json" | "stg" | undefined {
	const bytes = chunks.map((chunk) => (typeof chunk === "string" ? chunk : new TextDecoder("latin1").decode(chunk)));
	// A byte order mark may come first, as one character or as its three bytes.
	const start = bytes.join("").replace(/^(?:\ufeff|\u00ef\u00bb\u00bf|\u00ef\u00bb$|\u00ef$)?\s*/, "");
	if (start === "") return undefined;
	return start.startsWith("{") || start.startsWith("[") ? "json" : "stg";
}
