import { SwarmError } from "../core/errors.js";

/** What is known of a file. */
export interface FileState {
	/** SHA-256 of its content in hexadecimal digits; of a file above `maxFileBytes`, of its size and its time. */
	readonly hash: string;
	/** Bytes. */
	readonly size: number;
	/** When it was written, as the disk says; milliseconds since the Unix epoch. */
	readonly mtimeMs: number;
}

/** What a file trigger knows of its files. */
export interface Manifest {
	/** The number of the last change; 0 before the first one. */
	readonly change: number;
	/** By the path below the trigger's `cwd`, with `/` on every system: a project that moves has not changed. */
	readonly files: ReadonlyMap<string, FileState>;
}

/** Knows of no file. */
export const EMPTY_MANIFEST: Manifest = { change: 0, files: new Map() };

/** The store's document that keeps what a trigger knows of its files. */
export function manifestName(trigger: string, revision: number): string {
	return `files/${trigger}@${revision}`;
}

const FORMAT = 1;

/** A manifest as text: JSON, files by path, so that equal ones give equal texts. */
export function manifestText(manifest: Manifest): string {
	const files = [...manifest.files]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([path, { hash, size, mtimeMs }]) => [path, hash, size, mtimeMs]);
	return JSON.stringify({ format: FORMAT, change: manifest.change, files });
}

/**
 * The manifest of a text.
 *
 * @param name - of the document, for the error's message
 * @throws SwarmError `JOURNAL_CORRUPT` when it is none, `JOURNAL_VERSION` when a newer version of this library wrote it
 */
export function parseManifest(text: string, name = "files"): Manifest {
	let parsed: unknown;
	try {
		parsed = JSON.parse(text);
	} catch (error) {
		throw corrupt(name, error);
	}
	const { format, change, files } = (parsed ?? {}) as Record<string, unknown>;
	if (typeof format === "number" && format > FORMAT)
		throw new SwarmError(
			"JOURNAL_VERSION",
			`the document "${name}" has format ${format}, this version reads ${FORMAT}`,
		);
	if (format !== FORMAT || !isCount(change) || !Array.isArray(files) || !files.every(isEntry)) throw corrupt(name);
	return { change, files: new Map(files.map(([path, hash, size, mtimeMs]) => [path, { hash, size, mtimeMs }])) };
}

function isEntry(entry: unknown): entry is [path: string, hash: string, size: number, mtimeMs: number] {
	if (!Array.isArray(entry) || entry.length !== 4) return false;
	const [path, hash, size, mtimeMs] = entry as unknown[];
	return (
		typeof path === "string" &&
		typeof hash === "string" &&
		/^[0-9a-f]{64}$/.test(hash) &&
		isCount(size) &&
		typeof mtimeMs === "number"
	);
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function corrupt(name: string, cause?: unknown): SwarmError {
	const hint = "take the document away: what is there then is the new baseline, and changes since are not found";
	return new SwarmError(
		"JOURNAL_CORRUPT",
		`the document "${name}" is not what a trigger knows of its files`,
		{ hint },
		{ cause },
	);
}
