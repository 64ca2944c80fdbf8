import type { Retention, StoredSnapshot } from "dagswarm";
import { SqliteFile } from "../../../src/journal/sqlite-file.js";
import { SqliteJournal } from "../../../src/journal/sqlite-journal.js";
import { die } from "./kills.js";

/** What this process is told by its argument. */
export interface MaintenanceTask {
	readonly file: string;
	/** Where it dies: in the n-th transaction, when all of it is written and nothing is committed, or right after it. */
	readonly inside: boolean;
	readonly n: number;
	readonly prune?: Retention;
	readonly snapshot?: { readonly run: string; readonly epoch: number; readonly snapshot: StoredSnapshot };
}

/** Looks after a journal, and dies while it does; ends by itself where it comes to no n-th transaction. */
const { file: path, inside, n, prune, snapshot } = JSON.parse(process.argv[2] ?? "") as MaintenanceTask;
const file = SqliteFile.open(path);
const transaction = file.transaction.bind(file);
let count = 0;
file.transaction = (sync, write) => {
	const isLast = ++count === n;
	const result = transaction(sync, () => {
		const written = write();
		if (isLast && inside) die();
		return written;
	});
	if (isLast) die();
	return result;
};
const journal = new SqliteJournal(file);
if (snapshot !== undefined) journal.saveSnapshot(snapshot.run, snapshot.epoch, snapshot.snapshot);
if (prune !== undefined) await journal.prune(prune, Number.MAX_SAFE_INTEGER);
process.stdout.write(`${count}\n`);
journal.close();
