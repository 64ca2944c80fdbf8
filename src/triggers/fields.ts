import { type Duration, isDuration, milliseconds } from "../core/durations.js";
import { escapePointer, findNotPlain } from "../core/plain.js";
import { show } from "../graph/spec.js";
import { momentOf } from "./moment.js";
import type { Moment } from "./trigger.js";

/** What is wrong with something that somebody wrote. */
export interface Problem {
	/** JSON Pointer. */
	readonly path: string;
	readonly says: string;
	readonly hint?: string;
}

/** @returns undefined when nothing is wrong */
export type FieldCheck = (value: unknown, path: string) => Problem | undefined;

/** A check for each field that there may be. */
export type Fields<Shape> = Readonly<Record<keyof Shape, FieldCheck>>;

/** Checks an object: it has no other fields, and those that are there are right. */
export function checkObject(
	value: unknown,
	path: string,
	fields: Readonly<Record<string, FieldCheck>>,
): Problem | undefined {
	if (typeof value !== "object" || value === null || Array.isArray(value))
		return wrong(path, `is ${show(value)}, no object`);
	for (const [key, member] of Object.entries(value)) {
		const check = Object.hasOwn(fields, key) ? fields[key] : undefined;
		const here = `${path}/${escapePointer(key)}`;
		if (check === undefined)
			return { path: here, says: `there is no ${nameOf(here)}`, hint: `fields: ${Object.keys(fields).join(", ")}` };
		const problem = member === undefined ? undefined : check(member, here);
		if (problem !== undefined) return problem;
	}
	return undefined;
}

/** A problem of the field at a path: `on.every is 5, no text`. */
export function wrong(path: string, says: string, hint?: string): Problem {
	return { path, says: `${nameOf(path)} ${says}`, ...(hint !== undefined && { hint }) };
}

export function wholeFrom(least: number, most: number): FieldCheck {
	return (value, path) =>
		Number.isInteger(value) && (value as number) >= least && (value as number) <= most
			? undefined
			: wrong(path, `is ${show(value)}, not a whole number from ${least} to ${most}`);
}

export function numberFrom(least: number, most: number): FieldCheck {
	return (value, path) =>
		typeof value === "number" && value >= least && value <= most
			? undefined
			: wrong(path, `is ${show(value)}, not a number from ${least} to ${most}`);
}

export function durationUpTo(most?: Duration): FieldCheck {
	return (value, path) => {
		if (!isDuration(value)) return wrong(path, `is ${show(value)}, no duration`, 'use milliseconds, or "30s" or "5m"');
		return most !== undefined && milliseconds(value) > milliseconds(most)
			? wrong(path, `is ${show(value)}, more than ${most}`)
			: undefined;
	};
}

export function oneOf(...known: readonly string[]): FieldCheck {
	return (value, path) =>
		known.includes(value as string) ? undefined : wrong(path, `is ${show(value)}`, `use ${known.join(", ")}`);
}

export function listOf(check: FieldCheck): FieldCheck {
	return (value, path) => {
		if (!Array.isArray(value) || value.length === 0)
			return wrong(path, `is ${show(value)}, not a list with something in it`);
		for (let i = 0; i < value.length; i++) {
			const problem = check(value[i], `${path}/${i}`);
			if (problem !== undefined) return problem;
		}
		return undefined;
	};
}

export const aText: FieldCheck = (value, path) =>
	typeof value === "string" && value !== ""
		? undefined
		: wrong(path, `is ${show(value)}, not a text with a character in it`);

export const aFlag: FieldCheck = (value, path) =>
	typeof value === "boolean" ? undefined : wrong(path, `is ${show(value)}, neither true nor false`);

export const aMoment: FieldCheck = (value, path) =>
	momentOf(value as Moment) === undefined
		? wrong(
				path,
				`is ${show(value)}, no moment`,
				'write "2027-01-31T09:00:00+01:00" or "2027-01-31T08:00:00Z", with the offset, or milliseconds since 1970; up to the year 9999',
			)
		: undefined;

export const anId: FieldCheck = (value, path) =>
	typeof value === "string" && /^[A-Za-z0-9._-]{1,100}$/.test(value)
		? undefined
		: wrong(path, `is ${show(value)}, no id`, "ids have 1 to 100 letters, digits, dots, underscores and hyphens");

export const plainData: FieldCheck = (value, path) => {
	const found = findNotPlain(value);
	return found && wrong(`${path}${found.path}`, `is ${found.found}`, "it is kept in the store: use plain data");
};

function nameOf(path: string): string {
	return path === "" ? "a trigger" : path.slice(1).replaceAll("/", ".");
}
