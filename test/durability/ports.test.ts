import {
	type BudgetPort,
	type BudgetRequest,
	type BudgetVerdict,
	type CheckpointerPort,
	type CriticPort,
	defineAgent,
	type Plain,
	type RunInfo,
	type Usage,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rest } from "../swarm/fixture.js";
import { DEAD_MS, journals, Lives } from "./fixture.js";

/** Books that outlive no process: each life has its own. */
class Books implements BudgetPort {
	readonly opened: { readonly run: RunInfo; readonly spent: Usage }[] = [];
	readonly asked: BudgetRequest[] = [];

	constructor(private readonly say: (request: BudgetRequest) => BudgetVerdict) {}

	open(run: RunInfo, spent: Usage): void {
		this.opened.push({ run, spent: { ...spent } });
	}
	reserve(request: BudgetRequest): BudgetVerdict {
		this.asked.push(request);
		return this.say(request);
	}
	settle(): void {}
}

const allow = ({ node, attempt }: BudgetRequest): BudgetVerdict => ({
	verdict: "allowed",
	reservation: `${node} ${attempt}`,
});

describe.each(journals())("with a %s journal", (_, make) => {
	test("what was used before a crash is told to the budget of the next process, with whom the run is for", async () => {
		const books = new Books(allow);
		const open = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: undefined, ctx) => {
				ctx.usage({ cost: 2, inputTokens: 100 });
				if (ctx.attempt === 1) await new Promise(() => {});
				await open.promise;
			},
		});
		const lives = new Lives([agent], { ports: { budget: books } }, make());
		const one = lives.next();
		one.swarm.start(
			{ nodes: [{ id: "a", agent: "agent" }] },
			{ runId: "r", metadata: { caller: "ann", channel: "mail" } },
		);
		await rest();
		const { run, clock } = await lives.recover("r");
		open.open();
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(books.opened).toMatchObject([
			{ run: { run: "r", resumed: false, caller: "ann" }, spent: {} },
			{ run: { run: "r", resumed: true, caller: "ann", channel: "mail" }, spent: { cost: 2, inputTokens: 100 } },
		]);
		expect(outcome.stats.usage).toMatchObject({ cost: 4, inputTokens: 200 });
	});

	test("nodes and seconds are counted before the process lets go of the run, and once", async () => {
		const books = new Books(allow);
		const open = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: undefined, ctx) => {
				if (ctx.attempt > 1) return;
				await open.promise;
				await ctx.waitForSignal("go");
			},
		});
		const lives = new Lives([agent], { ports: { budget: books } }, make());
		const one = lives.next();
		one.swarm.start(
			{
				nodes: [
					{ id: "a", agent: "agent" },
					{ id: "b", agent: "agent" },
				],
			},
			{ runId: "r" },
		);
		await pass(one.clock, 3_000);
		void one.swarm.drain(0);
		await pass(one.clock, 10);
		const { run, clock } = await lives.recover("r");
		const outcome = await finish(run, clock);
		expect(books.opened[1]?.spent).toEqual({ nodes: 2, agentSeconds: 6 });
		expect(outcome.stats.usage).toEqual({ nodes: 2, agentSeconds: 6 });
	});

	test("a person who has said yes to the budget is not asked again after a restart", async () => {
		const books = new Books((request) =>
			request.approved ? allow(request) : { verdict: "blocked", reason: "cost is used up" },
		);
		let calls = 0;
		const agent = defineAgent({
			name: "agent",
			run: async () => {
				if (++calls === 1) await new Promise(() => {});
				return "done";
			},
		});
		const options = { ports: { budget: books }, budget: { onExhausted: "ask" as const } };
		const lives = new Lives([agent], options, make());
		const one = lives.next();
		const first = one.swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		await first.approve("a", { by: "ann" });
		await rest();
		expect(calls).toBe(1);
		const { run, clock } = await lives.recover("r");
		expect((await finish(run, clock)).outputs).toEqual({ a: "done" });
		expect(books.asked.map(({ approved }) => approved)).toEqual([false, true, false, true]);
	});

	test("a question about the budget still waits in the next process", async () => {
		const books = new Books((request) =>
			request.approved ? allow(request) : { verdict: "blocked", reason: "cost is used up" },
		);
		const agent = defineAgent({ name: "agent", run: async () => "done" });
		const options = { ports: { budget: books }, budget: { onExhausted: "ask" as const } };
		const lives = new Lives([agent], options, make());
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r");
		expect(run.snapshot().get("a")?.wait).toMatchObject({
			kind: "approval",
			reason: expect.stringContaining("used up"),
		});
		await run.approve("a");
		expect((await finish(run, clock)).outputs).toEqual({ a: "done" });
	});

	test("a critic is asked at once by the next process when the soft limit has passed meanwhile", async () => {
		const causes: string[] = [];
		const critic: CriticPort = {
			watch: ({ attempt }) =>
				attempt !== undefined
					? null
					: {
							hardFactor: 10,
							escalate: ({ cause, elapsed }) => {
								causes.push(`${cause} ${elapsed >= DEAD_MS}`);
								return { action: "kill", reason: "enough" };
							},
						},
		};
		const agent = defineAgent({ name: "agent", run: (_: undefined, ctx) => ctx.waitForSignal("never") });
		const lives = new Lives([agent], { ports: { critic } }, make());
		const one = lives.next();
		one.swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r", deadline: 10_000 });
		await rest();
		const { run, clock } = await lives.recover("r");
		expect(await finish(run, clock)).toMatchObject({ status: "cancelled", reason: "KILLED: enough" });
		expect(causes).toEqual(["deadline true"]);
	});

	test("progress that the host keeps itself is there in the next process, and cleared when the node has ended", async () => {
		const kept = new Map<string, Map<string, unknown>>();
		const closed: boolean[] = [];
		const checkpointer: CheckpointerPort = {
			open: ({ run }) => {
				const store = kept.get(run) ?? new Map<string, unknown>();
				kept.set(run, store);
				return {
					load: async () => store,
					save: async (node, state) => void store.set(node, state),
					clear: (node) => void store.delete(node),
					close: (ended) => void closed.push(ended),
				};
			},
		};
		const loaded: unknown[] = [];
		const agent = defineAgent({
			name: "agent",
			run: async (_: undefined, ctx) => {
				loaded.push(ctx.checkpoint.load());
				if (ctx.attempt > 1) return "done";
				await ctx.checkpoint.save({ at: 7 } satisfies Plain);
				return new Promise<string>(() => {});
			},
		});
		const lives = new Lives([agent], { ports: { checkpointer } }, make());
		const one = lives.next();
		one.swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await pass(one.clock, 10);
		expect(kept.get("r")?.get("a")).toEqual({ at: 7 });
		expect((await lives.journal.checkpoints("r")).size).toBe(0);
		const { run, clock } = await lives.recover("r");
		expect((await finish(run, clock)).outputs).toEqual({ a: "done" });
		expect(loaded).toEqual([undefined, { at: 7 }]);
		expect(kept.get("r")?.size).toBe(0);
		expect(closed).toEqual([true]);
	});

	test("a run whose progress cannot be read is not recovered, and can be later", async () => {
		let broken = true;
		const checkpointer: CheckpointerPort = {
			open: () => ({
				load: () => (broken ? Promise.reject(new Error("no disk")) : new Map()),
				save: () => {},
				clear: () => {},
			}),
		};
		const agent = defineAgent({
			name: "agent",
			run: async (_: undefined, ctx) => (ctx.attempt === 1 ? new Promise<string>(() => {}) : "done"),
		});
		const lives = new Lives([agent], { ports: { checkpointer } }, make());
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
		await rest();
		await expect(lives.recover("r")).rejects.toMatchObject({ code: "PORT_FAILED" });
		broken = false;
		const { run, clock } = await lives.recover("r");
		expect((await finish(run, clock)).outputs).toEqual({ a: "done" });
	});
});
