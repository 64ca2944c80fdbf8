import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sqliteStore } from "dagswarm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built, run } from "../integration/build.js";
import { openJournal, readSync, runsOf } from "./journal-file.js";

let library: Awaited<ReturnType<typeof built>>;
beforeAll(async () => {
	library = await built();
});
afterAll(() => library.remove());

function program(name: string, code: string): string {
	const file = join(library.folder, `${name}.mjs`);
	writeFileSync(file, `import { sqliteJournal, sqliteStore } from "./dist/index.js";\n${entries}\n${code}\n`);
	return file;
}

const entries = `
const writer = { id: String(process.pid), pid: process.pid, host: "here" };
const entry = (run, seq, body) => ({
	run, epoch: 1, ...(seq === 1 && { create: { writer, at: 1 } }), records: [{ firstSeq: seq, lastSeq: seq, at: 1, body, checksum: 1 }],
	blobs: [], status: "running", ended: false, checkpoints: [], memos: [],
});
`;

describe("processes", () => {
	test("that open the same new file at once all get in, and never succeed in the same", async () => {
		const RUNS = 20;
		const source = program(
			"contender",
			`process.stdout.write("ready\\n");
			process.stdin.once("data", () => {
				const journal = sqliteJournal(process.argv[2]);
				const won = [];
				for (let i = 0; i < ${RUNS}; i++) {
					const [refusal] = journal.append([entry("run-" + i, 1, "x")], { sync: false });
					if (refusal === undefined) won.push("created " + i);
					if (journal.claim("run-" + i, 1, writer, 1) === 2) won.push("claimed " + i);
				}
				journal.close();
				process.stdout.write(won.map((text) => text + "\\n").join(""), () => process.exit());
			});`,
		);
		const everything = ["created", "claimed"].flatMap((what) => Array.from({ length: RUNS }, (_, i) => `${what} ${i}`));
		for (let round = 0; round < 3; round++) {
			const file = join(library.folder, `contended-${round}.db`);
			const processes = Array.from({ length: 4 }, () => contender(source, file));
			await Promise.all(processes.map(({ ready }) => ready));
			for (const { go } of processes) go();
			const won = await Promise.all(processes.map(({ end }) => end));
			expect(won.flat().sort()).toEqual(everything.toSorted());
		}
	});

	test("mistake 24: that race for the occurrences of one store never both win one, nor get the same fence", async () => {
		const KEYS = 30;
		const source = program(
			"racer",
			`process.stdout.write("ready\\n");
			process.stdin.once("data", async () => {
				const store = sqliteStore(process.argv[2]);
				const won = [];
				for (let i = 0; i < ${KEYS}; i++) {
					const row = { key: "t@1:" + i, trigger: "t", due: i, createdAt: i, state: "pending", attempt: 0, version: 1 };
					const { present } = store.write({ add: [row] });
					if (present.length === 0) won.push("added " + i);
					const { ok } = store.write({ occurrences: [{ ...row, state: "running", version: 2 }] });
					if (ok) won.push("started " + i);
					// A holder whose time is always over: the lease changes hands all the time.
					const { fence } = store.acquire("leader", { ...writer, id: process.pid + " " + i }, 0, 0);
					won.push("led " + fence);
				}
				store.close();
				process.stdout.write(won.map((text) => text + "\\n").join(""), () => process.exit());
			});`,
		);
		const file = join(library.folder, "raced.db");
		const processes = Array.from({ length: 3 }, () => contender(source, file));
		await Promise.all(processes.map(({ ready }) => ready));
		for (const { go } of processes) go();
		const won = (await Promise.all(processes.map(({ end }) => end))).flat();
		const of = (what: string) => won.filter((text) => text.startsWith(what)).sort();
		const once = (what: string) => Array.from({ length: KEYS }, (_, i) => `${what} ${i}`).sort();
		expect([of("added"), of("started")]).toEqual([once("added"), once("started")]);
		expect(new Set(of("led")).size).toBe(3 * KEYS);
		const store = sqliteStore(file);
		expect(await store.counts("t")).toEqual({ running: KEYS });
		await store.close();
	});

	test.skipIf(process.platform === "win32")(
		"that may write no more lose nothing that they were told is stored",
		async () => {
			const file = join(library.folder, "limited.db");
			const source = program(
				"limited",
				`const journal = sqliteJournal(process.argv[2]);
			let stored = 0;
			try {
				for (;;) {
					journal.append([entry("a", stored + 1, "x".repeat(50_000))]);
					stored++;
				}
			} catch ({ code, cause }) {
				const again = (() => { try { journal.append([entry("b", 1, "x".repeat(50_000))]); } catch ({ code }) { return code; } })();
				console.log(JSON.stringify({ stored, code, cause: cause.errcode, seen: journal.find("a").lastSeq, again }));
			}`,
			);
			// No file may become longer than so many blocks of 512 or 1,024 bytes: writes fail with EFBIG.
			const limited = await run("/bin/sh", ["-c", 'ulimit -f 3000 && exec "$0" "$@"', process.execPath, source, file]);
			const told = JSON.parse(limited.stdout) as { stored: number };
			const IOERR_WRITE = 778;
			expect(told.stored).toBeGreaterThan(5);
			expect(told).toEqual({
				...told,
				code: "JOURNAL_UNAVAILABLE",
				cause: IOERR_WRITE,
				seen: told.stored,
				again: "JOURNAL_UNAVAILABLE",
			});
			const journal = openJournal(file);
			expect(runsOf(journal)).toEqual(["a"]);
			expect(readSync(journal, "a")).toHaveLength(told.stored);
			expect(
				journal.append([
					{
						...appendable,
						records: [{ ...appendable.records[0], firstSeq: told.stored + 1, lastSeq: told.stored + 1 }],
					},
				]),
			).toEqual([]);
			journal.close();
		},
	);
});

const appendable = {
	run: "a",
	epoch: 1,
	records: [{ firstSeq: 1, lastSeq: 1, at: 2, body: "y", checksum: 2 }],
	blobs: [],
	status: "running",
	ended: false,
	checkpoints: [],
	memos: [],
} as const;

/** A process that waits until it is told to go, and says what it has won. */
function contender(source: string, file: string) {
	const child = spawn(process.execPath, [source, file], { stdio: ["pipe", "pipe", "pipe"] });
	const started = Promise.withResolvers<void>();
	const ended = Promise.withResolvers<string[]>();
	let out = "";
	let errors = "";
	child.stderr.on("data", (data) => {
		errors += String(data);
	});
	child.stdout.on("data", (data) => {
		out += String(data);
		if (out.startsWith("ready\n")) started.resolve();
	});
	child.on("close", (code) => {
		if (code === 0) ended.resolve(out.split("\n").filter((line) => line !== "" && line !== "ready"));
		else ended.reject(new Error(`exit code ${code}: ${errors}`));
		started.resolve();
	});
	return { ready: started.promise, end: ended.promise, go: () => child.stdin.write("go\n") };
}
