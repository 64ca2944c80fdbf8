import { createSwarm, defineAgent, type Journal, memoryJournal, type RunHandle, result, VirtualClock } from "dagswarm";
import { describe, expect, test, vi } from "vitest";
import { isPredecessor, registerWriter } from "../../src/core/host.js";
import { journals } from "./fixture.js";

async function until(run: RunHandle, type: string): Promise<void> {
	for await (const event of run.events({ from: 1 })) if (event.type === type) return;
}

/** A journal with some methods replaced. */
function altered(journal: Journal, changes: Partial<Journal>): Journal {
	return new Proxy(journal, {
		get(target, key) {
			const member: unknown = Reflect.get(changes, key) ?? Reflect.get(target, key, target);
			return typeof member === "function" ? (member.bind(target) as unknown) : member;
		},
	});
}

describe("a writer with the number of this process", () => {
	test("died before it when it began before and is none of its own", () => {
		registerWriter("one of ours");
		expect(isPredecessor("one of ours", 0)).toBe(false);
		expect(isPredecessor("another", 0)).toBe(true);
		// A worker thread has its own registry and the same number.
		expect(isPredecessor("another", Number.MAX_SAFE_INTEGER)).toBe(false);
	});
});

describe.each(journals())("who watches a journal (%s)", (_, open) => {
	test("and throws, or writes, harms no commit", async () => {
		const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
		const journal = open();
		let pruned = false;
		const stops = [
			await journal.watch?.(
				() => {
					throw new Error("not mine to break");
				},
				() => {},
			),
			await journal.watch?.(
				() => {
					// Once: what it writes rings, too.
					if (!pruned) void journal.prune({}, 0);
					pruned = true;
				},
				() => {},
			),
		];
		const swarm = createSwarm({ agents: [defineAgent({ name: "echo", run: async (n: number) => n })], journal });
		expect(await swarm.run({ nodes: [{ id: "a", agent: "echo", input: 1 }] })).toEqual({ a: 1 });
		for (const stop of stops) stop?.();
		expect(warn).toHaveBeenCalledWith(expect.stringContaining("not mine to break"), "SwarmJournalWarning");
		warn.mockRestore();
	});
});

test("a run is not taken over with options that are none", async () => {
	const journal = memoryJournal();
	const wait = defineAgent({ name: "wait", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
	const first = createSwarm({ agents: [wait], journal });
	await until(first.start({ nodes: [{ id: "a", agent: "wait" }] }, { runId: "r" }), "run.waiting");
	await first.drain(0);
	const second = createSwarm({ agents: [wait], journal });
	await expect(second.recover("r", { signal: {} as AbortSignal })).rejects.toMatchObject({ code: "INVALID_OPTION" });
	expect(second.runs()).toEqual([]);
	const run = await second.recover("r");
	await run.signal("go", 1);
	expect((await run.result()).outputs).toEqual({ a: 1 });
});

describe("a remembered patch", () => {
	let calls = 0;
	const plan = defineAgent({
		name: "plan",
		memo: { key: () => "the same" },
		run: async (_: undefined, ctx) => {
			calls++;
			ctx.graph.addNode({ agent: "work", dependsOn: { planner: ctx.nodeId } });
			return result(ctx.nodeId, { nodes: [{ agent: "work", dependsOn: [ctx.nodeId] }] });
		},
	});
	const work = defineAgent({ name: "work", run: async (_: undefined, ctx) => ctx.deps });

	test("names the node that it is replayed for, and not the one that made it", async () => {
		calls = 0;
		const swarm = createSwarm({ agents: [plan, work], journal: memoryJournal() });
		await swarm.run({ nodes: [{ id: "a", agent: "plan" }] });
		const run = swarm.start({ nodes: [{ id: "b", agent: "plan" }] });
		expect((await run.result()).status).toBe("completed");
		expect(calls).toBe(1);
		const added = [...run.snapshot().nodes({ addedBy: "b" })];
		expect(added.map(({ dependsOn, output }) => [dependsOn, Object.values(output as object)])).toEqual([
			[["b"], ["a"]],
			[["b"], ["a"]],
		]);
	});

	test("that does not fit is followed by a call of the function", async () => {
		let tries = 0;
		const named = defineAgent({
			name: "named",
			memo: true,
			retry: 2,
			run: async () => result(++tries, { nodes: [{ id: `child ${tries}`, agent: "work" }] }),
		});
		const swarm = createSwarm({ agents: [named, work] });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "named" },
				{ id: "b", agent: "named", dependsOn: ["a"] },
			],
		});
		const { status } = await run.result();
		// "b" has another dependency than "a" and is called; a third one asks for what "b" gave.
		expect({ status, tries }).toEqual({ status: "completed", tries: 2 });
		const again = swarm.start({
			nodes: [
				{ id: "child 1", agent: "work" },
				{ id: "a", agent: "named" },
			],
		});
		expect((await again.result()).status).toBe("completed");
		expect(tries).toBe(3);
	});

	test("that cannot be read is none", async () => {
		calls = 0;
		const inner = memoryJournal();
		const broken = altered(inner, {
			memo: () => {
				throw new Error("no memory");
			},
		});
		const later = altered(inner, { memo: () => Promise.reject(new Error("no memory")) });
		for (const journal of [inner, broken, later]) {
			const swarm = createSwarm({ agents: [plan, work], journal });
			expect(await swarm.run({ nodes: [{ id: "a", agent: "plan" }] })).toBeDefined();
		}
		expect(calls).toBe(3);
	});
});

test("a drain lets go of every run, whatever the journal says to one of them", async () => {
	const inner = memoryJournal();
	const journal = altered(inner, {
		release: (run, epoch) => {
			if (run === "a") throw new Error("busy");
			return inner.release(run, epoch);
		},
	});
	const wait = defineAgent({ name: "wait", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
	const swarm = createSwarm({ agents: [wait], journal });
	const runs = ["a", "b"].map((runId) => swarm.start({ nodes: [{ id: "n", agent: "wait" }] }, { runId }));
	for (const run of runs) await until(run, "run.waiting");
	await swarm.drain(0);
	for (const run of runs) expect((await run.result()).status).toBe("suspended");
	expect((await inner.find("b"))?.writer).toBeUndefined();
});

test.each(["deadline", "total"] as const)(
	"nothing starts whose %s passed while no process had the run",
	async (limit) => {
		const journal = memoryJournal();
		let calls = 0;
		const work = defineAgent({
			name: "work",
			run: async (_: undefined, ctx) => {
				calls++;
				if (!ctx.resumed) await ctx.sleep(10);
				return calls;
			},
		});
		const clock = new VirtualClock(1_000);
		const swarm = createSwarm({ agents: [work], journal, clock });
		const timeout = limit === "total" ? { timeout: { total: 40 } } : {};
		const options = limit === "deadline" ? { deadline: 40 } : {};
		await until(
			swarm.start({ nodes: [{ id: "a", agent: "work", ...timeout }] }, { runId: "r", ...options }),
			"node.parked",
		);
		await swarm.drain(0);
		clock.advance(100);
		const run = await createSwarm({ agents: [work], journal, clock }).recover("r");
		const { status, failures, reason } = await run.result();
		expect(calls).toBe(1);
		if (limit === "deadline")
			expect({ status, reason }).toEqual({ status: "timed_out", reason: "the deadline of 40 ms has passed" });
		else expect(failures).toMatchObject([{ id: "a", code: "TIMEOUT" }]);
	},
);

test("progress that is held back is saved when the process lets go of the run", async () => {
	const journal = memoryJournal();
	const loaded: unknown[] = [];
	const work = defineAgent({
		name: "work",
		run: async (_: undefined, ctx) => {
			loaded.push(ctx.checkpoint.load());
			await ctx.checkpoint.save(1);
			void ctx.checkpoint.save(2);
			if (!ctx.resumed) await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
		},
	});
	const swarm = createSwarm({ agents: [work], journal });
	const run = swarm.start({ nodes: [{ id: "a", agent: "work" }] }, { runId: "r" });
	await until(run, "node.started");
	while ((await journal.checkpoints("r")).size === 0) await new Promise(setImmediate);
	await swarm.drain(0);
	await (await createSwarm({ agents: [work], journal }).recover("r")).result();
	expect(loaded).toEqual([undefined, 2]);
});

test("a run in memory is not taken over while the swarm that has it is there, however long it is silent", async () => {
	const journal = memoryJournal();
	const clock = new VirtualClock(1_000);
	const wait = defineAgent({ name: "wait", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
	const first = createSwarm({ agents: [wait], journal, clock });
	await until(first.start({ nodes: [{ id: "a", agent: "wait" }] }, { runId: "r" }), "run.waiting");
	clock.advance(60_000);
	const second = createSwarm({ agents: [wait], journal, clock });
	await expect(second.recover("r")).rejects.toMatchObject({ code: "RUN_BUSY" });
	await first.drain(0);
	const run = await second.recover("r");
	await run.signal("go", 1);
	expect((await run.result()).outputs).toEqual({ a: 1 });
});
