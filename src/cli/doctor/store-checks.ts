import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { SwarmError } from "../../core/errors.js";
import { builtInSqlite } from "../../journal/sqlite-file.js";
import { sqliteJournal } from "../../journal/sqlite-journal.js";
import { isGone } from "../../recovery.js";
import { counted } from "../report/one-line.js";
import { type Check, ok, problem, warning } from "./check.js";

/** File systems of other machines, by their magic numbers (statfs(2) of Linux): locks do not hold there as they should. */
const NETWORK: ReadonlyMap<number, string> = new Map([
	[0x6969, "NFS"],
	[0x517b, "SMB"],
	[0xff534d42, "CIFS"],
	[0xfe534d42, "SMB2"],
	[0x5346414f, "AFS"],
	[0x01021997, "9P"],
	[0x65735546, "FUSE"],
]);

const MIB = 1024 * 1024;
/** The log grows by some MiB before it is brought into the file. */
const LEAST_BYTES = 16 * MIB;
const FEW_BYTES = 256 * MIB;
/** Larger files are not looked through whole: it would take minutes. */
const MAX_LOOKED_THROUGH = 1024 * MIB;

/** Looks at the file of a store and where it lies; nothing of it is written. */
export async function storeChecks(file: string): Promise<Check[]> {
	const folder = dirname(file);
	if (!existsSync(folder))
		return [problem("folder", `there is no folder ${folder}`, "make it, or name another store with --store")];
	const checks = [folderCheck(folder), diskCheck(folder), networkCheck(folder)];
	if (!existsSync(file)) {
		return [...checks, ok("store", `${file} is not there yet: the first \`dagswarm run\` makes it`)];
	}
	return [...checks, ...(await fileChecks(file))];
}

function folderCheck(folder: string): Check {
	if (may(folder, constants.R_OK | constants.W_OK | constants.X_OK)) return ok("folder", `${folder} can be written`);
	// Even readers need the files beside it, which somebody has to make.
	return problem("folder", `${folder} cannot be written`, "change its permissions, or name another store with --store");
}

function diskCheck(folder: string): Check {
	const { bavail, bsize } = statfsSync(folder);
	const free = bavail * bsize;
	const said = `${Math.round(free / MIB).toLocaleString("en")} MiB free`;
	if (free < LEAST_BYTES) return problem("disk", said, "free some space: runs fail when nothing can be written");
	return free < FEW_BYTES
		? warning("disk", said, "free some space, or prune old runs: dagswarm prune")
		: ok("disk", said);
}

function networkCheck(folder: string): Check {
	const name = NETWORK.get(statfsSync(folder).type >>> 0);
	if (name === undefined) return ok("file system", "is one of this machine, as far as can be told");
	return warning(
		"file system",
		`is ${name}: processes on several machines would damage the store, and locks may not hold`,
		"keep the store on a disk of the machine that runs it",
	);
}

async function fileChecks(file: string): Promise<Check[]> {
	if (!statSync(file).isFile()) return [problem("store", `${file} is no file`, "name another store with --store")];
	if (!may(file, constants.R_OK)) return [problem("store", `${file} cannot be read`, "change its permissions")];
	const bytes = statSync(file).size;
	const checks: Check[] = [];
	if (!may(file, constants.W_OK))
		checks.push(warning("store", `${file} can only be read`, "change its permissions if runs are to be kept in it"));
	try {
		checks.push(...(await contentChecks(file, bytes)));
	} catch (error) {
		if (!SwarmError.is(error)) throw error;
		checks.push(problem("store", `${error.code}: ${error.message}`, error.hint ?? "restore it from a backup"));
	}
	return checks;
}

async function contentChecks(file: string, bytes: number): Promise<Check[]> {
	const journal = sqliteJournal(file, { readOnly: true });
	try {
		const runs = await journal.runs();
		const left = runs.filter(({ ended, writer }) => !ended && (writer === undefined || isGone(writer)));
		const size = `${(bytes / MIB).toFixed(1)} MiB`;
		const checks = [ok("store", `${file}: ${counted(runs.length, "run")}, ${size}`), soundCheck(file, bytes)];
		if (left.length > 0) {
			checks.push(
				warning(
					"runs",
					`${counted(left.length, "run has", "runs have")} not ended, and no process has them`,
					"go on with them: dagswarm resume --all",
				),
			);
		}
		return checks;
	} finally {
		await journal.close();
	}
}

function soundCheck(file: string, bytes: number): Check {
	if (bytes > MAX_LOOKED_THROUGH) return ok("soundness", "the file is too large to be looked through here");
	const db = new (builtInSqlite().DatabaseSync)(file, { readOnly: true });
	try {
		const found = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
		if (found === "ok") return ok("soundness", "the file is not damaged");
		return problem(
			"soundness",
			`the file is damaged: ${String(found)}`,
			`save what can be read: dagswarm salvage ${file} NEW`,
		);
	} finally {
		db.close();
	}
}

function may(path: string, mode: number): boolean {
	try {
		accessSync(path, mode);
		return true;
	} catch {
		return false;
	}
}
