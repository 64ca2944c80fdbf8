import { fileAudit } from "dagswarm";

/** What this process is told by its argument. */
export interface RecorderTask {
	readonly directory: string;
	readonly key: string;
	readonly sync: "close" | "always";
	/** The number of the first entry. */
	readonly from: number;
}

/** Records entries without end, and says which have been taken. */
const { directory, key, sync, from } = JSON.parse(process.argv[2] ?? "") as RecorderTask;
const run = { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: from > 1 };
const recorder = await fileAudit({ directory, key, sync }).startRun(run);
const text = "x".repeat(2_000);
for (let seq = from; ; seq++) {
	await recorder?.record({ at: seq, kind: "event", seq, type: "test", data: text });
	process.stdout.write(`${seq}\n`);
	// What has gathered is written in a turn of its own.
	if (seq % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
