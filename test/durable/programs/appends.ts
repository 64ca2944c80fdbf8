import { createInterface } from "node:readline";
import { type RunAppend, sqliteJournal } from "dagswarm";

/** What this process is told by its argument. */
export interface AppendsTask {
	readonly file: string;
	readonly run: string;
}

/** Appends one record whenever it is told to, and does nothing else. */
const { file, run } = JSON.parse(process.argv[2] ?? "") as AppendsTask;
const journal = sqliteJournal(file);
let seq = 0;
async function append(): Promise<void> {
	seq++;
	const entry: RunAppend = {
		run,
		epoch: 1,
		...(seq === 1 && { create: { writer: { id: "w", pid: process.pid, host: "here" }, at: 1 } }),
		records: [{ firstSeq: seq, lastSeq: seq, at: 1, body: "x".repeat(20_000), checksum: 1 }],
		blobs: [],
		status: "running",
		ended: false,
		checkpoints: [],
		memos: [],
	};
	await journal.append([entry]);
}
await append();
process.stdout.write("there\n");
for await (const _ of createInterface({ input: process.stdin })) await append();
await journal.close();
