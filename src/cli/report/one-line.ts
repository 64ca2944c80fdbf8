import { stripVTControlCharacters } from "node:util";
import { bytesAsText } from "./json.js";

/** Control characters, and those that change the direction of what follows: a terminal would do what they say. */
export const CONTROLS = /[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * Somebody else's text as a part of a line: it can neither end the line nor tell the terminal anything.
 *
 * @param longest - characters at most; what is longer ends with "…"
 */
export function oneLine(text: string, longest = 200): string {
	// Cut first: an error may have a page of text, and nobody sees the rest.
	const head = text.length > longest * 2 ? text.slice(0, longest * 2) : text;
	const line = stripVTControlCharacters(head).replace(/\s+/g, " ").trim().replace(CONTROLS, "\u{fffd}");
	// The cut may go through a character of two halves.
	return line.length > longest
		? `${line
				.slice(0, Math.max(0, longest - 1))
				.toWellFormed()
				.trimEnd()}…`
		: line;
}

/** A value as a part of a line. */
export function valueText(value: unknown, longest = 80): string {
	return oneLine(JSON.stringify(value, bytesAsText) ?? "undefined", longest);
}

/** `1 run`, `2 runs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
	return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A word of a command line, as a shell takes it: in quotes where that is needed. */
export function shellWord(text: string): string {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command that somebody may type. */
export function shellLine(...words: readonly string[]): string {
	return ["dagswarm", ...words.map(shellWord)].join(" ");
}
