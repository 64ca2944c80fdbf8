/** A document as JSON: indented for people, in one line for programs. */
export function json(document: unknown, { isTerminal }: { readonly isTerminal: boolean }): string {
	return JSON.stringify(document, bytesAsText, isTerminal ? 2 : undefined);
}

/** For `JSON.stringify`: bytes as base64, as the journal has them, in place of a number each. */
export function bytesAsText(this: unknown, key: string, value: unknown): unknown {
	// Not `value`: a Buffer has gone through its own toJSON by then.
	const bytes = (this as Record<string, unknown>)[key];
	return bytes instanceof Uint8Array ? { $bytes: Buffer.from(bytes).toString("base64") } : value;
}

/** One document of JSON Lines. */
export function jsonLine(document: unknown): string {
	return JSON.stringify(document, bytesAsText);
}
