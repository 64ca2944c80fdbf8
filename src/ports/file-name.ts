import { sha256 } from "../core/checksum.js";

/** File systems take 255 bytes; the checksum and an ending need room, too. */
const MAX_READABLE = 120;
const HASH_LENGTH = 32;

/**
 * A file name for any text, never the same for two: not where a file system takes upper and lower case for the same
 * either. What can be read of the text is in front.
 */
export function fileName(text: string): string {
	return `${readable(text).slice(0, MAX_READABLE)}~${hashOf(text)}`;
}

/**
 * The text that a file name was made for.
 *
 * @returns undefined for a name that was cut off, or made for something else
 */
export function namedText(name: string): string | undefined {
	try {
		const text = decodeURIComponent(name.slice(0, -HASH_LENGTH - 1));
		return fileName(text) === name ? text : undefined;
	} catch {
		// Half of an escape sequence: cut off.
		return undefined;
	}
}

function readable(text: string): string {
	try {
		// Not every file system takes an asterisk.
		return encodeURIComponent(text).replaceAll("*", "%2A");
	} catch {
		// Half of a character outside of the basic plane: the checksum has to do.
		return "";
	}
}

function hashOf(text: string): string {
	// As JSON: in UTF-8 all such halves would be the same.
	return sha256(JSON.stringify(text)).slice(0, HASH_LENGTH);
}
