import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import picomatch from "picomatch";
import { milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { checkWhole } from "../core/whole.js";
import type { FileSchedule } from "./trigger.js";

/** A file trigger's settings, checked, with what is left out filled in. */
export interface FileSettings {
	/** Milliseconds. */
	readonly settle: number;
	readonly maxFileBytes: number;
	readonly maxFiles: number;
}

const MAX_SETTLE_MS = 60_000;

/**
 * Checks when a file trigger is to start runs, without a look at the disk.
 *
 * @throws SwarmError `INVALID_OPTION`: no path, a path or glob that is none, a negated one, a relative `cwd`, a number out of range
 */
export function fileSettings(schedule: FileSchedule): FileSettings {
	const { paths, ignore = [], cwd, settle = 100, maxFileBytes = 64 * 1024 * 1024, maxFiles = 10_000 } = schedule;
	if (!Array.isArray(paths) || paths.length === 0) throw invalid("on.paths names no path", "name at least one");
	if (!Array.isArray(ignore)) throw invalid("on.ignore is no list of globs");
	for (const text of [...paths, ...ignore] as unknown[]) checkPattern(text);
	if (cwd !== undefined && !(typeof cwd === "string" && isAbsolute(cwd))) throw invalid("on.cwd is no absolute path");
	checkWhole(maxFileBytes, "on.maxFileBytes", 0, Number.MAX_SAFE_INTEGER);
	checkWhole(maxFiles, "on.maxFiles", 1, 1_000_000);
	const settleMs = milliseconds(settle, "on.settle");
	if (settleMs > MAX_SETTLE_MS) throw invalid("on.settle is longer than a minute");
	return { settle: settleMs, maxFileBytes, maxFiles };
}

function checkPattern(text: unknown): void {
	if (typeof text !== "string" || text.trim() === "" || text.includes("\0"))
		throw invalid(`${JSON.stringify(text)} is neither a path nor a glob`);
	if (picomatch.scan(text).negated)
		throw invalid(`the glob "${text}" is negated`, "list what does not count in on.ignore");
}

function invalid(message: string, hint?: string): SwarmError {
	return new SwarmError("INVALID_OPTION", message, hint === undefined ? {} : { hint });
}

type Test = (path: string) => boolean;

interface Pattern {
	/** The folder, or the file, that everything it matches is in. */
	readonly base: string;
	/** It is a path: the base itself counts, too. */
	readonly isPath: boolean;
	/** Of a path below the base, with `/`. */
	readonly matches: Test;
	/** Whether something below that folder may match. */
	readonly leads: Test;
}

/**
 * Which files a trigger is about. A path is a file, or a folder with everything below it; names that begin with a dot count
 * when the pattern names them, as in a shell. What is ignored is so with everything below it, dots or not.
 */
export class FilePatterns {
	readonly #patterns: readonly Pattern[];
	readonly #ignored: readonly Pattern[];

	/** @param cwd - absolute */
	constructor(
		schedule: FileSchedule,
		readonly cwd: string,
	) {
		this.#patterns = schedule.paths.map((text) => patternOf(text, cwd, false));
		this.#ignored = (schedule.ignore ?? []).map((text) => patternOf(text, cwd, true));
	}

	/** Where files may be: folders, or files, that need not be there. */
	get bases(): readonly string[] {
		return [...new Set(this.#patterns.map(({ base }) => base))];
	}

	/** Whether a file of that absolute path counts. */
	wants(path: string): boolean {
		const fits = this.#patterns.some(
			({ base, isPath, matches }) => (isPath && path === base) || (isBelow(path, base) && matches(below(path, base))),
		);
		return fits && !this.#ignores(path);
	}

	/** Whether files that count may be below a folder. */
	leadsTo(path: string): boolean {
		const leads = this.#patterns.some(
			({ base, leads }) => path === base || isBelow(base, path) || (isBelow(path, base) && leads(below(path, base))),
		);
		return leads && !this.#ignores(path);
	}

	/** Whether a path is that of a folder that a base is in. */
	isAbove(path: string): boolean {
		return this.#patterns.some(({ base }) => isBelow(base, path));
	}

	/** How a file is called in the manifest. */
	keyOf(path: string): string {
		return below(path, this.cwd);
	}

	/** The file of a name in the manifest. */
	pathOf(key: string): string {
		return resolve(this.cwd, key);
	}

	#ignores(path: string): boolean {
		return this.#ignored.some(({ base, isPath, matches }) => {
			for (let each = path; isBelow(each, base); each = dirname(each)) if (matches(below(each, base))) return true;
			return isPath && (path === base || isBelow(path, base));
		});
	}
}

/** Whether a path is one of those below a folder; the folder is not below itself. */
export function isBelow(path: string, folder: string): boolean {
	return path.startsWith(folder.endsWith(sep) ? folder : folder + sep) && path !== folder;
}

function below(path: string, folder: string): string {
	const rest = relative(folder, path);
	return sep === "/" ? rest : rest.replaceAll(sep, "/");
}

function patternOf(text: string, cwd: string, dot: boolean): Pattern {
	const { isGlob, base, glob } = picomatch.scan(text);
	const place = { base: resolve(cwd, unescaped(base)), isPath: !isGlob };
	if (isGlob) return { ...place, matches: picomatch(glob, { dot }), leads: leadsOf(glob, dot) };
	const all = picomatch("**", { dot });
	return { ...place, matches: all, leads: all };
}

/** Folders fit when they fit the beginning of the glob; after `**` all do. */
function leadsOf(glob: string, dot: boolean): Test {
	// Braces and parentheses may hold a slash: cutting them there would leave halves.
	const segments = /[{(]/.test(glob) ? ["**"] : glob.split("/").slice(0, -1);
	if (segments.length === 0 && glob.includes("**")) segments.push("**");
	const beginnings: string[] = [];
	for (const segment of segments) {
		beginnings.push([...beginnings.slice(-1), segment].join("/"));
		if (segment.includes("**")) break;
	}
	const tests = beginnings.map((beginning) => picomatch(beginning, { dot }));
	return (path) => tests.some((test) => test(path));
}

function unescaped(text: string): string {
	return sep === "/" ? text.replace(/\\(.)/g, "$1") : text;
}
