import { SwarmError } from "../core/errors.js";

/** https://www.sqlite.org/rescode.html: the low byte of an extended code is its primary code. */
const PRIMARY = 0xff;
const CODES = { perm: 3, busy: 5, locked: 6, noMem: 7, readOnly: 8, ioErr: 10, corrupt: 11, full: 13, cantOpen: 14 };
const NOT_A_DATABASE = 26;

const UNAVAILABLE: ReadonlyMap<number, readonly [what: string, hint: string]> = new Map([
	[CODES.perm, ["may not be accessed", "check the permissions of the file and its folder"]],
	[CODES.busy, ["is locked by another process", "wait until it has written, or raise busyTimeout"]],
	[CODES.locked, ["is locked by this process", "end what reads it"]],
	[CODES.noMem, ["needs more memory than there is", "free some memory"]],
	[CODES.readOnly, ["cannot be written", "check the permissions of the file and its folder"]],
	[CODES.ioErr, ["could not be read or written", "check the disk"]],
	[CODES.full, ["has no room", "free some space on the disk"]],
	[CODES.cantOpen, ["cannot be opened", "check that its folder exists and may be written"]],
]);

/** The result code of SQLite, if that is where an error comes from. */
export function sqliteCode(error: unknown): number | undefined {
	const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
	return error instanceof Error && typeof errcode === "number" ? errcode & PRIMARY : undefined;
}

/** Whether SQLite has found the file itself damaged, or a number in it that none can be. */
export function isDamage(error: unknown): boolean {
	const code = sqliteCode(error);
	if (code === CODES.corrupt || code === NOT_A_DATABASE) return true;
	return error instanceof Error && (error as { readonly code?: unknown }).code === "ERR_OUT_OF_RANGE";
}

export function isBusy(error: unknown): boolean {
	return sqliteCode(error) === CODES.busy;
}

/** What an error of SQLite means to who uses the journal; other errors are handed back as they are. */
export function journalFault(error: unknown, path: string): unknown {
	if (isDamage(error)) return damaged(path, error instanceof Error ? error.message : "", error);
	const code = sqliteCode(error);
	const known = code === undefined ? undefined : UNAVAILABLE.get(code);
	if (known === undefined || !(error instanceof Error)) return error;
	const [what, hint] = known;
	return new SwarmError(
		"JOURNAL_UNAVAILABLE",
		`the journal ${path} ${what}: ${error.message}`,
		{ hint },
		{ cause: error },
	);
}

/** The file is damaged, or no journal at all. */
export function damaged(path: string, how: string, cause?: unknown): SwarmError {
	return new SwarmError(
		"JOURNAL_CORRUPT",
		`the journal ${path} is damaged, or is none: ${how}`,
		{ hint: "restore it from a backup, or copy what can be read with: dagswarm salvage <from> <to>" },
		{ cause },
	);
}
