import {
	type AnyAgent,
	createSwarm,
	defineAgent,
	type Journal,
	memoryJournal,
	type RunAppend,
	type RunEvent,
	type RunHandle,
} from "dagswarm";
import { foldProblem, judgeTrace } from "dagswarm/testing";
import { expect, test } from "vitest";

/** Mistakes of systems before this one, by their numbers: what is stored, resumed and signalled. */

async function eventsOf(run: RunHandle): Promise<RunEvent[]> {
	const events: RunEvent[] = [];
	for await (const event of run.events({ from: 1 })) events.push(event);
	return events;
}

/** A second process on the same journal. */
async function nextProcess(journal: Journal, agents: readonly AnyAgent[]): Promise<RunHandle> {
	return createSwarm({ agents, journal }).recover("r");
}

const listen = defineAgent({ name: "listen", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });

test("the log of a run can be replayed: numbered, whole, and the state is a fold of it (B12)", async () => {
	const journal = memoryJournal();
	const echo = defineAgent({ name: "echo", retry: 2, run: async (n: number, ctx) => [n, ctx.attempt] });
	const swarm = createSwarm({ agents: [echo], journal, eventBuffer: 1 });
	const nodes = Array.from({ length: 50 }, (_, i) => ({ id: `n${i}`, agent: "echo" as const, input: i }));
	const run = swarm.start({ nodes }, { runId: "r" });
	await run.result();
	const events = await eventsOf(run);
	expect(judgeTrace(events)).toEqual([]);
	expect(foldProblem(events, run.snapshot())).toBeUndefined();
});

test("a cancelled run stays cancelled, whoever was still working on it (B14)", async () => {
	const journal = memoryJournal();
	let finish = (): void => {};
	const slow = defineAgent({
		name: "slow",
		run: () =>
			new Promise<void>((resolve) => {
				finish = resolve;
			}),
	});
	const swarm = createSwarm({ agents: [slow], journal, durability: "strict", grace: 0 });
	const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] }, { runId: "r" });
	for await (const { type } of run.events()) if (type === "node.started") break;
	const cancelled = run.cancel("enough");
	finish();
	expect((await cancelled).status).toBe("cancelled");
	const again = await nextProcess(journal, [slow]);
	expect((await again.result()).status).toBe("cancelled");
});

test("what has ended does not run again, and what runs does not run twice (B15)", async () => {
	const journal = memoryJournal();
	let calls = 0;
	const count = defineAgent({ name: "count", run: async () => ++calls });
	const swarm = createSwarm({ agents: [count, listen], journal, durability: "strict" });
	const nodes = [
		{ id: "a", agent: "count" },
		{ id: "b", agent: "listen", dependsOn: ["a"] },
	] as const;
	const run = swarm.start({ nodes }, { runId: "r" });
	for await (const { type } of run.events()) if (type === "run.waiting") break;
	await expect(nextProcess(journal, [count, listen])).rejects.toMatchObject({ code: "RUN_BUSY" });
	await expect(swarm.recover("r")).rejects.toMatchObject({ code: "RUN_BUSY" });
	await run.signal("go", 1);
	await run.result();
	const again = await nextProcess(journal, [count, listen]);
	expect((await again.result()).outputs).toEqual({ b: 1 });
	expect(calls).toBe(1);
});

test("of a damaged run the caller learns, and of which (B16)", async () => {
	const journal = memoryJournal();
	const swarm = createSwarm({ agents: [listen], journal });
	for (const runId of ["good", "bad"]) swarm.start({ nodes: [{ id: "a", agent: "listen" }] }, { runId });
	await swarm.drain(0);
	const damaged: Journal = new Proxy(journal, {
		get: (target, key) => {
			const member: unknown = Reflect.get(target, key, target);
			if (typeof member !== "function") return member;
			if (key !== "read") return member.bind(target) as unknown;
			return function* (run: string, from: number) {
				for (const record of target.read(run, from) as Iterable<{ body: string }>)
					yield run === "bad" ? { ...record, body: record.body.replace("listen", "lister") } : record;
			};
		},
	});
	const { runs, refused } = await createSwarm({ agents: [listen], journal: damaged }).recoverAll();
	expect(runs.map(({ id }) => id)).toEqual(["good"]);
	expect(refused).toMatchObject([{ run: "bad", error: { code: "JOURNAL_CORRUPT" } }]);
	await Promise.all(runs.map((run) => run.cancel()));
});

test("a checkpoint is one node's of one run, there until the node ends, and no longer (B17, B35)", async () => {
	const journal = memoryJournal();
	const seen: unknown[] = [];
	const work = defineAgent({
		name: "work",
		run: async (_: undefined, ctx) => {
			seen.push([ctx.runId, ctx.checkpoint.load()]);
			await ctx.checkpoint.save(`progress of ${ctx.runId}`);
			await ctx.waitForSignal("go");
		},
	});
	const swarm = createSwarm({ agents: [work], journal });
	const runs = ["r", "s"].map((runId) => swarm.start({ nodes: [{ id: "a", agent: "work" }] }, { runId }));
	for (const run of runs) for await (const { type } of run.events({ from: 1 })) if (type === "run.waiting") break;
	await swarm.drain(0);
	expect((await journal.checkpoints("s")).size).toBe(1);
	const again = await nextProcess(journal, [work]);
	await again.signal("go");
	await again.result();
	expect(seen).toEqual([
		["r", undefined],
		["s", undefined],
		["r", "progress of r"],
	]);
	expect((await journal.checkpoints("r")).size).toBe(0);
	expect((await journal.checkpoints("s")).size).toBe(1);
});

test("a signal that comes before anybody waits for it is stored, and wakes who waits for it in another process (B42)", async () => {
	const journal = memoryJournal();
	const swarm = createSwarm({ agents: [listen], journal });
	const run = swarm.start({ nodes: [{ id: "a", agent: "listen", speculative: "hold" }] }, { runId: "r", open: true });
	await run.signal("go", "early");
	await swarm.drain(0);
	const again = await nextProcess(journal, [listen]);
	await again.mutate([{ type: "confirmSpeculative", id: "a" }]);
	await again.close();
	expect((await again.result()).outputs).toEqual({ a: "early" });
});

test("a large value is stored once, however many nodes have it (B43)", async () => {
	const inner = memoryJournal();
	const bodies = new Set<string>();
	let written = 0;
	const journal: Journal = new Proxy(inner, {
		get: (target, key) => {
			const member: unknown = Reflect.get(target, key, target);
			if (typeof member !== "function") return member;
			if (key !== "append") return member.bind(target) as unknown;
			return (entries: Iterable<RunAppend>) => {
				const taken = [...entries];
				for (const { records, blobs } of taken) {
					for (const { body } of records) written += body.length;
					for (const { hash } of blobs) bodies.add(hash);
				}
				return target.append(taken);
			};
		},
	});
	const large = defineAgent({ name: "large", run: async () => "x".repeat(1_000_000) });
	const swarm = createSwarm({ agents: [large], journal });
	const nodes = Array.from({ length: 32 }, (_, i) => ({ id: `n${i}`, agent: "large" as const }));
	await swarm.run({ nodes });
	expect(bodies.size).toBe(1);
	expect(written).toBeLessThan(20_000);
});

test("code may change between processes: nothing is replayed but what was recorded by name (B49)", async () => {
	const journal = memoryJournal();
	const done: string[] = [];
	const before = defineAgent({
		name: "work",
		run: async (_: undefined, ctx) => {
			await ctx.step("first", () => done.push("first"));
			await ctx.step("second", () => done.push("second"));
			return ctx.waitForSignal("go");
		},
	});
	const after = defineAgent({
		name: "work",
		run: async (_: undefined, ctx) => {
			await ctx.step("new", () => done.push("new"));
			await ctx.step("second", () => done.push("second again"));
			const signal = await ctx.waitForSignal("go");
			return [signal, await ctx.step("first", () => done.push("first again"))];
		},
	});
	const swarm = createSwarm({ agents: [before], journal });
	const run = swarm.start({ nodes: [{ id: "a", agent: "work" }] }, { runId: "r" });
	for await (const { type } of run.events()) if (type === "run.waiting") break;
	await swarm.drain(0);
	const again = await nextProcess(journal, [after]);
	await again.signal("go", "now");
	expect((await again.result()).outputs).toEqual({ a: ["now", 1] });
	expect(done).toEqual(["first", "second", "new"]);
});
