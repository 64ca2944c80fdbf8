import { type AnyAgent, defineAgent, type RunEvent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deps, echo, finish, forever, gate, lines, pass, record, rest, settled, virtualSwarm } from "./fixture.js";

/** Runs one agent under a `settled` dependent and gives what came of it. */
async function runOne(agent: AnyAgent, more: object = {}) {
	const { swarm, clock } = virtualSwarm([agent, settled, deps]);
	const run = swarm.start({
		nodes: [
			{ id: "x", agent: agent.name, ...more },
			{ id: "after", agent: "settled", join: "settled", dependsOn: ["x"] },
		],
	});
	const events = record(run);
	const outcome = await finish(run, clock);
	return { run, outcome, trace: lines(events, /x$|node|patch/).filter((line) => line.endsWith(" x")), events };
}

const failed = ["node.added x", "node.started x", "node.failed x"];
const completed = ["node.added x", "node.started x", "node.completed x"];

describe("an agent that throws", () => {
	test("fails its node with its message, code, stack and causes", async () => {
		const boom = defineAgent({
			name: "boom",
			run: async (): Promise<string> => {
				throw Object.assign(new TypeError("boom", { cause: new Error("underneath") }), { code: "E_BOOM" });
			},
		});
		const { outcome, run, trace } = await runOne(boom);
		expect(trace).toEqual(failed);
		expect(outcome.status).toBe("completed");
		expect(outcome.failures).toMatchObject([
			{
				id: "x",
				code: "E_BOOM",
				message: "boom",
				attempts: 1,
				cause: { name: "TypeError", cause: { message: "underneath" } },
			},
		]);
		expect(outcome.failures[0]?.cause?.stack).toContain("boom");
		expect(run.output("after")).toEqual({ x: "E_BOOM" });
	});

	test("synchronously is one that throws", async () => {
		const boom = defineAgent({
			name: "boom",
			run: (): string => {
				throw new Error("sync");
			},
		});
		const { outcome, trace } = await runOne(boom);
		expect(trace).toEqual(failed);
		expect(outcome.failures).toMatchObject([{ id: "x", code: "AGENT_ERROR", message: "sync" }]);
	});

	test.each([
		["a string", "text"],
		["undefined", undefined],
		["null", null],
		["a number", 42],
		["an object", { code: "NOPE", message: "no" }],
		["a symbol", Symbol("s")],
		["a bigint", 10n],
		["a frozen object", Object.freeze({})],
		["a null-prototype object", Object.create(null)],
		[
			"an object with hostile getters",
			{
				get message() {
					throw new Error("hostile");
				},
			},
		],
		[
			"an object that cannot be text",
			{
				toString() {
					throw new Error("hostile");
				},
			},
		],
		[
			"a proxy that throws",
			new Proxy(
				{},
				{
					get() {
						throw new Error("hostile");
					},
					getPrototypeOf() {
						throw new Error("hostile");
					},
				},
			),
		],
	])("throws a non-Error, %s, and fails all the same", async (_, thrown) => {
		for (const run of [
			async (): Promise<string> => {
				throw thrown;
			},
			(): string => {
				throw thrown;
			},
		]) {
			const { outcome, trace } = await runOne(defineAgent({ name: "boom", run }));
			expect(trace).toEqual(failed);
			expect(outcome.failures).toHaveLength(1);
			expect(typeof outcome.failures[0]?.message).toBe("string");
		}
	});

	test("rejects late: nothing else waits for it", async () => {
		const late = gate<string>();
		const agent = defineAgent({ name: "late", run: () => late.promise });
		const { swarm } = virtualSwarm([agent, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "x", agent: "late" },
				{ id: "y", agent: "echo", input: 1 },
			],
		});
		await rest();
		expect(run.output("y")).toBe(1);
		late.fail(new Error("late"));
		expect((await run.result()).failures).toMatchObject([{ id: "x", message: "late" }]);
	});
});

describe("what an agent returns", () => {
	test("undefined is an output like any other, and `deps` has its name", async () => {
		const nothing = defineAgent({ name: "nothing", run: async () => {} });
		const { swarm, clock } = virtualSwarm([nothing, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "x", agent: "nothing" },
				{ id: "y", agent: "deps", dependsOn: ["x"] },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(run.output("x")).toBeUndefined();
		expect(Object.keys(run.output("y") as object)).toEqual(["x"]);
	});

	test.each([
		["a Date", () => ({ at: new Date(0) }), "/at"],
		["a Map", () => new Map(), ""],
		["a function in a list", () => ({ "a/b": [1, () => 2] }), "/a~1b/1"],
		["NaN", () => ({ n: [0, Number.NaN] }), "/n/1"],
		["Infinity alone", () => Number.POSITIVE_INFINITY, ""],
		["a bigint", () => ({ big: 1n }), "/big"],
		["a symbol", () => Symbol("s"), ""],
		["undefined in a list", () => [1, undefined], "/1"],
		["a class of its own", () => ({ deep: { er: new (class Thing {})() } }), "/deep/er"],
		["a function", () => () => 1, ""],
		["an Error", () => [new Error("returned")], "/0"],
	])("%s is refused with its path", async (_, make, path) => {
		for (const run of [async (): Promise<unknown> => make(), (): unknown => make()]) {
			const { outcome, trace } = await runOne(defineAgent({ name: "odd", run }));
			expect(trace).toEqual(failed);
			expect(outcome.failures).toMatchObject([{ id: "x", code: "INVALID_OUTPUT", cause: { path, nodes: ["x"] } }]);
		}
	});

	test("a cycle is refused", async () => {
		const loop: { self?: unknown } = {};
		loop.self = loop;
		const { outcome } = await runOne(defineAgent({ name: "odd", run: async () => loop }));
		expect(outcome.failures).toMatchObject([{ code: "INVALID_OUTPUT" }]);
	});

	test("a value whose getters throw fails the node, and the run goes on", async () => {
		const hostile = [
			{
				// biome-ignore lint/suspicious/noThenProperty: a hostile one is what this is about
				get then(): unknown {
					throw new Error("no then");
				},
			},
			{
				get [Symbol.for("dagswarm.result")](): unknown {
					throw new Error("no brand");
				},
			},
			{
				get member(): unknown {
					throw new Error("no member");
				},
			},
			Object.defineProperty({ output: 1 }, Symbol.for("dagswarm.result"), { value: true }),
			Object.defineProperty({ output: 1, patch: { mutations: 5 } }, Symbol.for("dagswarm.result"), { value: true }),
		];
		for (const value of hostile) {
			for (const run of [async (): Promise<unknown> => value, (): unknown => value]) {
				const { outcome, trace } = await runOne(defineAgent({ name: "odd", run }));
				expect(trace).toEqual(failed);
				expect(outcome.status).toBe("completed");
			}
		}
	});

	test("a thenable is waited for, and counts once", async () => {
		const twice = {
			// biome-ignore lint/suspicious/noThenProperty: thenables are what this is about
			then(resolve: (value: number) => void, reject: (error: unknown) => void) {
				resolve(1);
				resolve(2);
				reject(new Error("third"));
			},
		};
		const { run, trace, outcome } = await runOne(defineAgent({ name: "odd", run: (): unknown => twice }));
		expect(trace).toEqual(completed);
		expect(run.output("x")).toBe(1);
		expect(outcome.stats.stale).toBe(0);
	});

	test("bytes and undefined members pass, and are handed over as they are", async () => {
		const value = { bytes: new Uint8Array([1, 2]), maybe: undefined, list: [null, true, "x", 0.5] };
		const { run } = await runOne(defineAgent({ name: "fine", run: async () => value }));
		expect(run.output("x")).toBe(value);
	});

	test("a huge output goes through", async () => {
		const rows = Array.from({ length: 20_000 }, (_, i) => ({ i, text: "x".repeat(50) }));
		const big = defineAgent({ name: "big", run: async () => rows });
		const count = defineAgent({ name: "count", run: async (_: unknown, ctx) => (ctx.deps["x"] as unknown[]).length });
		const { swarm } = virtualSwarm([big, count]);
		const outputs = await swarm.run({
			nodes: [
				{ id: "x", agent: "big" },
				{ id: "n", agent: "count", dependsOn: ["x"] },
			],
		});
		expect(outputs).toEqual({ n: 20_000 });
	});
});

describe("an agent that does not return in time (B4, B7, B14, B44)", () => {
	test("after its abort: its outcome is refused and counted, whatever it is", async () => {
		for (const end of ["resolve", "reject"] as const) {
			const aborted = gate();
			const stubborn = defineAgent({
				name: "stubborn",
				run: (_: unknown, ctx) =>
					new Promise<string>((resolve, reject) => {
						ctx.signal.addEventListener("abort", () => {
							if (end === "resolve") resolve("late");
							else reject(new Error("late"));
							aborted.open();
						});
					}),
			});
			const { swarm, clock } = virtualSwarm([stubborn, deps]);
			const run = swarm.start({
				nodes: [
					{ id: "x", agent: "stubborn" },
					{ id: "y", agent: "deps", dependsOn: ["x"] },
				],
			});
			const events = record(run);
			await rest();
			void run.cancel("enough");
			await aborted.promise;
			const outcome = await finish(run, clock);
			expect(outcome).toMatchObject({
				status: "cancelled",
				reason: "enough",
				stats: { stale: 1, leaked: 0, cancelled: 2 },
			});
			expect(run.output("x")).toBeUndefined();
			expect(run.error("x")).toBeUndefined();
			expect(lines(events).slice(-3)).toEqual(["node.cancelled x", "node.cancelled y", "run.ended"]);
		}
	});

	test("after it was pruned: it stays abandoned", async () => {
		const done = gate<string>();
		const slow = defineAgent({ name: "slow", run: () => done.promise });
		const { swarm, clock } = virtualSwarm([slow, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "x", agent: "slow" },
				{ id: "y", agent: "echo", dependsOn: ["x"] },
			],
		});
		const events = record(run);
		await rest();
		await run.mutate([{ type: "pruneSubgraph", id: "x" }]);
		done.open("late");
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", outputs: {}, stats: { abandoned: 2, stale: 1 } });
		expect(run.snapshot().get("x")?.state).toBe("abandoned");
		expect(lines(events, /abandoned|completed|ended/)).toEqual(["node.abandoned x", "node.abandoned y", "run.ended"]);
	});

	test("never, and it is cancelled: it is counted as leaked when the grace is over", async () => {
		const { swarm, clock } = virtualSwarm([forever], { grace: "2s" });
		const run = swarm.start({ nodes: [{ id: "x", agent: "forever" }] });
		await rest();
		let outcome: unknown;
		void run.cancel().then((value) => {
			outcome = value;
		});
		await pass(clock, 1_999);
		expect(outcome).toBeUndefined();
		await pass(clock, 1);
		expect(outcome).toMatchObject({ status: "cancelled", stats: { leaked: 1 } });
		expect(clock.pending).toBe(0);
	});

	test("its slot is free again after the grace, for other runs too", async () => {
		const { swarm, clock } = virtualSwarm([forever, echo], { concurrency: 1, grace: 100 });
		const stuck = swarm.start({ nodes: [{ id: "x", agent: "forever" }] });
		const other = swarm.start({ nodes: [{ id: "y", agent: "echo", input: 1 }] });
		await rest();
		expect(other.snapshot().get("y")?.state).toBe("ready");
		void stuck.cancel();
		await pass(clock, 100);
		expect((await other.result()).outputs).toEqual({ y: 1 });
	});

	test("a synchronous one that calls back into its run goes on undisturbed", async () => {
		const events: RunEvent[] = [];
		const agent = defineAgent({
			name: "inside",
			run: async () => {
				void run.mutate([{ type: "addNode", node: { id: "added", agent: "echo", input: "here" } }]);
				return run.snapshot().get("x")?.state;
			},
		});
		const { swarm, clock } = virtualSwarm([agent, echo]);
		const run = swarm.start({ nodes: [{ id: "x", agent: "inside" }] });
		void (async () => {
			for await (const event of run.events()) events.push(event);
		})();
		const outcome = await finish(run, clock);
		expect(outcome.outputs).toEqual({ x: "running", added: "here" });
		expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
	});

	test("one that cancels its own run in its first line ends as cancelled", async () => {
		const agent = defineAgent({
			name: "inside",
			run: (_: unknown, ctx) => {
				void run.cancel("from inside");
				return ctx.signal.aborted;
			},
		});
		const { swarm, clock } = virtualSwarm([agent, echo]);
		const run = swarm.start({
			nodes: [
				{ id: "x", agent: "inside" },
				{ id: "y", agent: "echo" },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "cancelled", reason: "from inside" });
	});
});
