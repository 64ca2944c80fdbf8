import { type CriticPort, defineAgent, type Ports, type StartOptions } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, fail, finish, lines, pass, record, rest, virtualSwarm } from "./fixture.js";

const forever = defineAgent({
	name: "forever",
	run: (_: undefined, ctx) =>
		new Promise<never>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
});

/** Every port, each telling what it was asked. */
function telling(say: (what: string) => void): Required<Omit<Ports, "palette">> {
	return {
		audit: { startRun: () => ({ record: () => {}, close: ({ status }) => say(`audit closed ${status}`) }) },
		budget: {
			open: () => say("budget opened"),
			reserve: ({ node }) => {
				say(`reserved ${node}`);
				if (node === "dear") return { verdict: "blocked", reason: "cost is used up" };
				return { verdict: "allowed", reservation: node };
			},
			settle: (node, _, last) => {
				if (last) say(`settled ${node}`);
			},
			close: (_, ended) => say(`budget closed ${ended}`),
		},
		critic: {
			watch: ({ attempt }) => {
				const what = attempt?.node ?? "the run";
				say(`watches ${what}`);
				return { escalate: () => ({ action: "continue" }), end: () => say(`watches ${what} no more`) };
			},
		},
		checkpointer: {
			open: () => ({
				load: () => new Map(),
				save: () => {},
				clear: () => {},
				close: (ended) => say(`checkpoints closed ${ended}`),
			}),
		},
		delivery: { deliver: ({ status }) => say(`delivered ${status}`) },
	};
}

describe("E1: every port may be absent", () => {
	const names = ["audit", "budget", "critic", "checkpointer", "delivery"] as const;
	test.each([undefined, ...names])("also all but %s", async (name) => {
		const all = telling(() => {});
		const ports: Ports = name === undefined ? {} : { [name]: all[name] };
		const { swarm, clock } = virtualSwarm([echo], { ports });
		const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { a: 1 } });
	});

	test("and one may be given as undefined", async () => {
		const { swarm, clock } = virtualSwarm([echo], { ports: { audit: undefined } as unknown as Ports });
		const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
		expect((await finish(run, clock)).status).toBe("completed");
	});
});

interface Ending {
	readonly status: string;
	readonly node: { readonly id: string; readonly agent: string };
	readonly options?: StartOptions;
	readonly cancel?: true;
}

const endings: readonly Ending[] = [
	{ status: "completed", node: { id: "a", agent: "echo" } },
	{ status: "failed", node: { id: "a", agent: "fail" } },
	{ status: "timed_out", node: { id: "a", agent: "forever" }, options: { deadline: 1_000 } },
	{ status: "budget_exceeded", node: { id: "dear", agent: "echo" } },
	{ status: "cancelled", node: { id: "a", agent: "forever" }, cancel: true },
];

describe("E2 and E10: a run has a status of its own for each way to end, and whatever it was, every port is done with", () => {
	test.each(endings)("$status", async ({ status, node, options = {}, cancel }) => {
		const said: string[] = [];
		const { swarm, clock } = virtualSwarm([echo, fail, forever], { ports: telling((what) => said.push(what)) });
		const run = swarm.start({ nodes: [node as { id: string; agent: "echo" }] }, options);
		await rest();
		if (cancel === true) void run.cancel();
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe(status);
		await run.delivered();
		expect(said).toEqual(
			expect.arrayContaining([
				"budget opened",
				"budget closed true",
				"checkpoints closed true",
				`audit closed ${status}`,
				`delivered ${status}`,
				"watches the run no more",
			]),
		);
		const count = (beginning: string): number => said.filter((what) => what.startsWith(beginning)).length;
		if (status !== "budget_exceeded") expect(count("reserved")).toBe(count("settled"));
		expect(said.filter((what) => what.startsWith("watches") && !what.endsWith("no more"))).toHaveLength(
			said.filter((what) => what.endsWith("no more")).length,
		);
	});

	test("and a dry run asks none of them", async () => {
		const said: string[] = [];
		const { swarm } = virtualSwarm([echo], { ports: telling((what) => said.push(what)) });
		const run = swarm.start({ nodes: [{ id: "a", agent: echo }] }, { dryRun: true });
		expect((await run.result()).status).toBe("dry_run");
		expect(said).toEqual([]);
	});
});

test("E4: a budget is asked before the function is called, and told after it has returned", async () => {
	const said: string[] = [];
	const work = defineAgent({
		name: "work",
		run: async () => {
			said.push("called");
			await rest(2);
			said.push("returned");
		},
	});
	const { budget } = telling((what) => said.push(what));
	const { swarm, clock } = virtualSwarm([work], { ports: { budget } });
	await finish(swarm.start({ nodes: [{ id: "a", agent: work }] }), clock);
	expect(said).toEqual(["budget opened", "reserved a", "called", "returned", "settled a", "budget closed true"]);
});

test("E5: steps, tools and output are signs of life; messages are taken before each step", async () => {
	const causes: string[] = [];
	const critic: CriticPort = {
		watch: ({ attempt }) =>
			attempt?.node !== "a"
				? null
				: {
						idleAfter: 1_000,
						escalate: ({ cause, elapsed }) => {
							causes.push(`${cause} ${elapsed}`);
							return { action: "steer", message: "wake up" };
						},
					},
	};
	const seen: unknown[] = [];
	const { swarm, clock } = virtualSwarm([], {
		ports: { critic },
		agents: [
			echo,
			defineAgent({
				name: "busy",
				run: async (_: undefined, ctx) => {
					const wait = (ms: number) => new Promise<void>((resolve) => clock.set(clock.now() + ms, resolve));
					await wait(900);
					await ctx.step("one", () => 1);
					await wait(900);
					await ctx.call("echo", 2);
					await wait(900);
					ctx.emit("three");
					await wait(900);
					seen.push(...ctx.inbox());
					await wait(1_200);
					seen.push(...ctx.inbox());
				},
			}),
		],
	});
	const run = swarm.start({ nodes: [{ id: "a", agent: "busy" }] });
	await pass(clock, 3_600);
	expect(causes).toEqual([]);
	await finish(run, clock);
	expect(causes).toEqual(["idle 3700"]);
	expect(seen).toEqual(["wake up"]);
});

test("E7: a port that throws is the run's failure to record, on those who watch as well, and crashes nothing", async () => {
	const broken = (): never => {
		throw new Error("broken");
	};
	const ports: Ports = {
		audit: { startRun: broken },
		critic: { watch: broken },
		delivery: { deliver: broken },
	};
	const heard: unknown[] = [];
	const { swarm, clock } = virtualSwarm([echo], {
		ports,
		portPolicies: { delivery: { retry: { maxAttempts: 2, delay: 10 } } },
		onListenerError: (error) => heard.push(error),
	});
	const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
	const events = record(run);
	expect((await finish(run, clock)).outputs).toEqual({ a: 1 });
	expect(lines(events, /portFailed/).length).toBeGreaterThanOrEqual(2);
	await pass(clock, 100);
	expect(await run.delivered()).toMatchObject({ ok: false, attempts: 2 });
	expect(heard).toMatchObject([{ code: "PORT_FAILED" }, { code: "PORT_FAILED" }]);
});
