import {
	createSwarm,
	type Durability,
	defineAgent,
	type Journal,
	type RunHandle,
	SwarmError,
	VirtualClock,
} from "dagswarm";
import { Random } from "dagswarm/testing";
import { afterEach, describe, expect, test } from "vitest";
import { isTerminal } from "../../src/core/lifecycle.js";
import { SqliteFile } from "../../src/journal/sqlite-file.js";
import { SqliteJournal } from "../../src/journal/sqlite-journal.js";
import { journalFiles, openJournal, withDatabase } from "../journal/journal-file.js";
import { SEED } from "../random.js";
import { rest } from "../swarm/fixture.js";
import { undisturbed } from "./killing.js";
import type { Note } from "./programs/effects.js";
import { delegate } from "./programs/kills.js";
import { agentsOfPlan, nodesOfPlan } from "./programs/plan.js";
import { problemsOf, readRun, resultOf } from "./told.js";

const files = journalFiles();
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of open.splice(0)) await close();
});

type Append = Journal["append"];

/** How a store fails: before anything is written, or after, when nobody is told that it is; at once or later. */
const FAULTS = ["before", "after", "later before", "later after"] as const;

/** A journal whose n-th append fails, and all after it until it is repaired. */
function faulty(journal: Journal, n: number, fault: (typeof FAULTS)[number]) {
	let appends = 0;
	let repaired = false;
	const fail = (): never => {
		throw new Error("the disk is on fire");
	};
	const append: Append = (entries, options) => {
		if (repaired || ++appends < n) return journal.append(entries, options);
		if (fault.endsWith("before")) return fail();
		// Only the first one comes through: a writer that was told of a failure writes no more.
		const refused = appends === n ? journal.append(entries, options) : fail();
		expect(refused).toEqual([]);
		return fail();
	};
	const later: Append = async (entries, options) => {
		const taken = [...entries];
		await new Promise((resolve) => setImmediate(resolve));
		return append(taken, options);
	};
	return {
		journal: delegate(journal, { append: fault.startsWith("later") ? later : append }),
		repair: () => {
			repaired = true;
		},
	};
}

/** A swarm for the plan, and the nodes of which it told anybody that they have completed. */
function planSwarm(journal: Journal, durability: Durability) {
	const reported = new Set<string>();
	const note: Note = (phase, _node, _attempt, of = []) => {
		if (phase === "start") for (const dependency of of) reported.add(dependency);
	};
	const swarm = createSwarm({ agents: agentsOfPlan(note), journal, durability, concurrency: 6 });
	open.push(() => swarm.close());
	const follow = (handle: RunHandle): RunHandle => {
		void read(handle, reported);
		handle.view().subscribe(({ pages }) => {
			for (const page of pages) for (const { id, state } of page) if (state === "completed") reported.add(id);
		});
		return handle;
	};
	return { swarm, reported, follow };
}

async function read(handle: RunHandle, reported: Set<string>): Promise<void> {
	try {
		for await (const event of handle.events()) {
			if (event.type === "node.completed") reported.add(event.node);
			if (event.type === "run.ended") reported.add("the end");
		}
	} catch (error) {
		expect(SwarmError.is(error) && error.code).toBe("JOURNAL_UNAVAILABLE");
	}
}

describe("a journal that cannot be written", () => {
	test.each<Durability>(["strict", "relaxed"])(
		"stops its runs, which have told nothing that is not kept, and which go on in this process later: %s",
		async (durability) => {
			const expected = await undisturbed();
			const random = new Random(SEED);
			for (const fault of FAULTS) {
				const n = 2 + random.below(durability === "strict" ? 35 : 5);
				const file = files.next();
				const stored = openJournal(file);
				open.push(async () => stored.close());
				const { journal, repair } = faulty(stored, n, fault);
				const { swarm, reported, follow } = planSwarm(journal, durability);
				const what = `${durability}, ${fault} append ${n}, seed ${SEED}`;
				const run = follow(swarm.start({ nodes: nodesOfPlan() }, { runId: "one" }));
				const outcome = await run.result();
				expect(outcome, what).toMatchObject({
					status: "failed",
					reason: expect.stringMatching(/^JOURNAL_UNAVAILABLE/),
				});
				expect(swarm.runs(), what).toEqual([]);
				const kept = await readRun(file, "one");
				expect(kept === undefined ? [] : problemsOf(kept), what).toEqual([]);
				expect(kept?.summary.ended, what).not.toBe(true);
				const unkept = [...reported].filter((id) => !isTerminal(kept?.snapshot.get(id)?.state ?? "pending"));
				if (durability === "strict") expect(unkept, what).toEqual([]);
				else expect(unkept.length, what).toBeLessThanOrEqual(1_000);

				repair();
				const again = follow(await swarm.recover("one"));
				expect((await again.result()).status, what).toBe("completed");
				const told = await readRun(file, "one");
				expect(told && problemsOf(told), what).toEqual([]);
				expect(told && resultOf(told), what).toEqual(expected);
			}
		},
	);
});

describe("a disk that is full", () => {
	test("stops every run of the batch, and each goes on once there is room", async () => {
		const path = files.next();
		const file = SqliteFile.open(path);
		const journal = new SqliteJournal(file);
		open.push(async () => journal.close());
		const pages = Number(Object.values(file.db.prepare("PRAGMA page_count").get() ?? {})[0]);
		const text = "0123456789abcdef".repeat(600);
		const big = defineAgent({ name: "big", run: async (i: number) => `${i}${text}` });
		const swarm = createSwarm({ agents: [big], journal, concurrency: 4 });
		const nodes = (from: number) =>
			Array.from(
				{ length: 30 },
				(_, i) => ({ id: `n${i}`, agent: "big", input: from + i, dependsOn: before(i) }) as const,
			);
		const runs = ["one", "two"].map((runId, i) => swarm.start({ nodes: nodes(100 * i) }, { runId }));
		file.db.exec(`PRAGMA max_page_count = ${pages + 60}`);
		for (const outcome of await Promise.all(runs.map((run) => run.result()))) {
			expect(outcome.status).toBe("failed");
			expect(outcome.reason).toMatch(/^JOURNAL_UNAVAILABLE: the journal .* has no room: /);
			expect(outcome.outputs).toEqual({});
		}
		expect(swarm.runs()).toEqual([]);
		for (const { id } of runs) {
			const told = await readRun(path, id);
			expect(told && problemsOf(told)).toEqual([]);
			expect(told?.summary.ended).toBe(false);
			expect(told?.snapshot.counts.completed).toBeGreaterThan(0);
		}
		// There is still none: whoever tries again is told, and nothing is lost.
		const early = await swarm.recover("one");
		expect((await early.result()).reason).toMatch(/^JOURNAL_UNAVAILABLE/);

		file.db.exec("PRAGMA max_page_count = 100000");
		const { runs: recovered, refused } = await swarm.recoverAll();
		expect(refused).toEqual([]);
		expect(recovered.map(({ id }) => id)).toEqual(["one", "two"]);
		for (const [i, run] of recovered.entries()) {
			const { status, outputs } = await run.result();
			expect({ status, outputs }).toEqual({ status: "completed", outputs: { n29: `${100 * i + 29}${text}` } });
			const told = await readRun(path, run.id);
			expect(told && problemsOf(told)).toEqual([]);
		}
	});
});

const before = (i: number): string[] => (i === 0 ? [] : [`n${i - 1}`]);

describe("a record that is not as it was written", () => {
	const RUNS = ["one", "two", "three"];

	/** Three runs that nobody writes any more, half done. */
	async function halfDone(): Promise<string> {
		const path = files.next();
		const journal = openJournal(path);
		const swarm = createSwarm({ agents: [echo, gated(() => {})], journal });
		for (const runId of RUNS) swarm.start({ nodes: pair(runId) }, { runId });
		await rest();
		await swarm.drain(0);
		journal.close();
		return path;
	}

	test.each([
		["a letter of a name", "UPDATE records SET body = replace(body, 'gated', 'gatee') WHERE key >> 36 = 2"],
		["a digit", "UPDATE records SET body = replace(body, '\"two!\"', '\"twp!\"') WHERE key >> 36 = 2"],
		["the structure", "UPDATE records SET body = substr(body, 2) WHERE key >> 36 = 2"],
		["a number that says which events", "UPDATE records SET last_seq = last_seq + 1 WHERE key >> 36 = 2"],
		["the checksum", "UPDATE records SET checksum = checksum | 1 << 3, body = body || ' ' WHERE key >> 36 = 2"],
		["a type", "UPDATE records SET body = CAST(body AS BLOB) WHERE key >> 36 = 2"],
		["all of a record", "DELETE FROM records WHERE key = (SELECT max(key) FROM records WHERE key >> 36 = 2)"],
	])("(%s) keeps its run from going on, and no other", async (_, damage) => {
		const path = await halfDone();
		withDatabase(path, (db) => expect(db.prepare(damage).run().changes).toBeGreaterThan(0));
		const journal = openJournal(path);
		open.push(async () => journal.close());
		const before = journal.find("two");
		const swarm = createSwarm({ agents: [echo, gated((open) => open())], journal });
		const { runs, refused } = await swarm.recoverAll();
		expect(refused.map(({ run, error }) => [run, error.code])).toEqual([["two", "JOURNAL_CORRUPT"]]);
		expect(refused[0]?.error.message).toContain('"two"');
		for (const run of runs) expect(await run.result()).toMatchObject({ status: "completed" });
		expect(runs.map(({ id }) => id)).toEqual(["one", "three"]);
		await expect(swarm.recover("two")).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
		// It is as it was: whoever repairs it finds nothing changed.
		expect(journal.find("two")).toEqual(before);
	});
});

describe("a run that cannot go on here", () => {
	test("is given back: it can go on elsewhere as soon as what was wrong is put right", async () => {
		const path = files.next();
		const saves = defineAgent({
			name: "saves",
			run: async (_: undefined, ctx) => {
				if (ctx.resumed) return ctx.checkpoint.load();
				await ctx.checkpoint.save("half");
				return new Promise(() => {});
			},
		});
		const swarmOn = () => {
			const journal = openJournal(path);
			open.push(async () => journal.close());
			return { journal, swarm: createSwarm({ agents: [saves], journal }) };
		};
		const first = swarmOn();
		first.swarm.start({ nodes: [{ id: "a", agent: "saves" }] }, { runId: "r" });
		await rest();
		await first.swarm.drain(0);
		const stored = [...first.journal.checkpoints("r").values()][0] ?? "";
		const change = (body: string) =>
			withDatabase(path, (db) => db.prepare("UPDATE checkpoints SET body = ?").run(body).changes);
		expect(change(stored.replace("half", "hall"))).toBe(1);
		const second = swarmOn();
		await expect(second.swarm.recover("r")).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
		expect(second.journal.find("r")).toMatchObject({ writer: undefined });
		change(stored);
		const run = await swarmOn().swarm.recover("r");
		expect(await run.result()).toMatchObject({ status: "completed", outputs: { a: "half" } });
	});
});

describe("a clock that was an hour ahead in the process before", () => {
	const HOUR = 3_600_000;
	const T = 1_000_000 * HOUR;

	function at(now: number, path: string) {
		const clock = new VirtualClock(now);
		const journal = openJournal(path);
		open.push(async () => journal.close());
		const sleeper = defineAgent({ name: "sleeper", run: async (_: undefined, ctx) => ctx.sleep("10m") });
		return { clock, swarm: createSwarm({ agents: [sleeper], journal, clock }), journal };
	}

	test("keeps no run from going on, and no sleeper longer than it wanted", async () => {
		const path = files.next();
		const dead = at(T, path);
		const run = dead.swarm.start({ nodes: [{ id: "nap", agent: "sleeper" }] }, { runId: "r", deadline: "1h" });
		await rest();
		expect(run.snapshot().counts.waiting).toBe(1);

		const heir = at(T - HOUR, path);
		let recovered: RunHandle | undefined;
		const recovering = heir.swarm.recover("r").then((handle) => {
			recovered = handle;
		});
		await rest();
		// The process is there (it is this one), and its heartbeat lies in the future: only watching tells.
		expect(recovered).toBeUndefined();
		heir.clock.advance(15_000);
		await recovering;
		await rest();
		heir.clock.advance(10 * 60_000 - 1);
		await rest();
		expect(recovered?.snapshot().counts.waiting).toBe(1);
		heir.clock.advance(1);
		await rest();
		expect(await recovered?.result()).toMatchObject({ status: "completed" });
		const told = await readRun(path, "r");
		expect(told && problemsOf(told)).toEqual([]);
	});

	test("is no reason to take a run from a process that lives", async () => {
		const path = files.next();
		const living = at(T, path);
		living.swarm.start({ nodes: [{ id: "nap", agent: "sleeper" }] }, { runId: "r" });
		await rest();
		const other = at(T - HOUR, path);
		const refused = expect(other.swarm.recover("r")).rejects.toMatchObject({ code: "RUN_BUSY" });
		await rest();
		for (let i = 0; i < 3; i++) {
			living.clock.advance(5_000);
			await rest();
			other.clock.advance(5_000);
			await rest();
		}
		await refused;
		expect(living.journal.find("r")).toMatchObject({ epoch: 1, writer: { pid: process.pid } });
	});
});

const echo = defineAgent({ name: "echo", run: async (input: unknown) => input });
const gated = (opened: (open: () => void) => void) =>
	defineAgent({
		name: "gated",
		run: (input: string) => new Promise<string>((resolve) => opened(() => resolve(input))),
	});
const pair = (run: string) =>
	[
		{ id: "first", agent: "echo", input: `${run}!` },
		{ id: "second", agent: "gated", input: run, dependsOn: ["first"] },
	] as const;

describe("a swarm whose journal fails while it is let go of", () => {
	test.each(["close", "drain", "cancel"] as const)("%s: resolves, and the run's result says why", async (how) => {
		const stored = openJournal(files.next());
		open.push(async () => stored.close());
		let broken = false;
		const journal = delegate(stored, {
			append: (entries, options) => {
				if (broken) throw new Error("the disk is on fire");
				return stored.append(entries, options);
			},
		});
		const swarm = createSwarm({ agents: [echo, gated(() => {})], journal, grace: 1 });
		const run = swarm.start({ nodes: pair("one") });
		await rest();
		broken = true;
		if (how === "cancel") await run.cancel();
		else await (how === "close" ? swarm.close() : swarm.drain(1));
		expect((await run.result()).reason).toMatch(/^JOURNAL_UNAVAILABLE/);
		expect(swarm.runs()).toEqual([]);
	});
});
