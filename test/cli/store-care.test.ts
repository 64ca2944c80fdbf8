import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileAudit, type VirtualClock } from "dagswarm";
import { beforeAll, describe, expect, test } from "vitest";
import { journalFiles, openJournal, runsOf } from "../journal/journal-file.js";
import { folder, infoOf, KEY, recordAll, STATS } from "../ports/fixture.js";
import { dagswarm } from "./fake-world.js";
import { fillStore, onStore } from "./sample-runs.js";

const files = journalFiles();
let file: string;
let clock: VirtualClock;
let run: ReturnType<typeof onStore>;

beforeAll(async () => {
	file = files.next();
	clock = await fillStore(file);
	run = onStore(file, clock);
});

describe("dagswarm diff", () => {
	test("says what differs between two runs, and exits with 1", async () => {
		const { code, out, error } = await run("diff", "news-1", "order-7/caller/1.1");
		expect([code, error]).toEqual([1, ""]);
		expect(out).toBe(`- news-1  waiting
+ order-7/caller/1.1  completed

- write  completed, agent work
- review  waiting, agent review, after write
- publish  pending, agent work, after review
+ work  completed, agent work

0 nodes differ, 0 are the same, 1 added, 3 removed
`);
		expect((await run("diff", "news-1", "order-7", "--limit", "2")).out).toContain("… and 8 more lines: use --limit");
	});

	test("exits with 0 when they are the same", async () => {
		expect(await run("diff", "order-7", "order-8")).toEqual({
			code: 0,
			out: "- order-7  failed\n+ order-8  failed\n\nno difference, 7 are the same\n",
			error: "",
		});
	});

	test("has a document with both values of what differs", async () => {
		const edited = files.next();
		const other = onStore(edited, await fillStore(edited));
		const { code, out } = await other("diff", "order-7", "order-7/caller/1.1", "--json");
		expect(code).toBe(1);
		expect(JSON.parse(out)).toMatchObject({
			before: { run: "order-7", status: "failed" },
			after: { status: "completed" },
			same: false,
			added: ["work"],
			changed: [],
			unchanged: 0,
		});
	});
});

describe("dagswarm prune", () => {
	async function pruned(answer: string | undefined, ...args: string[]) {
		const store = files.next();
		const now = await fillStore(store);
		const questions = answer === undefined ? undefined : lines(answer);
		const printed = await dagswarm(["--store", store, "prune", ...args], { clock: now, questions });
		const journal = openJournal(store, { readOnly: true });
		const left = runsOf(journal);
		await journal.close();
		return { ...printed, left };
	}

	async function* lines(...texts: string[]) {
		yield* texts;
	}

	const ALL = ["news-1", "order-7", "order-7/caller/1.1", "order-8"];

	test("takes ended runs away when that is meant", async () => {
		const gone = await pruned(undefined, "--keep", "1", "--yes");
		expect(gone).toMatchObject({ code: 0, error: "", left: ["news-1", "order-8"] });
		expect(gone.out).toMatch(/^2 runs went: \d+ records, 0 stored values, 0 memos\n$/);
		expect((await pruned("yes", "--older-than", "62s")).left).toEqual(["news-1", "order-8"]);
		expect((await pruned(undefined, "--max-bytes", "1kB", "--yes", "--json")).left).toEqual(["news-1"]);
	});

	test("asks whoever sits there, and takes nothing else for a yes", async () => {
		const asked = await pruned("no", "--keep", "0");
		expect(asked).toMatchObject({ code: 4, out: "", left: ALL });
		expect(asked.error).toMatch(/^3 runs would go, [\d.]+ kB and .*; 1 stays\n[\s\S]*\? \[y\/N\]\n$/);
		expect(await pruned(undefined, "--keep", "0")).toMatchObject({
			code: 2,
			left: ALL,
			error: expect.stringContaining("--yes"),
		});
	});

	test("says which would go", async () => {
		const dry = await pruned(undefined, "--max-bytes", "0", "--dry-run");
		expect(dry).toMatchObject({ code: 0, left: ALL });
		expect(dry.out.split("\n").map((line) => line.split("  ")[1] ?? line)).toEqual([
			expect.stringMatching(/^3 runs would go/),
			"order-8",
			"order-7/caller/1.1",
			"order-7",
			"",
		]);
		const { out } = await run("prune", "--keep", "2", "--dry-run", "--json");
		expect(JSON.parse(out)).toMatchObject({ dryRun: true, runs: [{ run: "order-7", status: "failed" }], kept: 3 });
	});

	test.each([
		[[], "--older-than, --keep or --max-bytes"],
		[["--older-than", "30"], "30d"],
		[["--older-than", "soon"], "30d"],
		[["--keep", "-1"], "--keep"],
		[["--max-bytes", "much"], "500MB"],
	])("refuses %j, and says what would do", async (args, hint) => {
		expect(await run("prune", "--yes", ...args)).toMatchObject({ code: 2, error: expect.stringContaining(hint) });
	});
});

describe("dagswarm audit verify", () => {
	async function audited(...runs: string[]) {
		const directory = folder();
		for (const each of runs) {
			const recorder = await fileAudit({ directory, key: KEY }).startRun(infoOf(each));
			await recordAll(recorder as NonNullable<typeof recorder>, ["one", "two"]);
			await recorder?.close(STATS);
		}
		const secret = join(directory, "secret");
		writeFileSync(secret, `${KEY}\n`);
		return {
			directory,
			verify: (...args: string[]) => dagswarm(["audit", "verify", "--secret-file", secret, ...args]),
		};
	}

	test("passes what is as it was written, and prints its anchor", async () => {
		const { directory, verify } = await audited("a", "b");
		const { code, out } = await verify(directory);
		expect(code).toBe(0);
		expect(out).toMatch(
			/^✓ .*a\.jsonl\n {2}run a, 4 records, closed; anchor 4:[0-9a-f]{64}\n✓ [\s\S]*\n2 files, 0 not as/,
		);
		const anchor = /anchor (\S+)/.exec(out)?.[1] ?? "";
		const file = join(directory, "a.jsonl");
		expect((await verify(file, "--since", anchor)).code).toBe(0);
		const { out: document } = await verify(file, "--since", `3${anchor.slice(1)}`, "--json");
		expect(JSON.parse(document)).toMatchObject({ files: [{ file, ok: false, record: 3 }] });
	});

	test("exits with 1 for one that was changed, and says where", async () => {
		const { directory, verify } = await audited("a", "b");
		const file = join(directory, "b.jsonl");
		writeFileSync(file, readFileSync(file, "utf8").replace("two", "TWO"));
		const { code, out } = await verify(directory);
		expect(code).toBe(1);
		expect(out).toMatch(/✓ .*a\.jsonl\n.*\n✗ .*b\.jsonl\n {2}record 3 is not as it was written/);
	});

	test("refuses what it cannot read, and an anchor that is none", async () => {
		const { directory, verify } = await audited("a");
		const file = join(directory, "a.jsonl");
		expect(await verify(join(directory, "none"))).toMatchObject({ code: 2, out: "" });
		expect(await verify(file, "--since", "4")).toMatchObject({ code: 2, error: expect.stringContaining("anchor") });
		expect(await dagswarm(["audit", "verify", file, "--secret-file", join(directory, "none")])).toMatchObject({
			code: 2,
			error: expect.stringContaining("the secret cannot be read"),
		});
		expect((await dagswarm(["audit", "verify", file])).error).toContain("--secret-file");
	});
});
