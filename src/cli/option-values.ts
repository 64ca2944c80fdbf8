import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";

/** A whole number of an option. @throws SwarmError `INVALID_OPTION` */
export function wholeOption(text: string | undefined, name: string, least = 0): number | undefined {
	if (text === undefined) return undefined;
	const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
	if (Number.isSafeInteger(number) && number >= least) return number;
	throw new SwarmError("INVALID_OPTION", `${name} is ${JSON.stringify(text)}, not a whole number from ${least}`);
}

/** Words of an option, between commas, each one of those that there are. @throws SwarmError `INVALID_OPTION` */
export function wordsOption<Word extends string>(
	text: string | undefined,
	name: string,
	words: readonly Word[],
): Word[] | undefined {
	if (text === undefined) return undefined;
	return text.split(",").map((word) => {
		const known = words.find((each) => each === word.trim());
		if (known !== undefined) return known;
		throw new SwarmError("INVALID_OPTION", `${name} does not know ${JSON.stringify(word.trim())}`, {
			hint: `it takes ${words.join(", ")}, several of them between commas`,
		});
	});
}

/** A length of time with its unit. @throws SwarmError `INVALID_OPTION` */
export function durationOption(text: string | undefined, name: string): number | undefined {
	// Bare numbers would be milliseconds, which nobody means on a command line.
	if (text === undefined) return undefined;
	if (/^\d/.test(text) && /[a-z]$/.test(text)) return milliseconds(text as Duration, name);
	throw new SwarmError("INVALID_OPTION", `${name} is ${JSON.stringify(text)}, no length of time`, {
		hint: 'write a number with its unit, such as "90s", "12h" or "30d"',
	});
}

const SIZES: Readonly<Record<string, number>> = { "": 1, k: 1_000, m: 1e6, g: 1e9, t: 1e12 };
const BINARY_SIZES: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes, as `500MB`, `1.5 GB`, `2GiB` or a bare number. @throws SwarmError `INVALID_OPTION` */
export function bytesOption(text: string | undefined, name: string): number | undefined {
	if (text === undefined) return undefined;
	const [, count = "", prefix = "", binary] = /^(\d+(?:\.\d+)?) ?(?:([kmgt]?)(i)?b)?$/i.exec(text.trim()) ?? [];
	const factor = (binary === undefined ? SIZES : BINARY_SIZES)[prefix.toLowerCase()];
	if (count !== "" && factor !== undefined) return Math.round(Number(count) * factor);
	throw new SwarmError("INVALID_OPTION", `${name} is ${JSON.stringify(text)}, no size`, {
		hint: 'write a number with its unit, such as "500MB" or "2GiB"',
	});
}

/** JSON of an option or an operand. @throws SwarmError `INVALID_INPUT` */
export function jsonOption(text: string | undefined, name: string): unknown {
	if (text === undefined) return undefined;
	try {
		return JSON.parse(text) as unknown;
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new SwarmError("INVALID_INPUT", `${name} is no JSON: ${why}`, {
			hint: "a text is JSON in double quotes, and the shell takes single ones around it: '\"yes\"'",
		});
	}
}
