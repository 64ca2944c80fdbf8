import { SwarmError } from "../core/errors.js";
import { nameOf } from "../core/plain.js";
import type { Artifact } from "./delivery.js";

/** Something made, with a name, as an agent returns it: plain data, so it is stored like any output. */
export interface ArtifactValue {
	/** Its name. */
	readonly $artifact: string;
	readonly contentType: string;
	readonly content: string | Uint8Array;
}

const LONGEST_NAME = 1_000;

/**
 * Something that an agent made: a file, a picture, a report. It may return it as its output, or anywhere inside; what a
 * delivery gets of the run names it.
 *
 * @param made - `name`: up to 1,000 characters, it need not be unique; `contentType`: by default that of plain text or
 *   of bytes, as the content is; `content`: text or bytes
 * @throws SwarmError `INVALID_INPUT` for what cannot be one
 *
 * @example
 * ```ts
 * import { artifact, artifactsOf } from "dagswarm";
 *
 * const output = { words: 3, report: artifact({ name: "report.md", contentType: "text/markdown", content: "# Done" }) };
 * artifactsOf("writer", output); // [{ node: "writer", name: "report.md", contentType: "text/markdown", content: "# Done" }]
 * ```
 */
export function artifact(made: {
	readonly name: string;
	readonly contentType?: string;
	readonly content: string | Uint8Array;
}): ArtifactValue {
	const { name, content } = made;
	const isText = typeof content === "string";
	const { contentType = isText ? "text/plain; charset=utf-8" : "application/octet-stream" } = made;
	if (typeof name !== "string" || name === "" || name.length > LONGEST_NAME || !name.isWellFormed())
		throw new SwarmError("INVALID_INPUT", `an artifact needs a name of 1 to ${LONGEST_NAME} characters`);
	if (typeof contentType !== "string" || !/^[\x20-\x7e]{1,255}$/.test(contentType))
		throw new SwarmError("INVALID_INPUT", `the content type of the artifact "${name}" is none`);
	if (!isText && !(content instanceof Uint8Array))
		throw new SwarmError("INVALID_INPUT", `the content of the artifact "${name}" is ${nameOf(content)}`, {
			hint: "use text or a Uint8Array",
		});
	return { $artifact: name, contentType, content };
}

/**
 * The artifacts in a node's output, in the order in which they stand there; one that is referred to twice counts once.
 *
 * @param node - the id of the node
 * @param output - plain data; it may be as deep as it likes
 */
export function artifactsOf(node: string, output: unknown): Artifact[] {
	const found: Artifact[] = [];
	const seen = new Set<object>();
	// A stack, so that neither depth nor what refers to itself matters.
	const ahead: unknown[] = [output];
	while (ahead.length > 0) {
		const value = ahead.pop();
		if (typeof value !== "object" || value === null || value instanceof Uint8Array || seen.has(value)) continue;
		seen.add(value);
		if (isArtifact(value)) {
			const { $artifact: name, contentType, content } = value;
			found.push({ node, name, contentType, content });
			continue;
		}
		const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
		for (let index = members.length - 1; index >= 0; index--) ahead.push(members[index]);
	}
	return found;
}

function isArtifact(value: object): value is ArtifactValue {
	if (!Object.hasOwn(value, "$artifact")) return false;
	const { $artifact: name, contentType, content } = value as Record<string, unknown>;
	const isContent = typeof content === "string" || content instanceof Uint8Array;
	return typeof name === "string" && name !== "" && typeof contentType === "string" && isContent;
}
