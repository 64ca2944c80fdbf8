import { type BudgetPort, type BudgetVerdict, budgetLedger, defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rest, virtualSwarm } from "./fixture.js";

const cheap = defineAgent({ name: "cheap", estimate: { cost: 1 }, run: async (_: unknown, ctx) => ctx.nodeId });

const ledger = (limit: number) => budgetLedger({ limits: [{ measure: "cost", limit, of: "tree" }] });

describe("who waits for what others have reserved", () => {
	test("goes on at once when that was given back while it was being refused", async () => {
		const { swarm, clock } = virtualSwarm([cheap], { ports: { budget: ledger(1) }, concurrency: 2 });
		const start = clock.now();
		const run = swarm.start({ nodes: ["a", "b"].map((id) => ({ id, agent: cheap })) });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(clock.now()).toBe(start);
	});

	test("goes on when it was given back before the budget had answered", async () => {
		const books = ledger(1);
		const budget: BudgetPort = {
			reserve: async (request): Promise<BudgetVerdict> => {
				const verdict = books.reserve(request);
				await rest(3);
				return verdict;
			},
			settle: (...told) => books.settle(...told),
		};
		const { swarm, clock } = virtualSwarm([cheap], { ports: { budget }, concurrency: 4 });
		const start = clock.now();
		const run = swarm.start({ nodes: ["a", "b", "c", "d"].map((id) => ({ id, agent: cheap })) });
		await rest(100);
		expect((await finish(run, clock)).status).toBe("completed");
		expect(clock.now()).toBe(start);
	});

	test("goes on when the one before it in the queue is pruned in the meantime", async () => {
		const open = gate();
		const first = defineAgent({ name: "first", estimate: { cost: 1 }, run: () => open.promise });
		const { swarm, clock } = virtualSwarm([first, cheap], { ports: { budget: ledger(1) }, concurrency: 3 });
		const start = clock.now();
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: first },
				{ id: "b", agent: cheap },
				{ id: "c", agent: cheap },
			],
		});
		await rest();
		expect(run.waiting().map(({ node }) => node)).toEqual(["b", "c"]);
		open.open();
		void run.mutate([{ type: "pruneSubgraph", id: "b" }]);
		const outcome = await finish(run, clock);
		expect(outcome.outputs).toHaveProperty("c");
		expect(clock.now()).toBe(start);
	});

	test("asks a person when nothing is in flight any more, all that wait", async () => {
		const open = gate();
		const dear = defineAgent({
			name: "dear",
			estimate: { cost: 1 },
			run: async (_: unknown, ctx) => {
				await open.promise;
				ctx.usage({ cost: 5 });
			},
		});
		const { swarm, clock } = virtualSwarm([dear, cheap], {
			ports: { budget: ledger(1) },
			budget: { onExhausted: "ask" },
			concurrency: 3,
		});
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: dear },
				{ id: "b", agent: cheap },
				{ id: "c", agent: cheap },
			],
		});
		await rest();
		open.open();
		await rest(30);
		expect(run.waiting({ kind: "approval" }).map(({ node }) => node)).toEqual(["b", "c"]);
		await run.approve("b");
		await run.approve("c");
		expect((await finish(run, clock)).status).toBe("completed");
	});

	test("does not wait for its own caller, which waits for it", async () => {
		const { swarm, clock } = virtualSwarm(
			[
				cheap,
				defineAgent({ name: "boss", estimate: { cost: 3 }, run: (_: unknown, ctx) => ctx.call("worker") }),
				defineAgent({ name: "worker", estimate: { cost: 3 }, run: async () => "done" }),
			],
			{ ports: { budget: ledger(5) } },
		);
		const start = clock.now();
		const run = swarm.start({ nodes: [{ id: "a", agent: "boss" }] });
		const outcome = await finish(run, clock);
		expect(clock.now()).toBe(start);
		expect(outcome.failures).toMatchObject([{ id: "a", code: "CALL_FAILED" }]);
	});

	test("waits for others beside its caller", async () => {
		const open = gate();
		const { swarm, clock } = virtualSwarm(
			[
				defineAgent({ name: "boss", estimate: { cost: 2 }, run: (_: unknown, ctx) => ctx.call("worker") }),
				defineAgent({ name: "worker", estimate: { cost: 2 }, run: async () => "done" }),
				defineAgent({ name: "other", estimate: { cost: 1 }, run: () => open.promise }),
			],
			{ ports: { budget: ledger(4) } },
		);
		const run = swarm.start({ nodes: ["other", "boss"].map((agent) => ({ id: agent, agent })) });
		await rest();
		expect(swarm.waiting().map(({ run: in_, kind }) => [in_, kind])).toEqual([
			["run-1", "child"],
			["run-1/boss/1.1", "sleep"],
		]);
		open.open();
		expect((await finish(run, clock)).outputs).toEqual({ boss: "done" });
	});

	test("is not asked for longer than the run allows, however often the budget says that it is worth asking", async () => {
		const budget: BudgetPort = {
			reserve: () => ({ verdict: "blocked", reason: "cost", retryAfter: 60_000 }),
			settle: () => {},
		};
		const { swarm, clock } = virtualSwarm([cheap], { ports: { budget }, budget: { maxWait: "10m" } });
		const start = clock.now();
		const run = swarm.start({ nodes: [{ id: "a", agent: cheap }] });
		await pass(clock, 700_000);
		expect(run.snapshot().status).toBe("budget_exceeded");
		expect(clock.now() - start).toBe(700_000);
	});

	test("of many nodes for one place each is called once, without time going by", async () => {
		const { swarm, clock } = virtualSwarm([cheap], { ports: { budget: ledger(1) }, concurrency: 64, check: "off" });
		const start = clock.now();
		const run = swarm.start({ nodes: Array.from({ length: 1_000 }, (_, i) => ({ id: `n${i}`, agent: cheap })) });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(clock.now()).toBe(start);
	});
});

describe("what is told when its attempt is over", () => {
	test("reaches the budget: it is spent", async () => {
		const told: [string, unknown, boolean][] = [];
		const budget: BudgetPort = {
			reserve: ({ node, attempt }) => ({ verdict: "allowed", reservation: `${node}${attempt}` }),
			settle: (reservation, used, last) => void told.push([reservation, used["cost"], last]),
		};
		const open = gate();
		const late = defineAgent({
			name: "late",
			timeout: 100,
			retry: { maxAttempts: 1 },
			run: async (_: unknown, ctx) => {
				ctx.usage({ cost: 1 });
				await open.promise;
				ctx.usage({ cost: 2 });
			},
		});
		const other = gate();
		const slow = defineAgent({ name: "slow", run: () => other.promise });
		const { swarm, clock } = virtualSwarm([late, slow], { ports: { budget }, grace: 0 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: late },
				{ id: "b", agent: slow },
			],
		});
		await pass(clock, 200);
		open.open();
		await rest();
		other.open();
		const outcome = await finish(run, clock);
		expect(outcome.stats.usage.cost).toBe(3);
		expect(told.filter(([reservation]) => reservation === "a1")).toEqual([
			["a1", 1, false],
			["a1", 1, true],
			["a1", 3, false],
		]);
	});
});

describe("degraded", () => {
	test("an `always` node that tidies up is not refused, its fallback neither", async () => {
		const dear = defineAgent({
			name: "dear",
			estimate: { cost: 9 },
			run: async (_: unknown, ctx) => ctx.usage({ cost: 9 }),
		});
		const tidy = defineAgent({
			name: "tidy",
			estimate: { cost: 1 },
			fallback: { agent: "cheap" },
			run: async () => "tidy",
		});
		const { swarm, clock } = virtualSwarm([dear, tidy, cheap], {
			ports: { budget: ledger(9) },
			budget: { onExhausted: "degrade" },
			concurrency: 1,
		});
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: dear },
				{ id: "b", agent: dear },
				{ id: "z", agent: tidy, dependsOn: ["a", "b"], join: "always" },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("budget_exceeded");
		expect(run.snapshot().get("z")?.state).toBe("completed");
	});

	test("what stands in for an agent is not remembered as its outcome", async () => {
		const outputs: unknown[] = [];
		const dear = defineAgent({
			name: "dear",
			estimate: { cost: 5 },
			memo: true,
			fallback: { agent: "cheap" },
			run: async () => "dear",
		});
		const small = defineAgent({ name: "cheap", estimate: { cost: 1 }, run: async () => "cheap" });
		const budget = budgetLedger({ limits: [{ measure: "cost", limit: 4, of: "caller", name: "poor" }] });
		const { swarm, clock } = virtualSwarm([dear, small], { ports: { budget }, budget: { onExhausted: "degrade" } });
		for (const caller of ["poor", "rich"]) {
			const run = swarm.start({ nodes: [{ id: "a", agent: dear, input: 1 }] }, { metadata: { caller } });
			outputs.push((await finish(run, clock)).outputs["a"]);
		}
		expect(outputs).toEqual(["cheap", "dear"]);
	});
});
