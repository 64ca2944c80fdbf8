import { defineAgent, type NodeSpec } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deps, echo, fail, finish, forever, gate, obedient, rest, settled, virtualSwarm } from "./fixture.js";

describe("outputs of dependencies reach dependents (B13)", () => {
	test("by id and by alias", async () => {
		const { swarm } = virtualSwarm([echo, deps]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "echo", input: [1] },
				{ id: "b", agent: "echo", input: { x: 2 } },
				{ id: "list", agent: "deps", dependsOn: ["a", "b"] },
				{ id: "named", agent: "deps", dependsOn: { left: "a", b: "b" } },
				{ id: "none", agent: "deps" },
			],
		});
		expect((await run.result()).outputs).toEqual({
			list: { a: [1], b: { x: 2 } },
			named: { left: [1], b: { x: 2 } },
			none: {},
		});
	});

	test("as the same value, not a copy", async () => {
		const value = { big: "x" };
		const seen: unknown[] = [];
		const make = defineAgent({ name: "make", run: async () => value });
		const take = defineAgent({ name: "take", run: async (_: unknown, ctx) => void seen.push(ctx.deps["a"]) });
		const { swarm } = virtualSwarm([make, take], { check: "off" });
		await swarm.run({
			nodes: [
				{ id: "a", agent: make },
				{ id: "b", agent: take, dependsOn: ["a"] },
			],
		});
		expect(seen[0]).toBe(value);
	});

	test("frozen when check is on, so that nobody changes what others see", async () => {
		const make = defineAgent({ name: "make", run: async () => ({ list: [1] }) });
		const spoil = defineAgent({
			name: "spoil",
			run: async (_: unknown, ctx) => {
				(ctx.deps["a"] as { list: number[] }).list.push(2);
			},
		});
		const { swarm } = virtualSwarm([make, spoil], { check: "local" });
		const outcome = await swarm
			.start({
				nodes: [
					{ id: "a", agent: "make" },
					{ id: "b", agent: "spoil", dependsOn: ["a"] },
				],
			})
			.result();
		expect(outcome.failures).toMatchObject([{ id: "b", cause: { name: "TypeError" } }]);
	});

	test("through joins where some failed, with how each ended", async () => {
		const { swarm } = virtualSwarm([echo, fail, deps, settled]);
		const from = ["ok", "bad", "skipped"];
		const run = swarm.start({
			nodes: [
				{ id: "ok", agent: "echo", input: 1 },
				{ id: "bad", agent: "fail" },
				{ id: "skipped", agent: "echo", dependsOn: ["bad"] },
				{ id: "deps", agent: "deps", join: "settled", dependsOn: from },
				{ id: "ends", agent: "settled", join: "settled", dependsOn: from },
				{ id: "always", agent: "settled", join: "always", dependsOn: { x: "bad" } },
				{ id: "rescue", agent: "settled", join: "failed", dependsOn: from },
				{ id: "any", agent: "deps", join: "any", dependsOn: from },
				{ id: "two", agent: "deps", join: { atLeast: 2 }, dependsOn: from },
				{ id: "after", agent: "echo", join: "settled", dependsOn: ["two"], input: "tolerated" },
			],
		});
		const outcome = await run.result();
		expect(outcome.status).toBe("completed");
		expect(run.output("deps")).toEqual({ ok: 1, bad: undefined, skipped: undefined });
		expect(Object.keys(run.output("deps") as object)).toEqual(from);
		expect(run.output("ends")).toEqual({ ok: "completed", bad: "AGENT_ERROR", skipped: "skipped" });
		expect(run.output("always")).toEqual({ x: "AGENT_ERROR" });
		expect(run.output("rescue")).toMatchObject({ bad: "AGENT_ERROR" });
		expect(run.output("any")).toMatchObject({ ok: 1 });
		expect(run.snapshot().get("two")?.skipped).toEqual({ cause: "failure", root: "bad" });
		expect(outcome.failures.map(({ id }) => id)).toEqual(["bad"]);
	});

	test("a join that starts early cancels nobody, and sees what was there at the lease", async () => {
		const late = gate<string>();
		const read = gate();
		const slow = defineAgent({ name: "slow", run: () => late.promise });
		const seen: unknown[] = [];
		const first = defineAgent({
			name: "first",
			run: async (_: unknown, ctx) => {
				await read.promise;
				seen.push({ ...ctx.deps }, ctx.settled["slow"]?.status);
			},
		});
		const { swarm } = virtualSwarm([echo, slow, first]);
		const run = swarm.start({
			nodes: [
				{ id: "quick", agent: "echo", input: 1 },
				{ id: "slow", agent: "slow" },
				{ id: "first", agent: "first", join: "any", dependsOn: ["quick", "slow"] },
			],
		});
		await rest();
		late.open("late");
		await rest();
		expect(run.output("slow")).toBe("late");
		read.open();
		expect((await run.result()).status).toBe("completed");
		expect(seen).toEqual([{ quick: 1, slow: undefined }, "running"]);
	});

	test("deps stay readable after an attempt was parked", async () => {
		const nap = defineAgent({
			name: "nap",
			run: async (input: unknown, ctx) => {
				await ctx.sleep(10);
				return [input, ctx.deps["a"], ctx.settled["a"]?.status];
			},
		});
		const { swarm, clock } = virtualSwarm([echo, nap]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "echo", input: 1 },
				{ id: "b", agent: "nap", input: { $output: "a" }, dependsOn: ["a"] },
			],
		});
		expect((await finish(run, clock)).outputs).toEqual({ b: [1, 1, "completed"] });
	});
});

describe("references in inputs", () => {
	test("are replaced by outputs and parts of them, anywhere in the input", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "echo", input: { x: [10, { "y/z": "deep" }], n: null } },
				{
					id: "b",
					agent: "echo",
					dependsOn: { first: "a" },
					input: {
						whole: { $output: "first" },
						byId: { $output: "a", path: "/x/0" },
						list: [{ at: { $output: "first", path: "/x/1/y~1z" } }, { $output: "a", path: "/n" }],
						plain: "text",
					},
				},
			],
		});
		expect((await run.result()).outputs).toEqual({
			b: {
				whole: { x: [10, { "y/z": "deep" }], n: null },
				byId: 10,
				list: [{ at: "deep" }, null],
				plain: "text",
			},
		});
	});

	test.each(["/x/5", "/ghost", "/x/-", "/x/00", "/__proto__", "/constructor", "/x/length"])(
		"to %s, which is not there, fails the attempt with INVALID_INPUT; no function is called",
		async (path) => {
			const called: unknown[] = [];
			const work = defineAgent({ name: "work", retry: 3, run: async (input: unknown) => called.push(input) });
			const { swarm } = virtualSwarm([echo, work, settled], { concurrency: 1, limits: { one: 1 } });
			const run = swarm.start({
				nodes: [
					{ id: "a", agent: "echo", input: { x: [1] } },
					{ id: "b", agent: "work", dependsOn: ["a"], input: { $output: "a", path }, limits: ["one"] },
					{ id: "c", agent: "settled", join: "settled", dependsOn: ["b"], limits: ["one"] },
				],
			});
			const outcome = await run.result();
			expect(called).toEqual([]);
			expect(outcome).toMatchObject({ status: "completed", outputs: { c: { b: "INVALID_INPUT" } } });
			expect(run.error("b")).toMatchObject({ code: "INVALID_INPUT", nodes: ["b", "a"], path });
		},
	);

	test("to a dependency that has none fails the attempt too", async () => {
		const { swarm } = virtualSwarm([fail, echo]);
		const outcome = await swarm
			.start({
				nodes: [
					{ id: "a", agent: "fail" },
					{ id: "b", agent: "echo", join: "settled", dependsOn: ["a"], input: { $output: "a" } },
				],
			})
			.result();
		expect(outcome.failures.map(({ id, code }) => [id, code])).toEqual([
			["a", "AGENT_ERROR"],
			["b", "INVALID_INPUT"],
		]);
	});
});

describe("ids of any kind", () => {
	const odd = [
		"__proto__",
		"constructor",
		"toString",
		"hasOwnProperty",
		"prototype",
		" ",
		"a b",
		"é",
		"🐝",
		"a/b~c",
		"0",
		"\0",
		"\n",
	];

	test("work as nodes, dependencies, aliases, outputs and failures", async () => {
		const { swarm } = virtualSwarm([echo, deps, fail, settled]);
		const nodes: NodeSpec[] = odd.map((id, i) => ({ id, agent: "echo", input: i }));
		const aliases = Object.defineProperty({}, "__proto__", { value: "constructor", enumerable: true });
		const run = swarm.start({
			nodes: [
				...nodes,
				{ id: "all", agent: "keys", dependsOn: odd },
				{ id: "alias", agent: "keys", dependsOn: aliases as Record<string, string> },
				{ id: "sink:__proto__", agent: "echo", input: { $output: "__proto__" }, dependsOn: ["__proto__"] },
			].map((node) => ({ ...node, agent: node.agent === "keys" ? "deps" : node.agent })),
		});
		const outcome = await run.result();
		expect(outcome.status).toBe("completed");
		for (const [i, id] of odd.entries()) {
			expect(run.output(id)).toBe(i);
			expect(run.snapshot().get(id)?.state).toBe("completed");
		}
		expect(outcome.outputs["sink:__proto__"]).toBe(0);
		expect(run.snapshot().get("alias")?.dependsOn).toEqual(["constructor"]);
	});

	test("are seen whole in ctx.deps and in the outputs of the run", async () => {
		const look = defineAgent({
			name: "look",
			run: async (_: unknown, ctx) => Object.entries(ctx.deps).map(([name, value]) => [name, value]),
		});
		const { swarm } = virtualSwarm([echo, look]);
		const run = swarm.start({
			nodes: [...odd.map((id, i) => ({ id, agent: "echo", input: i })), { id: "look", agent: "look", dependsOn: odd }],
		});
		await run.result();
		const entries = run.output("look") as [string, number][];
		expect(new Map(entries)).toEqual(new Map(odd.map((id, i) => [id, i])));

		const sinks = swarm.start({ nodes: odd.map((id, i) => ({ id, agent: "echo", input: i })) });
		const { outputs } = await sinks.result();
		expect(new Set(Object.keys(outputs))).toEqual(new Set(odd));
		expect(Object.getOwnPropertyDescriptor(outputs, "__proto__")?.value).toBe(0);
		expect(Object.getPrototypeOf(outputs)).toBe(Object.prototype);
	});
});

describe("agents", () => {
	test("can be named by themselves in specs, and get runId, nodeId and attempt", async () => {
		const who = defineAgent({
			name: "who",
			run: async (_: unknown, ctx) => [ctx.runId, ctx.nodeId, ctx.attempt, ctx.lastError, ctx.signal.aborted],
		});
		const { swarm } = virtualSwarm([who, forever, obedient]);
		const run = swarm.start({ nodes: [{ id: "a", agent: who }] }, { runId: "r" });
		expect((await run.result()).outputs).toEqual({});
		expect((await run.result()).failures[0]).toMatchObject({ code: "INVALID_OUTPUT", cause: { path: "/3" } });
	});

	test("called constructor or __proto__ are agents like any other", async () => {
		for (const name of ["constructor", "__proto__", "toString"]) {
			const agent = defineAgent({ name, concurrency: 1, run: async () => name });
			const { swarm } = virtualSwarm([agent]);
			expect(await swarm.run({ nodes: [{ id: "a", agent: name }] })).toEqual({ a: name });
		}
	});
});
