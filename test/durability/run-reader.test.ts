import { renameSync } from "node:fs";
import {
	createSwarm,
	defineAgent,
	type Journal,
	type JournalRecord,
	memoryJournal,
	type RunEvent,
	readRun,
	result,
	type Swarm,
	sqliteJournal,
	watchRun,
} from "dagswarm";
import { describe, expect, test, vi } from "vitest";
import { journalFiles } from "../journal/journal-file.js";
import { stored } from "./fixture.js";

const files = journalFiles();
const journals: Readonly<Record<string, () => Journal>> = {
	"in memory": memoryJournal,
	"on SQLite": () => sqliteJournal(files.next()),
};

const LATER = Number.MAX_SAFE_INTEGER;

const agents = [
	defineAgent({ name: "work", run: async (n: number) => n * 2 }),
	defineAgent({
		name: "bad",
		run: async () => {
			throw new Error("no");
		},
	}),
	defineAgent({
		name: "plan",
		run: async () => result("planned", { expand: true, nodes: [{ id: "late", agent: "work", input: 4 }] }),
	}),
	defineAgent({ name: "wait", run: async (_: undefined, ctx) => ctx.waitForSignal("go") }),
];

const swarmOn = (journal: Journal, options: { readonly snapshotEvery?: number } = {}): Swarm =>
	createSwarm({ agents: agents as never, journal, durability: "strict", ...options }) as unknown as Swarm;

const nodes = [
	{ id: "a", agent: "work", input: 1 },
	{ id: "b", agent: "bad" },
	{ id: "plan", agent: "plan", dependsOn: ["a"] },
	{ id: "wait", agent: "wait", dependsOn: ["plan"] },
	{ id: "never", agent: "work", input: 3, dependsOn: ["b"] },
];

/** A run that waits for its signal. */
async function waitingRun(journal: Journal, options: { readonly snapshotEvery?: number } = {}) {
	const swarm = swarmOn(journal, options);
	const run = swarm.start({ nodes }, { runId: "r" });
	for await (const { type } of run.events()) if (type === "run.waiting") break;
	return { swarm, run };
}

async function endedRun(journal: Journal) {
	const { run } = await waitingRun(journal);
	await run.signal("go", "now");
	return { run, outcome: await run.result() };
}

async function list<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
	const all: Value[] = [];
	for await (const value of values) all.push(value);
	return all;
}

/** A journal with some methods replaced. */
function altered(journal: Journal, methods: Partial<Record<keyof Journal, unknown>>): Journal {
	return new Proxy(journal, {
		get(target, key) {
			if (key in methods) return methods[key as keyof Journal];
			const member: unknown = Reflect.get(target, key, target);
			return typeof member === "function" ? member.bind(target) : member;
		},
	});
}

const failure = (code: string, message?: string) =>
	expect.objectContaining({ code, ...(message !== undefined && { message: expect.stringContaining(message) }) });

describe.each(Object.keys(journals))("a run %s", (name) => {
	const open = journals[name] as () => Journal;

	test("that has ended tells what its handle told", async () => {
		const journal = open();
		const { run, outcome } = await endedRun(journal);
		const read = await readRun(journal, "r");
		expect(read.id).toBe("r");
		expect([...read.snapshot().nodes()]).toEqual([...run.snapshot().nodes()]);
		expect(read.snapshot().seq).toBe(read.summary.lastSeq);
		expect(read.toMermaid()).toBe(run.toMermaid());
		expect(read.toDot()).toBe(run.toDot());
		for (const { id } of run.snapshot().nodes()) {
			expect(read.output(id)).toEqual(run.output(id));
			expect(read.error(id)).toEqual(run.error(id));
			expect(read.explain(id)).toEqual(run.explain(id));
		}
		const { wallMs: _, ...stats } = outcome.stats;
		expect(read.outcome).toEqual({ ...outcome, stats: { ...stats, wallMs: expect.any(Number) } });
		expect(await list(read.events())).toEqual(await stored(journal, "r"));
		expect(() => read.output("nobody")).toThrow(failure("UNKNOWN_NODE") as never);
	});

	test("tells how it was after each of its events", async () => {
		const journal = open();
		await endedRun(journal);
		const events = await stored(journal, "r");
		for (const { seq } of events) {
			const read = await readRun(journal, "r", { atSeq: seq });
			expect(read.snapshot().seq).toBe(seq);
			expect(read.outcome !== undefined).toBe(events.slice(0, seq).some(({ type }) => type === "run.ended"));
			const completed = events.slice(0, seq).some((event) => event.type === "node.completed" && event.node === "a");
			expect(read.snapshot().get("a")?.output).toBe(completed ? 2 : undefined);
			if (completed) expect(read.output("a")).toBe(2);
			expect(await list(read.events({ from: 2 }))).toEqual(events.slice(1, seq));
			expect(read.summary.ended).toBe(true);
		}
		const read = await readRun(journal, "r");
		expect(await list(read.events({ types: ["node.completed"], from: 3 }))).toEqual(
			events.filter(({ type, seq }) => type === "node.completed" && seq >= 3),
		);
		expect(await list(read.events({ from: 1_000 }))).toEqual([]);
	});

	test("that goes on stays as it was read, and does not notice", async () => {
		const journal = open();
		const { run } = await waitingRun(journal);
		const before = await journal.find("r");
		const read = await readRun(journal, "r");
		expect(await journal.find("r")).toEqual(before);
		expect(read.summary).toEqual(before);
		expect(read.outcome).toBeUndefined();
		expect(read.snapshot().status).toBe("waiting");
		expect(read.explain("wait")).toEqual(run.explain("wait"));
		const told = [read.toDot(), await list(read.events())];
		await run.signal("go", "now");
		expect((await run.result()).status).toBe("failed");
		expect([read.toDot(), await list(read.events())]).toEqual(told);
		expect((await readRun(journal, "r")).outcome?.outputs).toMatchObject({ wait: "now" });
	});

	test("of which the first events are gone is read from a snapshot", async () => {
		const journal = open();
		const { swarm } = await waitingRun(journal, { snapshotEvery: 5 });
		await swarm.drain(0);
		const whole = (await readRun(journal, "r")).toDot();
		await journal.prune({ maxTailAge: 0 }, LATER);
		const read = await readRun(journal, "r");
		const { firstSeq } = read.summary;
		expect(firstSeq).toBeGreaterThan(2);
		expect(read.toDot()).toBe(whole);
		await expect(readRun(journal, "r", { atSeq: 1 })).rejects.toEqual(failure("SEQ_PRUNED"));
		await expect(list(read.events())).rejects.toEqual(failure("SEQ_PRUNED"));
		await expect(list(watchRun(journal, "r"))).rejects.toEqual(failure("SEQ_PRUNED"));
		for await (const { seq } of read.events({ from: firstSeq })) expect(seq).toBeGreaterThanOrEqual(firstSeq);
	});

	test("is watched from its first event to its last", async () => {
		const journal = open();
		const { run } = await waitingRun(journal);
		const watching = list(watchRun(journal, "r"));
		const completed = list(watchRun(journal, "r", { types: ["node.completed"] }));
		const { lastSeq = 0 } = (await journal.find("r")) ?? {};
		const rest = list(watchRun(journal, "r", { from: lastSeq + 1 }));
		await run.signal("go", "now");
		const events = await watching;
		expect(events).toEqual(await stored(journal, "r"));
		expect(events.at(-1)?.type).toBe("run.ended");
		expect((await completed).map(({ node }) => node)).toEqual(["a", "plan", "late", "wait"]);
		expect(await rest).toEqual(events.slice(lastSeq));
		expect(await list(watchRun(journal, "r"))).toEqual(events);
		expect(await list(watchRun(journal, "r", { from: events.length + 5 }))).toEqual([]);
	});

	test("is watched until somebody has seen enough", async () => {
		const journal = open();
		const { run } = await waitingRun(journal);
		const { lastSeq = 0 } = (await journal.find("r")) ?? {};
		const enough = new AbortController();
		const seen: RunEvent[] = [];
		for await (const event of watchRun(journal, "r", { signal: enough.signal })) {
			seen.push(event);
			if (event.seq === 3) enough.abort();
		}
		expect(seen).toHaveLength(3);
		// While it waits.
		const later = new AbortController();
		for await (const event of watchRun(journal, "r", { signal: later.signal }))
			if (event.seq === lastSeq) setImmediate(() => later.abort());
		expect(await list(watchRun(journal, "r", { signal: later.signal }))).toEqual([]);
		await run.cancel();
	});

	test("that is taken away is no longer read", async () => {
		const journal = open();
		const { run } = await waitingRun(journal);
		let gone = false;
		const emptied = altered(journal, { find: (id: string) => (gone ? undefined : journal.find(id)) });
		const watching = list(watchRun(emptied, "r", { from: 5 }));
		for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
		gone = true;
		const told = expect(watching).rejects.toEqual(failure("SEQ_PRUNED", "taken away"));
		await run.signal("go", "now");
		await told;
		await run.result();
		const read = await readRun(journal, "r");
		await journal.prune({ maxRuns: 0 }, LATER);
		await expect(list(read.events())).rejects.toEqual(failure("SEQ_PRUNED", "taken away"));
		await expect(list(watchRun(journal, "r"))).rejects.toEqual(failure("UNKNOWN_RUN"));
		await expect(readRun(journal, "r")).rejects.toEqual(failure("UNKNOWN_RUN"));
	});

	test("is no longer watched when the journal is closed", async () => {
		const journal = open();
		const { run } = await waitingRun(journal);
		const { lastSeq = 0 } = (await journal.find("r")) ?? {};
		const watching = watchRun(journal, "r", { from: lastSeq });
		await watching.next();
		const next = watching.next();
		setImmediate(() => journal.close());
		await expect(next).rejects.toEqual(failure("JOURNAL_UNAVAILABLE", "closed"));
		expect(await run.cancel()).toMatchObject({
			status: "failed",
			reason: expect.stringMatching(/^JOURNAL_UNAVAILABLE/),
		});
	});

	test("of which a record is damaged or missing is not read past it", async () => {
		const journal = open();
		await endedRun(journal);
		const records = await list(journal.read("r") as AsyncIterable<JournalRecord>);
		const flipped = altered(journal, {
			read: () => records.map((record) => ({ ...record, body: record.body.replace("work", "wark") })),
		});
		await expect(readRun(flipped, "r")).rejects.toEqual(failure("JOURNAL_CORRUPT"));
		await expect(list(watchRun(flipped, "r"))).rejects.toEqual(failure("JOURNAL_CORRUPT"));
		const short = altered(journal, { read: () => records.slice(0, -1) });
		await expect(list(watchRun(short, "r"))).rejects.toEqual(failure("JOURNAL_CORRUPT"));
		const read = await readRun(journal, "r");
		const moved = altered(journal, { read: () => records.slice(1) });
		await expect(list(watchRun(moved, "r"))).rejects.toEqual(failure("JOURNAL_CORRUPT"));
		expect(await list(read.events())).toHaveLength(read.summary.lastSeq);
	});
});

describe("a watcher", () => {
	test("misses nothing that is written while it reads, and reads once for many writes", async () => {
		const journal = memoryJournal();
		const { run } = await waitingRun(journal);
		let readings = 0;
		let changed = (): void => {};
		const noisy = altered(journal, {
			find: async (id: string) => {
				const summary = journal.find(id);
				// The run ends after it was looked at, and before it is read further.
				if (++readings === 2) {
					await run.signal("go", "now");
					await run.result();
					for (let n = 0; n < 50; n++) changed();
				}
				return summary;
			},
			watch: (listener: () => void, failed: () => void) => {
				changed = listener;
				return journal.watch?.(listener, failed);
			},
		});
		const watching = watchRun(noisy, "r");
		const { lastSeq = 0 } = (await journal.find("r")) ?? {};
		for (let seq = 1; seq <= lastSeq; seq++) expect((await watching.next()).value?.seq).toBe(seq);
		const rest = list(watching);
		changed();
		expect((await rest).at(-1)?.type).toBe("run.ended");
		expect(readings).toBe(2);
	});

	test("lets go of the journal, however it ends", async () => {
		const journal = memoryJournal();
		const { run } = await waitingRun(journal);
		let watchers = 0;
		const counted = altered(journal, {
			watch: async (changed: () => void, failed: () => void) => {
				const end = await journal.watch?.(changed, failed);
				watchers++;
				return () => {
					watchers--;
					end?.();
				};
			},
		});
		for await (const _ of watchRun(counted, "r")) {
			expect(watchers).toBe(1);
			break;
		}
		expect(watchers).toBe(0);
		await expect(list(watchRun(counted, "nobody"))).rejects.toEqual(failure("UNKNOWN_RUN"));
		expect(watchers).toBe(0);
		const watching = list(watchRun(counted, "r"));
		await run.cancel();
		expect((await watching).at(-1)?.type).toBe("run.ended");
		expect(watchers).toBe(0);
	});

	test("is told when the journal can tell no more", async () => {
		const journal = memoryJournal();
		const { run } = await waitingRun(journal);
		const failing = altered(journal, {
			watch: (_: () => void, failed: (error: unknown) => void) => {
				setImmediate(() => failed(new Error("the line is dead")));
				return () => {};
			},
		});
		await expect(list(watchRun(failing, "r"))).rejects.toEqual(failure("JOURNAL_UNAVAILABLE"));
		await run.cancel();
	});

	test("of a file that is moved away is told so, and so is who writes it", async () => {
		const file = files.next();
		const journal = sqliteJournal(file);
		const { run } = await waitingRun(journal);
		const reading = sqliteJournal(file, { readOnly: true });
		const watching = watchRun(reading, "r");
		await watching.next();
		const rest = list(watching);
		const warned = Promise.withResolvers<void>();
		const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => warned.resolve());
		renameSync(file, `${file}.moved`);
		await expect(rest).rejects.toEqual(failure("JOURNAL_UNAVAILABLE", "cannot be watched"));
		await run.cancel();
		// Commits that follow each other closely are told together, so it may come a moment later.
		await warned.promise;
		expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("cannot watch"), "SwarmJournalWarning");
		warn.mockRestore();
		await reading.close();
		await journal.close();
	});
});

test("a file that is open to be read only is read and watched", async () => {
	const file = files.next();
	const journal = sqliteJournal(file);
	const { run } = await waitingRun(journal);
	const reading = sqliteJournal(file, { readOnly: true });
	const watching = list(watchRun(reading, "r"));
	expect((await readRun(reading, "r")).snapshot().status).toBe("waiting");
	await run.signal("go", "now");
	expect((await watching).at(-1)?.type).toBe("run.ended");
	expect((await readRun(reading, "r")).outcome?.status).toBe("failed");
	await reading.close();
	await journal.close();
});

describe("what cannot be", () => {
	const broken = (): Promise<never> => Promise.reject(new Error("connection lost"));

	test("is refused", async () => {
		const journal = memoryJournal();
		await endedRun(journal);
		const { lastSeq } = (await readRun(journal, "r")).summary;
		for (const atSeq of [0, 1.5, lastSeq + 1, Number.NaN])
			await expect(readRun(journal, "r", { atSeq })).rejects.toEqual(failure("INVALID_OPTION"));
		const read = await readRun(journal, "r");
		expect(() => read.events({ from: 0 })).toThrow(failure("INVALID_OPTION") as never);
		expect(() => watchRun(journal, "r", { from: -1 })).toThrow(failure("INVALID_OPTION") as never);
		expect(() => watchRun(altered(journal, { watch: undefined }), "r")).toThrow("cannot be watched");
	});

	test("read from a store that fails is told as that", async () => {
		const journal = memoryJournal();
		await endedRun(journal);
		const lost = failure("JOURNAL_UNAVAILABLE");
		for (const methods of [{ find: broken }, { watch: broken }]) {
			await expect(list(watchRun(altered(journal, methods), "r"))).rejects.toEqual(lost);
		}
		await expect(readRun(altered(journal, { find: broken }), "r")).rejects.toEqual(lost);
		const read = (): never => {
			throw new Error("connection lost");
		};
		await expect(list(watchRun(altered(journal, { read }), "r"))).rejects.toEqual(lost);
	});
});
