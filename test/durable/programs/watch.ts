import { createHash } from "node:crypto";
import { sqliteJournal, watchRun } from "dagswarm";

/** What this process is told by its argument. */
export interface WatchTask {
	readonly file: string;
	readonly run: string;
}

/** Watches a run to its end while another process writes it; says how much it saw, and a hash of it. */
const { file, run } = JSON.parse(process.argv[2] ?? "") as WatchTask;
const journal = sqliteJournal(file, { readOnly: true });
const hash = createHash("sha256");
let seen = 0;
for await (const event of watchRun(journal, run)) {
	hash.update(JSON.stringify(event));
	if (event.seq !== ++seen) throw new Error(`event ${event.seq} came after ${seen - 1}`);
	if (seen === 1) process.stdout.write("watching\n");
}
process.stdout.write(`${seen} ${hash.digest("hex")}\n`);
await journal.close();
