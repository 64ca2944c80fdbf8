import { defineAgent, type Journal, memoryJournal, type NodeSpec } from "dagswarm";
import { describe, expect, test } from "vitest";
import { chain, echo, finish, forever, gate, pass, record, rejection, rest, virtualSwarm } from "../swarm/fixture.js";
import { heldJournal, stored, watchedJournal } from "./fixture.js";

const strict = { durability: "strict" } as const;

describe("strict, with a journal that answers later", () => {
	test("nothing of a batch is seen before it is written: no start, event, reply or result", async () => {
		const held = heldJournal();
		const started: string[] = [];
		const agent = defineAgent({ name: "agent", run: async (_: unknown, ctx) => void started.push(ctx.nodeId) });
		const { swarm } = virtualSwarm([agent], { journal: held.journal, ...strict });
		const run = swarm.start({ nodes: chain(2, "agent") }, { runId: "r", open: true });
		const seen = record(run);
		const views: number[] = [];
		const replies: string[] = [];
		let outcome: unknown;
		void run.result().then((value) => {
			outcome = value;
		});
		const next = async (): Promise<readonly string[]> => {
			await rest();
			expect(held.calls).toHaveLength(1);
			const call = held.calls.shift();
			const last = call?.entries.flatMap(({ records }) => records).at(-1)?.lastSeq ?? 0;
			expect(seen.every(({ seq }) => seq < last)).toBe(true);
			expect(views.every((seq) => seq < last)).toBe(true);
			const before = [...started, ...replies];
			call?.pass();
			await rest();
			return before;
		};
		// The creation and the first claim.
		expect(await next()).toEqual([]);
		expect(started).toEqual(["n0"]);
		run.view().subscribe(({ seq }) => views.push(seq));
		const mutated = run.mutate([{ type: "addNode", node: { id: "x", agent: "agent", speculative: "hold" } }]);
		void mutated.then(() => replies.push("mutated"));
		// Its completion is on its way: the command is decided after it, the dependent has not started.
		expect(await next()).toEqual(["n0"]);
		await next();
		expect(started).toEqual(["n0", "n1"]);
		expect(replies).toEqual(["mutated"]);
		void run.cancel("enough").then(() => replies.push("cancelled"));
		await rest();
		expect(outcome).toBeUndefined();
		held.letPass();
		await rest(20);
		expect(outcome).toMatchObject({ status: "cancelled" });
		expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_event, i) => i + 1));
		expect(await stored(held.journal, "r")).toEqual(seen);
	});

	test("an attempt that is granted and cancelled before it is written never starts", async () => {
		for (const how of ["cancel", "prune"] as const) {
			const held = heldJournal();
			const started: string[] = [];
			const agent = defineAgent({ name: "agent", run: async (_: unknown, ctx) => void started.push(ctx.nodeId) });
			const { swarm } = virtualSwarm([agent, echo], { journal: held.journal, concurrency: 1, ...strict });
			const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { open: true });
			// The claim comes in a microtask, the commit in a turn.
			await Promise.resolve();
			await Promise.resolve();
			await Promise.resolve();
			const done = how === "cancel" ? run.cancel() : run.mutate([{ type: "pruneSubgraph", id: "a" }]);
			held.letPass();
			await rest(20);
			await done;
			await run.close();
			await rest();
			expect(started).toEqual([]);
			expect(run.snapshot().get("a")).toMatchObject({
				attempt: 1,
				state: how === "cancel" ? "cancelled" : "abandoned",
			});
			// Its slot is free.
			const after = swarm.start({ nodes: chain(3) });
			await rest(40);
			expect((await after.result()).status).toBe("completed");
		}
	});

	test("several runs whose writes cross go on, whoever holds the slots", async () => {
		for (const concurrency of [1, 2, 3]) {
			const held = heldJournal();
			const { swarm } = virtualSwarm([echo], { journal: held.journal, concurrency, ...strict });
			const runs = [0, 1, 2].map(() => swarm.start({ nodes: chain(3) }));
			let turns = 0;
			while (swarm.runs().length > 0 && turns++ < 200) {
				held.calls.shift()?.pass();
				await rest(1);
				// One comes later, while others are on their way.
				if (turns === 7) runs.push(swarm.start({ nodes: chain(3) }));
			}
			for (const run of runs) expect(run.snapshot().status).toBe("completed");
		}
	});

	test("a run whose claims found its batch on its way is asked again", async () => {
		const held = heldJournal();
		const go = gate();
		const slow = defineAgent({ name: "slow", run: async () => go.promise });
		const { swarm } = virtualSwarm([echo, slow], { journal: held.journal, concurrency: 1, ...strict });
		const first = swarm.start({ nodes: [{ id: "a", agent: "slow" }] });
		await rest();
		held.calls.shift()?.pass();
		await rest();
		const second = swarm.start({ nodes: [{ id: "b", agent: "echo" }] });
		await rest();
		// The second run is on its way when the only slot becomes free.
		expect(held.calls).toHaveLength(1);
		go.open();
		await rest();
		held.letPass();
		await rest(30);
		expect((await first.result()).status).toBe("completed");
		expect(second.snapshot().status).toBe("completed");
	});

	test("what is asked for meanwhile is bounded", async () => {
		const held = heldJournal();
		const { swarm } = virtualSwarm([echo], { journal: held.journal, check: "off", ...strict });
		const run = swarm.start({ nodes: [] }, { open: true });
		await rest();
		const codes = new Map<string, number>();
		const note = (code: string): void => void codes.set(code, (codes.get(code) ?? 0) + 1);
		const all = Array.from({ length: 25_000 }, (_, i) =>
			run.mutate([{ type: "addNode", node: { id: `x${i}`, agent: "echo", speculative: "hold" } }]).then(
				() => note("done"),
				(error) => note(error.code),
			),
		);
		held.letPass();
		await Promise.all(all);
		expect(codes.get("OVERLOADED")).toBe(15_000);
		expect(codes.get("done")).toBe(10_000);
		await run.cancel();
	});
});

describe("strict, with a journal that answers at once", () => {
	test("a flood of mutations is bounded, too", async () => {
		const { swarm } = virtualSwarm([echo], { journal: memoryJournal(), check: "off", ...strict });
		const run = swarm.start({ nodes: [] }, { open: true });
		await rest();
		const answers = await Promise.allSettled(
			Array.from({ length: 15_000 }, (_, i) =>
				run.mutate([{ type: "addNode", node: { id: `x${i}`, agent: "echo", speculative: "hold" } }]),
			),
		);
		const refused = answers.filter(({ status }) => status === "rejected");
		expect(refused).toHaveLength(5_000);
		await run.cancel();
	});

	test("snapshot, output and explain show what is committed: they commit it", async () => {
		const watched = watchedJournal();
		const { swarm, clock } = virtualSwarm([echo, forever], { journal: watched.journal, ...strict });
		const run = swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId: "r" });
		expect(run.snapshot().seq).toBe((await stored(watched.journal, "r")).length);
		expect(run.output("a")).toBeUndefined();
		const mutated = run.mutate([{ type: "addNode", node: { id: "b", agent: "echo", input: 7 } }]);
		expect(run.snapshot().get("b")).toBeDefined();
		expect(run.snapshot().seq).toBe((await stored(watched.journal, "r")).length);
		await mutated;
		void run.cancel();
		await finish(run, clock);
	});

	test("one commit a hop of a chain, and a share of one for nodes side by side", async () => {
		const commits = async (nodes: readonly NodeSpec[], concurrency: number) => {
			const watched = watchedJournal();
			const { swarm } = virtualSwarm([echo, microtasks, ticks], {
				journal: watched.journal,
				concurrency,
				check: "off",
				...strict,
			});
			const run = swarm.start({ nodes });
			await rest(nodes.length * 3 + 20);
			expect((await run.result()).status).toBe("completed");
			return watched.appends.length;
		};
		let turn = 0;
		const microtasks = defineAgent({
			name: "microtasks",
			run: async () => {
				for (let k = turn++ % 7; k > 0; k--) await null;
			},
		});
		const ticks = defineAgent({
			name: "ticks",
			run: () => new Promise<void>((resolve) => process.nextTick(resolve)),
		});
		for (const agent of ["echo", "microtasks", "ticks"]) {
			expect(await commits(chain(100, agent), 8)).toBeLessThanOrEqual(110);
			const side = Array.from({ length: 400 }, (_, i) => ({ id: `n${i}`, agent }));
			expect(await commits(side, 8)).toBeLessThanOrEqual(55);
			expect(await commits(side, 40)).toBeLessThanOrEqual(11);
		}
	});

	test("agents of microtasks alone do not keep commits waiting", async () => {
		const watched = watchedJournal();
		let stop = false;
		const busy = defineAgent({
			name: "busy",
			run: async (_: unknown, ctx) => {
				// It goes on as long as its own node's commit lets it.
				for (let k = 0; k < 2_000 && !stop; k++) await null;
				return ctx.nodeId;
			},
		});
		const { swarm } = virtualSwarm([busy], { journal: watched.journal, concurrency: 4, check: "off", ...strict });
		const run = swarm.start({ nodes: Array.from({ length: 64 }, (_, i) => ({ id: `n${i}`, agent: "busy" })) });
		await rest(60);
		stop = true;
		expect((await run.result()).status).toBe("completed");
		expect(watched.appends.length).toBeGreaterThan(10);
		const most = Math.max(...watched.appends.map((entries) => entries.flatMap(({ records }) => records).length));
		expect(most).toBe(1);
	});
});

describe("an append that fails", () => {
	test.each([
		["strict", false],
		["strict", true],
		["relaxed", false],
	] as const)("stops its run and no other: %s, later: %s", async (durability, later) => {
		const inner = memoryJournal();
		const broken = new Proxy(inner, {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (typeof member !== "function") return member;
				if (key !== "append") return member.bind(target);
				return (given: Parameters<Journal["append"]>[0]) => {
					const entries = [...given];
					const bad = entries.filter(
						({ run, records }) => run === "bad" && records.some(({ body }) => body.includes("[1,")),
					);
					const good = entries.filter((entry) => !bad.includes(entry));
					const work = () => [
						...(target.append(good) as readonly []),
						...bad.map(({ run }) => ({ run, code: "FENCED" as const, message: "taken over" })),
					];
					return later ? new Promise((resolve) => setImmediate(() => resolve(work()))) : work();
				};
			},
		});
		const { swarm, clock } = virtualSwarm([echo, forever], {
			journal: broken,
			durability,
			concurrency: 2,
			limits: { one: 1 },
			grace: 10,
		});
		const nodes = (agent: string) => ["a", "b", "c"].map((id) => ({ id, agent, limits: ["one"] }));
		const bad = swarm.start({ nodes: nodes("echo") }, { runId: "bad" });
		const seen = record(bad);
		const good = swarm.start({ nodes: nodes("echo") }, { runId: "good" });
		for (let turn = 0; turn < 10; turn++) await pass(clock, 10);
		expect(await finish(good, clock)).toMatchObject({ status: "completed", stats: { completed: 3 } });
		const outcome = await finish(bad, clock);
		expect(outcome).toMatchObject({ status: "failed", reason: expect.stringMatching(/^FENCED/) });
		if (durability === "strict") expect(seen.some(({ type }) => type === "node.completed")).toBe(false);
		expect((await rejection(bad.mutate([]))).code).toMatch(/FENCED|POISONED/);
		const after = swarm.start({ nodes: nodes("echo") }, { runId: "after" });
		expect((await finish(after, clock)).status).toBe("completed");
		await swarm.close();
		expect(clock.pending).toBe(0);
	});

	test("JOURNAL_UNAVAILABLE: nothing of it is seen, slots of what had not started are free, and it goes on once there is room", async () => {
		const watched = watchedJournal();
		const started: string[] = [];
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				started.push(ctx.nodeId);
				return ctx.nodeId;
			},
		});
		const { swarm, clock } = virtualSwarm([agent], { journal: watched.journal, concurrency: 2, ...strict });
		const run = swarm.start({ nodes: chain(4, "agent") }, { runId: "r" });
		const seen = record(run);
		watched.breaks = (entries) => entries.some(({ records }) => records.some(({ body }) => body.includes('[1,"n1"')));
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "failed", reason: expect.stringMatching(/^JOURNAL_UNAVAILABLE/) });
		expect(started).toEqual(["n0", "n1"]);
		expect(seen.filter(({ type }) => type === "node.completed")).toHaveLength(1);
		expect(await stored(watched.journal, "r")).toEqual(seen);
		watched.breaks = () => false;
		const other = swarm.start({ nodes: chain(2, "agent") });
		expect((await finish(other, clock)).status).toBe("completed");
		// Its own swarm may take it up again at once.
		const again = await swarm.recover("r");
		expect(await finish(again, clock)).toMatchObject({ status: "completed", outputs: { n3: "n3" } });
		expect(started.filter((id) => id === "n1")).toHaveLength(3);
		expect(clock.pending).toBe(0);
	});

	test("at the very first batch: the run has not begun", async () => {
		const watched = watchedJournal();
		watched.breaks = () => true;
		const { swarm, clock } = virtualSwarm([echo], { journal: watched.journal, ...strict });
		const run = swarm.start({ nodes: chain(2) }, { runId: "r", deadline: 1_000 });
		expect(await finish(run, clock)).toMatchObject({
			status: "failed",
			reason: expect.stringMatching(/^JOURNAL_UNAV/),
		});
		expect(await watched.journal.find("r")).toBeUndefined();
		expect(clock.pending).toBe(0);
		watched.breaks = () => false;
		const next = swarm.start({ nodes: chain(2) }, { runId: "r" });
		expect((await finish(next, clock)).status).toBe("completed");
	});
});
