import { readdirSync } from "node:fs";
import {
	budgetLedger,
	combineCritics,
	createSwarm,
	defineAgent,
	folderCheckpoints,
	idleCritic,
	loopDetector,
	memoryJournal,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, lines, pass, record, virtualSwarm } from "../swarm/fixture.js";
import { folders } from "./samples.js";

/** Does nothing until it is stopped. */
const hang = defineAgent({
	name: "hang",
	run: (_: unknown, ctx) =>
		new Promise<never>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
});

describe("critics in runs", () => {
	test("who hangs is told once, and killed an idle time later (E8)", async () => {
		const { swarm, clock } = virtualSwarm([hang], { ports: { critic: idleCritic({ idleAfter: "5s" }) } });
		const run = swarm.start({ nodes: [{ id: "a", agent: hang }] });
		const events = record(run);
		await pass(clock, 9_999);
		expect(lines(events, /steered/)).toEqual(["node.steered a"]);
		const start = clock.now();
		expect((await finish(run, clock)).failures).toMatchObject([
			{ code: "KILLED", message: expect.stringContaining("nothing was done for 10 s") },
		]);
		expect(clock.now() - start).toBe(1);
	});

	test("a run that only waits for what it has called is not idle: that is watched by itself", async () => {
		const asks = defineAgent({ name: "asks", run: (_: unknown, ctx) => ctx.ask("may I?") });
		const calls = defineAgent({
			name: "calls",
			run: async (name: string, ctx) => {
				const error = await ctx.call(name).catch((thrown: { cause?: { message: string } }) => thrown);
				return typeof error === "string" ? error : (error as { cause?: { message: string } }).cause?.message;
			},
		});
		const critic = idleCritic({ idleAfter: "1s", warnings: 0, watch: "runs" });
		const { swarm, clock } = virtualSwarm([asks, calls, hang], { ports: { critic } });
		const waits = swarm.start({ nodes: [{ id: "a", agent: "calls", input: "asks" }] });
		const hangs = swarm.start({ nodes: [{ id: "a", agent: "calls", input: "hang" }] });
		await pass(clock, 60_000);
		expect((await finish(hangs, clock)).outputs["a"]).toContain("KILLED: nothing was done for 1 s");
		await swarm.runs().at(-1)?.answer("asks", "yes");
		expect((await finish(waits, clock)).outputs["a"]).toBe("yes");
		// One that goes on after a call and then does nothing is idle again.
		const idles = defineAgent({
			name: "idles",
			run: (_: unknown, ctx) => ctx.call("quick").then(() => hang.run(undefined, ctx)),
		});
		const quick = defineAgent({ name: "quick", run: () => 1 });
		const other = virtualSwarm([idles, quick], { ports: { critic } });
		const run = other.swarm.start({ nodes: [{ id: "a", agent: "idles" }] });
		expect((await finish(run, other.clock)).reason).toContain("KILLED");
	});

	test("a loop detector leaves time limits hard; beside another critic it leaves them to that (mistake 38)", async () => {
		const took = async (critic: ReturnType<typeof loopDetector>): Promise<number> => {
			const { swarm, clock } = virtualSwarm([hang], { ports: { critic } });
			const start = clock.now();
			const run = swarm.start({ nodes: [{ id: "a", agent: hang, timeout: "10s" }] });
			await finish(run, clock);
			return clock.now() - start;
		};
		expect(await took(loopDetector())).toBe(10_000);
		expect(await took(combineCritics(loopDetector(), idleCritic({ warnings: 100 })))).toBe(20_000);
	});

	test("each critic of several is asked in its own time", async () => {
		const critic = combineCritics(
			idleCritic({ idleAfter: "3s", warnings: 100, message: "hurry" }),
			idleCritic({ idleAfter: "10s", warnings: 0 }),
		);
		const { swarm, clock } = virtualSwarm([hang], { ports: { critic } });
		const start = clock.now();
		const run = swarm.start({ nodes: [{ id: "a", agent: hang }] });
		const events = record(run);
		expect((await finish(run, clock)).failures).toMatchObject([{ code: "KILLED" }]);
		expect(clock.now() - start).toBe(10_000);
		expect(lines(events, /steered/)).toHaveLength(3);
	});
});

describe("a ledger in runs", () => {
	test("the run ends where its budget does, and has used no more than what was in flight had reserved", async () => {
		const spend = defineAgent({
			name: "spend",
			run: async (_: unknown, ctx) => ctx.usage({ cost: 1 }),
		});
		const { swarm, clock } = virtualSwarm([spend], {
			concurrency: 3,
			ports: { budget: budgetLedger({ limits: [{ measure: "nodes", limit: 4, of: "run" }] }) },
		});
		const run = swarm.start({ nodes: Array.from({ length: 9 }, (_, i) => ({ id: `n${i}`, agent: spend })) });
		expect(await finish(run, clock)).toMatchObject({
			status: "budget_exceeded",
			reason: expect.stringMatching(/^nodes of run "run-1": \d used and \d reserved of 4, 1 more asked for$/),
			stats: { usage: { cost: 4, nodes: 4 } },
		});
	});

	test("books of a run go when it has ended, and what its caller has used stays", async () => {
		const spend = defineAgent({ name: "spend", run: async (_: unknown, ctx) => ctx.usage({ cost: 1 }) });
		const budget = budgetLedger({
			limits: [
				{ measure: "cost", limit: 4, of: "run" },
				{ measure: "cost", limit: 9, of: "caller" },
			],
		});
		const { swarm, clock } = virtualSwarm([spend], { ports: { budget } });
		const start = () => swarm.start({ nodes: [{ id: "n", agent: spend }] }, { metadata: { caller: "anna" } });
		for (let i = 0; i < 2; i++) await finish(start(), clock);
		await swarm.close();
		expect(budget.report()).toMatchObject({
			limits: [{ accounts: [] }, { accounts: [{ name: "anna", used: 2, reserved: 0 }] }],
			runs: [],
		});
	});

	test("a called agent does not wait for what its own caller has reserved: a person is asked at once", async () => {
		const child = defineAgent({ name: "child", estimate: { cost: 60 }, run: async () => "done" });
		const parent = defineAgent({ name: "parent", estimate: { cost: 60 }, run: (_: unknown, ctx) => ctx.call(child) });
		const { swarm, clock } = virtualSwarm([child, parent], {
			ports: { budget: budgetLedger({ limits: [{ measure: "cost", limit: 100, of: "tree" }] }) },
			budget: { onExhausted: "ask" },
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: "parent" }] });
		await pass(clock, 0);
		expect(swarm.waiting({ kind: "approval" })).toMatchObject([{ run: `${run.id}/a/1.1`, node: "child" }]);
		await swarm.runs()[1]?.approve("child", { by: "ann" });
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: "done" } });
	});

	test("a window that is used up is waited for", async () => {
		const spend = defineAgent({
			name: "spend",
			run: async (_: unknown, ctx) => ctx.usage({ cost: 1 }),
		});
		const fixture = virtualSwarm([spend], {
			concurrency: 1,
			ports: {
				budget: {
					reserve: (request) => ledger.reserve(request),
					settle: (reservation, used, last) => ledger.settle(reservation, used, last),
				},
			},
		});
		const { swarm, clock } = fixture;
		const ledger = budgetLedger({ limits: [{ measure: "nodes", limit: 2, of: "all", per: "1m" }], clock });
		const start = clock.now();
		const run = swarm.start({ nodes: Array.from({ length: 4 }, (_, i) => ({ id: `n${i}`, agent: spend })) });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(clock.now() - start).toBeGreaterThanOrEqual(60_000);
		expect(clock.now() - start).toBeLessThanOrEqual(61_000);
	});
});

describe("checkpoints in runs", () => {
	const folder = folders();

	test("are there for a run that goes on, and gone when it has ended (E6, R8)", async () => {
		const directory = folder();
		const seen: unknown[] = [];
		const page = defineAgent({
			name: "page",
			run: async (_: unknown, ctx) => {
				seen.push(ctx.checkpoint.load());
				if (seen.length > 1) return "done";
				await ctx.checkpoint.save({ page: 7, bytes: new Uint8Array([1]) });
				return await ctx.waitForSignal("never");
			},
		});
		const journal = memoryJournal();
		// The machine's clock: virtual time would run out before the disk has answered.
		const open = () =>
			createSwarm({ agents: [page], journal, ports: { checkpointer: folderCheckpoints({ directory }) } });
		const first = open();
		const run = first.start({ nodes: [{ id: "a", agent: page }] }, { runId: "r/1" });
		for await (const { type } of run.events()) if (type === "node.parked") break;
		await first.drain();
		const second = open();
		const again = await second.recover("r/1");
		await again.signal("never", 1);
		expect((await again.result()).status).toBe("completed");
		await second.close();
		expect(seen).toEqual([undefined, { page: 7, bytes: new Uint8Array([1]) }]);
		expect(readdirSync(directory)).toEqual([]);
	});
});
