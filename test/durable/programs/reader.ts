import { createHash } from "node:crypto";
import { sqliteJournal } from "dagswarm";
import { readEvents } from "../../../src/journal/reader.js";

/** What this process is told by its argument. */
export interface ReaderTask {
	readonly file: string;
	readonly run: string;
}

/** Reads a run to its end while another process writes it; says how much it read, and a hash of it. */
const { file, run } = JSON.parse(process.argv[2] ?? "") as ReaderTask;
const journal = sqliteJournal(file, { readOnly: true });
const hash = createHash("sha256");
let next = 1;
let reads = 0;
for (let ended = false; !ended; reads++) {
	// Asked first: what is written after the answer belongs to the next reading.
	ended = (await journal.find(run))?.ended === true;
	next = 1 + (await readEvents(journal, run, next, (event) => hash.update(JSON.stringify(event))));
	if (reads === 0) process.stdout.write("reading\n");
	await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write(`${next - 1} ${hash.digest("hex")}\n`);
