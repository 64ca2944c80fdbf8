import { checksum } from "./checksum.js";

const SEAL_LENGTH = 8;

/** A text of its own, with a checksum in front: eight hexadecimal digits. */
export function sealed(text: string): string {
	return checksum("", 0, 0, text).toString(16).padStart(8, "0") + text;
}

/**
 * The text without its checksum.
 *
 * @returns undefined when it is not as it was written
 */
export function sealedText(body: string): string | undefined {
	const text = body.slice(SEAL_LENGTH);
	return sealed(text) === body ? text : undefined;
}
