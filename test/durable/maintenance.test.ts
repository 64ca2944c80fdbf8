import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { createSwarm, fileAudit, readAudit, type StoredSnapshot, verifyAudit } from "dagswarm";
import { describe, expect, test } from "vitest";
import { openJournal, runsOf, withDatabase } from "../journal/journal-file.js";
import { rest } from "../swarm/fixture.js";
import { programs } from "./processes.js";
import type { ForkTask } from "./programs/fork.js";
import type { Place } from "./programs/kills.js";
import type { MaintenanceTask } from "./programs/maintenance.js";
import type { RecorderTask } from "./programs/recorder.js";
import { agentsOfTexts, nodesOfTexts } from "./programs/texts.js";
import { problemsOf, readRun } from "./told.js";

const available = programs();

/** A file with ended runs, and one that waits for a person and has snapshots. */
async function filledFile(path: string): Promise<void> {
	const journal = openJournal(path);
	const swarm = createSwarm({ agents: agentsOfTexts, journal, snapshotEvery: 10 });
	for (const runId of ["one", "two", "three"]) await swarm.start({ nodes: nodesOfTexts(runId) }, { runId }).result();
	const chain = Array.from({ length: 20 }, (_, i) => ({
		id: `c${i}`,
		agent: "big" as const,
		input: i,
		dependsOn: i === 0 ? [] : [`c${i - 1}`],
	}));
	const open = swarm.start({ nodes: [...chain, { id: "ask", agent: "asks", dependsOn: ["c19"] }] }, { runId: "open" });
	for await (const event of open.events()) if (event.type === "node.parked") break;
	await rest();
	await swarm.drain(0);
	journal.close();
}

/** Everything in a file by the tables, without the numbers that SQLite gives. */
function contents(path: string): unknown {
	return withDatabase(path, (db) => ({
		check: db.prepare("PRAGMA quick_check").all(),
		runs: db.prepare("SELECT id, status, ended, first_seq, last_seq, bytes FROM runs ORDER BY id").all(),
		records: db.prepare("SELECT count(*) AS count, total(octet_length(body)) AS bytes FROM records").get(),
		snapshots: db.prepare("SELECT key, base, body FROM snapshots ORDER BY key").all(),
		blobs: db.prepare("SELECT hash FROM blobs ORDER BY hash").all(),
		uses: db.prepare("SELECT count(*) AS count FROM blob_uses").get(),
		doomed: db.prepare("SELECT * FROM doomed").all(),
	}));
}

/** The run that has not ended goes on, and every run that is listed can be read. */
async function goesOn(path: string): Promise<void> {
	const journal = openJournal(path);
	const swarm = createSwarm({ agents: agentsOfTexts, journal });
	const run = await swarm.recover("open");
	await run.approve("ask", { by: "somebody" });
	expect(await run.result()).toMatchObject({ status: "completed", outputs: { ask: "somebody" } });
	for (const id of runsOf(journal).filter((listed) => listed !== "open")) {
		const told = await readRun(path, id);
		expect(told && problemsOf(told), id).toEqual([]);
	}
	journal.close();
}

describe.concurrent("a process that is killed", () => {
	test("while it prunes leaves a journal that is whole, and the next pruning ends what it began", async () => {
		const filled = available.path("filled.db");
		await filledFile(filled);
		const retention = { maxRuns: 0, maxTailAge: 0 };
		const whole = available.path("whole.db");
		copyFileSync(filled, whole);
		const task = (file: string, n: number, inside: boolean): MaintenanceTask => ({ file, n, inside, prune: retention });
		const calm = available.start("maintenance", task(whole, -1, false));
		const transactions = Number(await calm.expectLine(/^\d+$/));
		expect(await calm.ended).toEqual({ code: 0, signal: null, stderr: "" });
		const expected = contents(whole);
		expect(expected).toMatchObject({ check: [{ quick_check: "ok" }], doomed: [], runs: [{ id: "open" }] });
		expect(transactions).toBeGreaterThan(10);
		// Every third moment, from both sides.
		for (let n = 1; n <= transactions; n += 3) {
			for (const inside of [true, false]) {
				const file = available.path("pruned.db");
				copyFileSync(filled, file);
				const exit = await available.start("maintenance", task(file, n, inside)).ended;
				expect(exit).toEqual({ code: null, signal: "SIGKILL", stderr: "" });
				const unfinished = available.path("unfinished.db");
				// Opened once, so that what stands beside the file is in it.
				openJournal(file).close();
				copyFileSync(file, unfinished);
				await goesOn(unfinished);
				const again = openJournal(file);
				await again.prune(retention, Number.MAX_SAFE_INTEGER);
				again.close();
				expect(contents(file), `transaction ${n}, ${inside ? "inside" : "after"}`).toEqual(expected);
			}
		}
		await goesOn(whole);
	});

	test("while it saves a snapshot has saved it or not", async () => {
		const filled = available.path("filled.db");
		await filledFile(filled);
		const journal = openJournal(filled);
		const stored = journal.snapshots("open", Number.MAX_SAFE_INTEGER);
		const epoch = journal.find("open")?.epoch ?? 0;
		journal.close();
		const last = stored.at(-1);
		if (last === undefined) throw new Error("no snapshot was saved");
		expect(stored.length).toBeGreaterThan(1);
		withDatabase(filled, (db) => db.exec("DELETE FROM snapshots WHERE key = (SELECT max(key) FROM snapshots)"));
		const without = contents(filled) as { readonly snapshots: readonly unknown[] };
		for (const inside of [true, false]) {
			const file = available.path("saved.db");
			copyFileSync(filled, file);
			const snapshot: StoredSnapshot = { ...last, blobs: [] };
			const task: MaintenanceTask = { file, n: 1, inside, snapshot: { run: "open", epoch, snapshot } };
			expect((await available.start("maintenance", task).ended).signal).toBe("SIGKILL");
			const after = contents(file) as { readonly snapshots: readonly unknown[] };
			expect(after.snapshots.length).toBe(without.snapshots.length + (inside ? 0 : 1));
			if (inside) expect(after).toEqual(without);
			await goesOn(file);
		}
	});

	test("while it makes a fork has made it or not, and has left the old run as it was", async () => {
		const filled = available.path("filled.db");
		await filledFile(filled);
		const old = await readRun(filled, "one");
		const moments: readonly (readonly [Place, number, boolean])[] = [
			["before append", 1, false],
			["during append", 1, false],
			["after append", 1, true],
			["during append", 2, true],
		];
		for (const [at, n, made] of moments) {
			const file = available.path("forked.db");
			copyFileSync(filled, file);
			const task: ForkTask = { file, from: "one", to: "fork", kill: { at, n } };
			expect((await available.start("fork", task).ended).signal, at).toBe("SIGKILL");
			expect((await readRun(file, "one"))?.events, at).toEqual(old?.events);
			expect((await readRun(file, "fork")) !== undefined, at).toBe(made);
			if (!made) continue;
			const journal = openJournal(file);
			const swarm = createSwarm({ agents: agentsOfTexts, journal });
			const fork = await swarm.recover("fork");
			expect((await fork.result()).status).toBe("completed");
			const told = await readRun(file, "fork");
			expect(told && problemsOf(told), at).toEqual([]);
			for (const { id, output } of old?.snapshot.nodes() ?? [])
				expect(fork.output(id), id).toBe(id === "n3" ? "edited".repeat(3_000) : output);
			journal.close();
		}
	});
});

const key = "a key of sixteen bytes or more";

/** The entries that an audit file has, by their numbers. */
async function numbers(file: string): Promise<number[]> {
	const found: number[] = [];
	for await (const { kind, fields } of readAudit(file, key)) if (kind === "event") found.push(Number(fields["seq"]));
	return found;
}

test.each(["close", "always"] as const)(
	"processes that are killed while they record leave a sound file, and the next one goes on: sync %s",
	async (sync) => {
		const directory = available.path("audit");
		const file = join(directory, "r.jsonl");
		for (let kills = 0, from = 1; kills < 3; kills++) {
			const task: RecorderTask = { directory, key, sync, from };
			const program = available.start("recorder", task);
			await program.line(`${from + 7 + 11 * kills}`);
			program.signal("SIGKILL");
			expect((await program.ended).signal).toBe("SIGKILL");
			expect(await verifyAudit(file, key)).toMatchObject({
				ok: false,
				reason: expect.stringMatching(/not (sealed|whole)/),
			});
			expect(await verifyAudit(file, key, { sealed: false })).toMatchObject({ ok: true, run: "r", sealed: false });
			const kept = (await numbers(file)).length;
			// What was said to be taken is there, where it is to be on the disk first.
			if (sync === "always") expect(kept).toBeGreaterThanOrEqual(Number(program.lines.at(-1)));
			from = kept + 1;
		}
		const recorder = await fileAudit({ directory, key }).startRun({
			run: "r",
			ancestors: [],
			metadata: {},
			startedAt: 0,
			resumed: true,
		});
		await recorder?.close({ status: "completed", wallMs: 0, nodes: 0, attempts: 0, usage: {} });
		expect(await verifyAudit(file, key)).toMatchObject({ ok: true, sealed: true });
		const all = await numbers(file);
		expect(all).toEqual(Array.from(all, (_, index) => index + 1));
	},
);
