import { SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import { findNotPlain } from "../core/plain.js";
import { sealed, sealedText } from "../core/sealed-text.js";
import { taggedText, untagged } from "../core/tagged-json.js";

/** What is in a text: whose state it is, too, so that one that stands in the wrong place is found out. */
interface Saved {
	readonly run: RunId;
	readonly node: NodeId;
	readonly state?: unknown;
}

/**
 * The state of a node as text that can be read back as it was, with a checksum.
 *
 * @throws SwarmError `INVALID_INPUT` for what is not plain data
 */
export function checkpointText(run: RunId, node: NodeId, state: unknown): string {
	const wrong = state === undefined ? undefined : findNotPlain(state);
	if (wrong === undefined) return sealed(taggedText({ run, node, state } satisfies Saved));
	throw new SwarmError("INVALID_INPUT", `the checkpoint of node "${node}" holds ${wrong.found} at "${wrong.path}"`, {
		nodes: [node],
		path: wrong.path,
	});
}

/**
 * The node and the state of such a text.
 *
 * @returns undefined when it is not as it was written, or of another run
 */
export function readCheckpoint(run: RunId, text: string): Pick<Saved, "node" | "state"> | undefined {
	const body = sealedText(text);
	if (body === undefined) return undefined;
	// The checksum says that it is what was written; large values stand in it as they are.
	const saved = untagged(JSON.parse(body), () => undefined) as Saved;
	return saved.run === run ? { node: saved.node, state: saved.state } : undefined;
}

/** The node that a damaged text names, if that is still to be read. It may be wrong. */
export function nodeIn(text: string): NodeId | undefined {
	const [, quoted] = /"node":("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
	try {
		return quoted === undefined ? undefined : (JSON.parse(quoted) as NodeId);
	} catch {
		// An escape sequence that is none any more.
		return undefined;
	}
}
