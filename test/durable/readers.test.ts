import { createHash } from "node:crypto";
import { readRun, watchRun } from "dagswarm";
import { describe, expect, test } from "vitest";
import { findSync, openJournal } from "../journal/journal-file.js";
import { programs } from "./processes.js";
import type { AppendsTask } from "./programs/appends.js";
import type { LayersTask } from "./programs/layers.js";
import type { WatchTask } from "./programs/watch.js";

const { start, path } = programs();

const WELL = { code: 0, signal: null, stderr: "" };

describe("processes that look on", () => {
	test("see all of a run that another one writes, and end with it", async () => {
		const file = path("runs.db");
		const task: LayersTask = { file, run: "r", layers: 60, width: 8 };
		const writer = start("layers", task);
		await writer.expectLine("writing");
		const watchers = [1, 2].map(() => start("watch", { file, run: "r" } satisfies WatchTask));
		await Promise.all(watchers.map((watcher) => watcher.expectLine("watching")));
		writer.tell("go");
		for (const watcher of watchers) expect(await watcher.ended).toEqual(WELL);
		expect(await writer.ended).toEqual(WELL);

		const journal = openJournal(file, { readOnly: true });
		const stored = await readRun(journal, "r");
		expect(stored.outcome?.status).toBe("completed");
		const { lastSeq, epoch } = stored.summary;
		expect(writer.lines.at(-1)).toBe(`completed 480 ${lastSeq}`);
		expect(epoch).toBe(1);
		const hash = createHash("sha256");
		for await (const event of stored.events()) hash.update(JSON.stringify(event));
		const all = `${lastSeq} ${hash.digest("hex")}`;
		for (const { lines } of watchers) expect(lines).toEqual(["watching", all]);
		journal.close();
	});

	test("wait for a run whose process was killed, and see how another one brings it to its end", async () => {
		const file = path("runs.db");
		const effects = path("effects.jsonl");
		const task = { file, effects, run: "plan", durability: "strict", later: false } as const;
		const first = start("run", { ...task, kill: { at: "after append", n: 12 } });
		expect((await first.ended).signal).toBe("SIGKILL");
		const watcher = start("watch", { file, run: "plan" } satisfies WatchTask);
		await watcher.expectLine("watching");
		const second = start("run", task);
		expect(await second.ended).toEqual(WELL);
		expect(await watcher.ended).toEqual(WELL);
		const journal = openJournal(file, { readOnly: true });
		const { outcome, summary } = await readRun(journal, "plan");
		expect(outcome?.status).toBe("completed");
		expect(watcher.lines.at(-1)).toMatch(new RegExp(`^${summary.lastSeq} `));
		journal.close();
	});

	test("are told of each commit when they can see it, even if none follows", async () => {
		const file = path("runs.db");
		const writer = start("appends", { file, run: "r" } satisfies AppendsTask);
		await writer.expectLine("there");
		const journal = openJournal(file, { readOnly: true });
		const told = Promise.withResolvers<void>();
		let seen = 0;
		const look = (): void => {
			const last = findSync(journal, "r")?.lastSeq ?? 0;
			if (last === seen) return;
			seen = last;
			// The writer waits for this: whoever comes too early to see it is not called again.
			if (seen < 200) writer.tell("go");
			else told.resolve();
		};
		const end = journal.watch(look, told.reject);
		look();
		await told.promise;
		end();
		writer.signal("SIGTERM");
		journal.close();
	});

	test("may go when they like", async () => {
		const file = path("runs.db");
		const writer = start("layers", { file, run: "r", layers: 30, width: 8 } satisfies LayersTask);
		await writer.expectLine("writing");
		const journal = openJournal(file, { readOnly: true });
		const leaving = new AbortController();
		const killed = start("watch", { file, run: "r" } satisfies WatchTask);
		await killed.expectLine("watching");
		writer.tell("go");
		let completed = 0;
		for await (const _ of watchRun(journal, "r", { types: ["node.completed"], signal: leaving.signal })) {
			if (++completed === 20) killed.signal("SIGKILL");
			if (completed === 40) leaving.abort();
		}
		expect(completed).toBe(40);
		expect(await writer.ended).toEqual(WELL);
		expect((await readRun(journal, "r")).outcome?.stats.completed).toBe(240);
		journal.close();
	});
});
