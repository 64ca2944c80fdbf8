import { AsyncLocalStorage } from "node:async_hooks";
import {
	type BudgetPort,
	createSwarm,
	type Delivery,
	defineAgent,
	type ErrorInfo,
	memoryAudit,
	type RunHandle,
	result,
	type StandardSchema,
	type Swarm,
	type ToolRequest,
	type ToolResult,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	echo,
	fail,
	finish,
	forever,
	gate,
	lines,
	obedient,
	pass,
	record,
	rejection,
	rest,
	virtualSwarm,
} from "./fixture.js";

/** Calls what its input names, and gives what comes of it. */
const caller = defineAgent({
	name: "caller",
	run: async (input: { readonly name: string; readonly input?: unknown }, ctx) => ctx.call(input.name, input.input),
});

/** The same, and gives the error that it got instead. */
const catcher = defineAgent({
	name: "catcher",
	run: async (input: { readonly name: string; readonly input?: unknown }, ctx) => {
		const error = (await rejection(ctx.call(input.name, input.input))) as Caught;
		const { code, message, path, retryable, cause } = error;
		return { code, message, path, retryable, cause: cause && { code: cause.code, message: cause.message } };
	},
});

type Caught = Error & {
	readonly code?: string;
	readonly path?: string;
	readonly retryable?: boolean;
	readonly cause?: ErrorInfo;
};

function calling(name: string, input?: unknown, agent = "caller") {
	return { nodes: [{ id: "a", agent, input: { name, ...(input !== undefined && { input }) } }] };
}

/** The runs that others have called. */
function children(swarm: Swarm): RunHandle[] {
	return swarm.runs().filter(({ parent }) => parent !== undefined);
}

describe("a call", () => {
	test("gives the output of another agent", async () => {
		const { swarm, clock } = virtualSwarm([caller, echo]);
		const run = swarm.start(calling("echo", { q: [1] }));
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", outputs: { a: { q: [1] } } });
		expect(lines(events, /parked|woken/)).toEqual(["node.parked a", "node.woken a"]);
		expect(events.find(({ type }) => type === "node.parked")).toMatchObject({
			wait: { kind: "child", name: "echo", run: `${run.id}/a/1.1` },
		});
		expect(swarm.runs()).toEqual([]);
	});

	test("is a run of its own, in the asynchronous context of its caller's", async () => {
		const store = new AsyncLocalStorage<string>();
		const seen: unknown[] = [];
		const look = defineAgent({
			name: "look",
			run: async (_: unknown, ctx) => {
				const [child] = children(swarm);
				seen.push(ctx.runId, child?.parent, store.getStore());
			},
		});
		const { swarm, clock } = virtualSwarm([caller, look]);
		const run = store.run("stored", () => swarm.start(calling("look"), { runId: "r" }));
		expect(run.parent).toBeUndefined();
		await finish(run, clock);
		expect(seen).toEqual(["r/a/1.1", { run: "r", node: "a" }, "stored"]);
	});

	test("needs no slot for the one that waits: chains of calls end at concurrency 1", async () => {
		const { swarm, clock } = virtualSwarm([caller, echo], { concurrency: 1 });
		const nested = { name: "caller", input: { name: "caller", input: { name: "echo", input: 7 } } };
		const run = swarm.start({ nodes: [{ id: "a", agent: "caller", input: nested }] });
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { a: 7 } });
	});

	test("frees the limits of the one that waits, too", async () => {
		const { swarm, clock } = virtualSwarm(
			[
				{ ...caller, limits: ["x"] },
				{ ...echo, limits: ["x"] },
			],
			{
				limits: { x: 1 },
			},
		);
		expect(await finish(swarm.start(calling("echo", 1)), clock)).toMatchObject({ outputs: { a: 1 } });
	});

	test("takes the agent itself, and knows its types", async () => {
		const double = defineAgent({ name: "double", run: async (n: number) => n * 2 });
		const typed = defineAgent({
			name: "typed",
			run: async (_: unknown, ctx) => {
				const four: number = await ctx.call(double, 2);
				// @ts-expect-error: it takes a number
				await ctx.call(double, "2").catch(() => {});
				return four;
			},
		});
		const { swarm, clock } = virtualSwarm([double, typed]);
		expect(await finish(swarm.start({ nodes: [{ id: "a", agent: "typed" }] }), clock)).toMatchObject({
			outputs: { a: 4 },
		});
	});

	test("of several at a time goes one after the other", async () => {
		let most = 0;
		let now = 0;
		const busy = defineAgent({
			name: "busy",
			run: async (n: number, ctx) => {
				most = Math.max(most, ++now);
				await ctx.sleep(10);
				now--;
				return n;
			},
		});
		const many = defineAgent({
			name: "many",
			run: (_: unknown, ctx) => Promise.all([1, 2, 3].map((n) => ctx.call(busy, n))),
		});
		const { swarm, clock } = virtualSwarm([busy, many]);
		expect(await finish(swarm.start({ nodes: [{ id: "a", agent: "many" }] }), clock)).toMatchObject({
			outputs: { a: [1, 2, 3] },
		});
		expect(most).toBe(1);
	});

	test("that nobody awaits still holds its node back", async () => {
		const go = gate();
		const slow = defineAgent({ name: "slow", run: () => go.promise });
		const hasty = defineAgent({
			name: "hasty",
			run: (_: unknown, ctx) => {
				void ctx.call(slow);
				return "done";
			},
		});
		const { swarm, clock } = virtualSwarm([slow, hasty]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "hasty" }] });
		await rest();
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		go.open();
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { a: "done" } });
		expect(swarm.runs()).toEqual([]);
	});

	test("goes on while its caller's run is paused, which hears of it when it is resumed", async () => {
		const { swarm, clock } = virtualSwarm([caller, echo]);
		const slow = swarm.start(calling("echo", 1));
		await slow.pause();
		await rest();
		expect(children(swarm)).toEqual([]);
		await slow.resume();
		expect(await finish(slow, clock)).toMatchObject({ outputs: { a: 1 } });

		const go = gate<number>();
		const held = virtualSwarm([caller, defineAgent({ name: "held", run: () => go.promise })]);
		const run = held.swarm.start(calling("held"));
		await rest();
		await run.pause();
		go.open(3);
		await rest();
		expect(children(held.swarm)).toEqual([]);
		expect(run.snapshot().get("a")?.state).toBe("ready");
		await run.resume();
		expect(await finish(run, held.clock)).toMatchObject({ outputs: { a: 3 } });
	});

	test("that waits for a person leaves its caller's run running", async () => {
		const asks = defineAgent({ name: "asks", run: (_: unknown, ctx) => ctx.requestApproval({ reason: "may I?" }) });
		const { swarm, clock } = virtualSwarm([caller, asks]);
		const run = swarm.start(calling("asks"));
		await rest();
		const [child] = children(swarm);
		expect(child?.snapshot().status).toBe("waiting");
		expect(run.snapshot().status).toBe("running");
		expect(clock.step()).toBe(false);
		await child?.approve("asks", { by: "ann", data: 1 });
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: { by: "ann", data: 1 } } });
	});

	test("of an agent that plans gives the agent's own output", async () => {
		const plan = defineAgent({ name: "plan", run: () => result("planned", { nodes: [{ agent: "echo", input: 1 }] }) });
		const { swarm, clock } = virtualSwarm([caller, plan, echo]);
		expect(await finish(swarm.start(calling("plan")), clock)).toMatchObject({ outputs: { a: "planned" } });
	});

	// Mistake 42: parents that never wake after their children end; a resume that arrives before the suspend is lost.
	test("wakes its caller, also when the child ends at once, and however many there are", async () => {
		const now = defineAgent({ name: "now", run: (n: number) => n });
		const often = defineAgent({
			name: "often",
			run: async (count: number, ctx) => {
				let sum = 0;
				for (let i = 0; i < count; i++) sum += await ctx.call(now, i);
				return sum;
			},
		});
		const { swarm, clock } = virtualSwarm([now, often], { concurrency: 2 });
		const runs = Array.from({ length: 10 }, () => swarm.start({ nodes: [{ id: "a", agent: "often", input: 10 }] }));
		for (const run of runs) expect(await finish(run, clock)).toMatchObject({ outputs: { a: 45 } });
		expect(swarm.runs()).toEqual([]);
	});

	// Mistake 41: fan-out tasks silently dropped at concurrency 1.
	test("drops nothing of a fan-out at concurrency 1", async () => {
		const fan = defineAgent({
			name: "fan",
			run: (_: unknown, ctx) => Promise.all(Array.from({ length: 50 }, (_each, i) => ctx.call("echo", i))),
		});
		const { swarm, clock } = virtualSwarm([fan, echo], { concurrency: 1 });
		const outcome = await finish(swarm.start({ nodes: [{ id: "a", agent: "fan" }] }), clock);
		expect(outcome.outputs["a"]).toEqual(Array.from({ length: 50 }, (_, i) => i));
	});
});

describe("a call that fails", () => {
	test("throws CALL_FAILED with the first failure as its cause", async () => {
		const { swarm, clock } = virtualSwarm([catcher, fail]);
		const run = swarm.start(calling("fail", "broken", "catcher"));
		expect((await finish(run, clock)).outputs["a"]).toMatchObject({
			code: "CALL_FAILED",
			message: `"fail" failed in run "${run.id}/a/1.1": AGENT_ERROR: broken`,
			cause: { code: "AGENT_ERROR", message: "broken" },
		});
	});

	test("says whether another attempt makes sense as the cause does", async () => {
		const final = defineAgent({
			name: "final",
			run: (): unknown => {
				throw Object.assign(new Error("never"), { retryable: false });
			},
		});
		const counted = { ...caller, retry: 3 };
		const { swarm, clock } = virtualSwarm([counted, catcher, final, fail]);
		expect((await finish(swarm.start(calling("final", 1, "catcher")), clock)).outputs["a"]).toMatchObject({
			retryable: false,
		});
		expect(await finish(swarm.start(calling("final")), clock)).toMatchObject({ failures: [{ attempts: 1 }] });
		expect(await finish(swarm.start(calling("fail", "x")), clock)).toMatchObject({
			failures: [{ attempts: 3, code: "CALL_FAILED", cause: { cause: { message: "x" } } }],
		});
	});

	test("is called anew by a retry, and by the called agent's own policy before that", async () => {
		const runs: string[] = [];
		const flaky = defineAgent({
			name: "flaky",
			retry: 2,
			run: async (_: unknown, ctx) => {
				runs.push(`${ctx.runId} ${ctx.attempt}`);
				if (runs.length < 4) throw new Error("not yet");
				return "at last";
			},
		});
		const { swarm, clock } = virtualSwarm([{ ...caller, retry: 2 }, flaky]);
		const run = swarm.start(calling("flaky"), { runId: "r" });
		expect(await finish(run, clock)).toMatchObject({ outputs: { a: "at last" } });
		expect(runs).toEqual(["r/a/1.1 1", "r/a/1.1 2", "r/a/2.1 1", "r/a/2.1 2"]);
	});

	test("because its run was cancelled says so", async () => {
		const { swarm, clock } = virtualSwarm([catcher, forever], { grace: 10 });
		const run = swarm.start(calling("forever", 1, "catcher"));
		await rest();
		void children(swarm)[0]?.cancel("enough");
		expect((await finish(run, clock)).outputs["a"]).toMatchObject({
			code: "CALL_FAILED",
			cause: { code: "CANCELLED", message: `the run "${run.id}/a/1.1" ended cancelled: enough` },
		});
	});

	test("is refused for an input that is no plain data, with the path", async () => {
		const refused = defineAgent({
			name: "refused",
			run: async (_: unknown, ctx) => {
				const { code, path } = (await rejection(ctx.call("echo", { deep: [new Map()] }))) as Caught;
				return { code, path };
			},
		});
		const { swarm, clock } = virtualSwarm([refused, echo]);
		const { outputs } = await finish(swarm.start({ nodes: [{ id: "a", agent: "refused" }] }), clock);
		expect(outputs["a"]).toEqual({ code: "INVALID_INPUT", path: "/deep/0" });
	});

	test("finds a run of its id that is none of its own", async () => {
		const { swarm, clock } = virtualSwarm([catcher, echo, forever], { grace: 10 });
		const other = swarm.start({ nodes: [{ id: "x", agent: "forever" }] }, { runId: "r/a/1.1" });
		const run = swarm.start(calling("echo", 1, "catcher"), { runId: "r" });
		await rest();
		expect(run.output("a")).toMatchObject({ code: "CALL_FAILED", cause: { code: "RUN_EXISTS" } });
		void other.cancel();
		await finish(other, clock);
	});
});

/** Takes numbers, and says where it found none. */
function numbers(later: boolean): StandardSchema<number> {
	const validate = (value: unknown) =>
		typeof value === "number" ? { value } : { issues: [{ message: "no number", path: ["n"] }] };
	return {
		"~standard": {
			version: 1,
			vendor: "test",
			validate: (value) => (later ? rest(1).then(() => validate(value)) : validate(value)),
		},
	};
}

const picky = defineAgent({ name: "picky", input: numbers(false), run: (n) => n * 2 });
const patient = defineAgent({ name: "patient", input: numbers(true), run: (n) => n * 2 });

/** Makes calls together, and keeps what they came to. */
function asking(requests: readonly unknown[]) {
	const results: ToolResult[] = [];
	const agent = defineAgent({
		name: "asking",
		run: async (_: unknown, ctx) => void results.push(...(await ctx.callAll(requests as ToolRequest[]))),
	});
	return { agent, results };
}

function refused(code: string, message = /./, path?: string) {
	const error = { code, message: expect.stringMatching(message), ...(path !== undefined && { path }) };
	return { ok: false, error: expect.objectContaining(error) };
}

describe("an input that does not fit an agent's schema", () => {
	test.each([picky, patient])("is refused at the call, with the path: $name", async (agent) => {
		const { swarm, clock } = virtualSwarm([caller, catcher, agent]);
		const called = swarm.start(calling(agent.name, "x", "catcher"), { runId: "r" });
		const events = record(called);
		expect((await finish(called, clock)).outputs["a"]).toMatchObject({
			code: "INVALID_INPUT",
			message: `the input of "${agent.name}" does not fit its schema: no number at "/n"`,
			path: "/n",
		});
		expect(lines(events, /parked/)).toEqual([]);
		expect(await finish(swarm.start(calling(agent.name, 4)), clock)).toMatchObject({ outputs: { a: 8 } });
	});

	test("is not changed by the call: each attempt asks the schema for itself", async () => {
		const given: unknown[] = [];
		const wrap: StandardSchema<unknown, unknown[]> = {
			"~standard": { version: 1, vendor: "test", validate: (value) => ({ value: [value] }) },
		};
		const wrapping = defineAgent({ name: "wrapping", input: wrap, run: (input) => void given.push(input) });
		const { swarm, clock } = virtualSwarm([caller, wrapping]);
		await finish(swarm.start(calling("wrapping", 1)), clock);
		expect(given).toEqual([[1]]);
	});
});

describe("calls that are made together", () => {
	const together = defineAgent({
		name: "together",
		run: async (requests: readonly { readonly tool: string; readonly input?: unknown }[], ctx) =>
			(await ctx.callAll(requests)).map((each) =>
				each.ok ? each.output : [each.error.code, each.error.cause?.message],
			),
	});
	const start = (swarm: Swarm, input: unknown) =>
		swarm.start({ nodes: [{ id: "a", agent: "together", input }] }, { runId: "r" });

	test("go on side by side, as far as there are slots, and give what each came to, in order", async () => {
		let most = 0;
		let now = 0;
		const ids: string[] = [];
		const busy = defineAgent({
			name: "busy",
			run: async (ms: number, ctx) => {
				ids.push(ctx.runId);
				most = Math.max(most, ++now);
				await new Promise<void>((resolve) => clock.set(clock.now() + ms, resolve));
				now--;
				return ms;
			},
		});
		const { swarm, clock } = virtualSwarm([together, busy, fail], { concurrency: 2 });
		const requests = [...[30, 10, 20].map((input) => ({ tool: "busy", input })), { tool: "fail", input: "broken" }];
		const run = start(swarm, requests);
		const events = record(run);
		const { outputs } = await finish(run, clock);
		expect(outputs["a"]).toEqual([30, 10, 20, ["CALL_FAILED", "broken"]]);
		expect(most).toBe(2);
		expect(ids).toEqual(["r/a/1.1.1", "r/a/1.1.2", "r/a/1.1.3"]);
		expect(lines(events, /parked|woken/)).toEqual(["node.parked a", "node.woken a"]);
		expect(swarm.runs()).toEqual([]);
	});

	test("end at concurrency 1, and none of none at once", async () => {
		const { swarm, clock } = virtualSwarm([together, echo], { concurrency: 1 });
		const many = Array.from({ length: 40 }, (_, input) => ({ tool: "echo", input }));
		expect((await finish(start(swarm, many), clock)).outputs["a"]).toEqual(many.map(({ input }) => input));
		expect((await finish(start(swarm, []), clock)).outputs["a"]).toEqual([]);
	});

	test.each<readonly [string, unknown, string]>([
		["no list", "echo", "INVALID_INPUT"],
		["too many", Array.from({ length: 1_001 }, () => ({ tool: "echo" })), "LIMIT_EXCEEDED"],
	])("are refused together, before any begins, for %s", async (_, requests, code) => {
		const called: string[] = [];
		const noting = defineAgent({ name: "echo", run: (_each: unknown, ctx) => void called.push(ctx.runId) });
		const { swarm, clock } = virtualSwarm([together, noting]);
		expect(await finish(start(swarm, requests), clock)).toMatchObject({ failures: [{ code }] });
		expect(called).toEqual([]);
	});

	test("are refused each by itself: a bad one leaves the others alone, and all keep their places", async () => {
		const bad = [
			{ tool: "none" },
			{ tool: "echo", input: new Map() },
			{ tool: "picky", input: "x" },
			{ tool: "patient", input: "x" },
			{ tool: "forbidden" },
			{},
			"echo",
			null,
		];
		const requests = [{ tool: "echo", input: 1 }, ...bad, { tool: "picky", input: 2 }, { tool: "patient", input: 3 }];
		const { agent, results } = asking(requests);
		const { swarm, clock } = virtualSwarm([agent, echo, picky, patient, { ...echo, name: "forbidden" }], {
			ports: { palette: { tools: () => ["echo", "picky", "patient"] } },
		});
		const run = swarm.start({ nodes: [{ id: "a", agent }] }, { runId: "r" });
		const events = record(run);
		await finish(run, clock);
		expect(results).toEqual([
			{ ok: true, output: 1 },
			refused("UNKNOWN_TOOL", /no tool "none"/),
			refused("INVALID_INPUT", /input of "echo"/),
			refused("INVALID_INPUT", /input of "picky" does not fit its schema: no number at "\/n"/, "/n"),
			refused("INVALID_INPUT", /input of "patient" does not fit its schema/, "/n"),
			refused("UNKNOWN_TOOL", /"forbidden" may not be called here/),
			refused("UNKNOWN_TOOL", /what has no name/),
			refused("INVALID_INPUT", /a call is/),
			refused("INVALID_INPUT", /a call is/),
			{ ok: true, output: 4 },
			{ ok: true, output: 6 },
		]);
		const wait = events.find(({ type }) => type === "node.parked");
		expect(wait).toMatchObject({ wait: { name: "echo, picky, patient" } });
		expect(JSON.stringify(wait)).not.toContain('"together":["none"');
	});

	test("that are all refused give their results at once: nobody waits", async () => {
		const { agent, results } = asking([{ tool: "none" }, { tool: "patient", input: "x" }]);
		const { swarm, clock } = virtualSwarm([agent, patient]);
		const run = swarm.start({ nodes: [{ id: "a", agent }] });
		const events = record(run);
		await finish(run, clock);
		expect(results).toEqual([refused("UNKNOWN_TOOL"), refused("INVALID_INPUT")]);
		expect(lines(events, /parked|woken/)).toEqual([]);
	});

	test("that would be too deep are refused each", async () => {
		const deep = defineAgent({
			name: "deep",
			run: async (_: unknown, ctx) => {
				const [first] = await ctx.callAll([{ tool: "deep" }]);
				return first?.ok === true ? ["called", first.output] : first?.error.code;
			},
		});
		const { swarm, clock } = virtualSwarm([deep], { maxCallDepth: 1 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "deep" }] });
		expect((await finish(run, clock)).outputs["a"]).toEqual(["called", "LIMIT_EXCEEDED"]);
	});

	test("are refused together when the palette fails, whatever schemas say by then", async () => {
		let asked = 0;
		const palette = {
			tools: () => {
				if (++asked > 1) throw new Error("out of order");
				return ["patient"];
			},
		};
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) =>
				(await rejection(ctx.callAll(["x", 1].map((input) => ({ tool: "patient", input }))))).code,
		});
		const { swarm, clock } = virtualSwarm([agent, patient], { ports: { palette } });
		expect(await finish(swarm.start({ nodes: [{ id: "a", agent }] }), clock)).toMatchObject({
			outputs: { a: "PORT_FAILED" },
		});
	});

	test("are cancelled together", async () => {
		const { swarm, clock } = virtualSwarm([together, obedient, echo]);
		const run = start(swarm, [{ tool: "obedient" }, { tool: "echo", input: 1 }, { tool: "obedient" }]);
		await rest();
		const called = children(swarm);
		expect(called.map(({ id }) => id)).toEqual(["r/a/1.1.1", "r/a/1.1.3"]);
		void run.cancel();
		for (const child of called) expect(await finish(child, clock)).toMatchObject({ status: "cancelled" });
		expect(swarm.runs()).toEqual([]);
	});

	test("with a key have ids that no other calls have", async () => {
		const where = defineAgent({ name: "where", run: (_: unknown, ctx) => ctx.runId });
		const keyed = defineAgent({
			name: "keyed",
			run: async (_: unknown, ctx) => [
				...(await ctx.callAll([{ tool: where }, { tool: where }], { key: "k.1" })),
				await ctx.call(where, undefined, { key: "k.1.1" }),
				(await rejection(ctx.callAll([], { key: "k.1" }))).code,
			],
		});
		const { swarm, clock } = virtualSwarm([keyed, where]);
		const { outputs } = await finish(swarm.start({ nodes: [{ id: "a", agent: "keyed" }] }, { runId: "r" }), clock);
		expect(outputs["a"]).toEqual([
			{ ok: true, output: "r/a/1.1:k.1" },
			{ ok: true, output: "r/a/1.2:k.1" },
			"r/a/1:k.1.1",
			"DUPLICATE_STEP",
		]);
	});
});

describe("the end of the caller", () => {
	test.each<readonly [string, (run: RunHandle) => Promise<unknown>]>([
		["a cancel", (run) => run.cancel("stop").then(() => {})],
		["a prune", (run) => run.mutate([{ type: "pruneSubgraph", id: "a" }])],
	])("by %s cancels what it has called, down to the last", async (_, end) => {
		const { swarm, clock } = virtualSwarm([caller, obedient]);
		const run = swarm.start(calling("caller", { name: "caller", input: { name: "obedient" } }), { open: true });
		await rest();
		const called = children(swarm);
		expect(called).toHaveLength(3);
		void end(run);
		for (const child of called) expect(await finish(child, clock)).toMatchObject({ status: "cancelled" });
		expect(children(swarm)).toEqual([]);
	});

	test("by its total time cancels what it has called", async () => {
		const { swarm, clock } = virtualSwarm([{ ...caller, timeout: { total: 100 } }, obedient]);
		const run = swarm.start(calling("obedient"));
		await rest();
		const [child] = children(swarm);
		await pass(clock, 100);
		expect(await finish(run, clock)).toMatchObject({ failures: [{ code: "TIMEOUT" }] });
		expect(await child?.result()).toMatchObject({
			status: "cancelled",
			reason: expect.stringContaining('the call of node "a"'),
		});
	});

	test("by a failure that ends its run cancels what others in it have called", async () => {
		const { swarm, clock } = virtualSwarm([caller, obedient, fail]);
		const nodes = [
			...calling("obedient").nodes,
			{ id: "b", agent: "caller", input: { name: "fail" }, onFailure: "failRun" as const },
		];
		expect(await finish(swarm.start({ nodes }), clock)).toMatchObject({ status: "failed" });
		await rest();
		expect(swarm.runs()).toEqual([]);
	});

	test("by the deadline of its run cancels what it has called", async () => {
		const { swarm, clock } = virtualSwarm([caller, obedient]);
		const run = swarm.start(calling("obedient"), { deadline: 50 });
		await rest();
		const [child] = children(swarm);
		await pass(clock, 50);
		expect(await finish(run, clock)).toMatchObject({ status: "timed_out" });
		expect(await child?.result()).toMatchObject({ status: "cancelled" });
	});

	test("by its attempt's time does not come while it waits: it holds no slot", async () => {
		const { swarm, clock } = virtualSwarm([
			{ ...caller, timeout: 50 },
			defineAgent({ name: "long", run: (_: unknown, ctx) => ctx.sleep(1_000) }),
		]);
		expect(await finish(swarm.start(calling("long")), clock)).toMatchObject({ status: "completed" });
	});

	test("closing the swarm ends both", async () => {
		const { swarm } = virtualSwarm([caller, obedient]);
		const run = swarm.start(calling("obedient"));
		await rest();
		const [child] = children(swarm);
		await swarm.close();
		expect(await run.result()).toMatchObject({ status: "cancelled" });
		expect(await child?.result()).toMatchObject({ status: "cancelled" });
	});
});

describe("what may be called", () => {
	const lister = {
		...defineAgent({ name: "lister", run: (_: unknown, ctx) => [...ctx.tools()] }),
		description: "Lists.",
	};

	test("without a palette is every agent, itself included", async () => {
		const { swarm, clock } = virtualSwarm([lister, echo]);
		expect((await finish(swarm.start({ nodes: [{ id: "a", agent: "lister" }] }), clock)).outputs["a"]).toEqual([
			{ name: "lister", kind: "agent", description: "Lists." },
			{ name: "echo", kind: "agent" },
		]);
	});

	test("is no agent that needs dependencies, and has the schemas that agents say", async () => {
		const needy = defineAgent({ name: "needy", dependsOn: { echo }, run: (_: undefined, ctx) => ctx.deps.echo });
		const optional = { echo: { agent: echo, optional: true } } as const;
		const easy = defineAgent({ name: "easy", dependsOn: optional, inputSchema: { type: "null" }, run: () => 1 });
		const { swarm, clock } = virtualSwarm([lister, catcher, needy, easy, echo]);
		const nodes = [
			{ id: "a", agent: "lister" },
			{ ...calling("needy", 1, "catcher").nodes[0], id: "b", agent: "catcher" },
		];
		const { outputs } = await finish(swarm.start({ nodes }), clock);
		expect(outputs["a"]).toMatchObject([{ name: "lister" }, { name: "catcher" }, { name: "easy" }, { name: "echo" }]);
		expect(outputs["a"]).toContainEqual({ name: "easy", kind: "agent", inputSchema: { type: "null" } });
		expect(outputs["b"]).toMatchObject({ code: "UNKNOWN_TOOL" });
	});

	test("is said by the palette, in its order, for whoever asks", async () => {
		const asked: unknown[] = [];
		const { swarm, clock } = virtualSwarm([lister, caller, catcher, echo, fail], {
			ports: {
				palette: {
					tools: (who) => {
						asked.push(who);
						return who.agent === "lister" ? ["echo", "caller", "echo", "nobody"] : ["lister"];
					},
				},
			},
		});
		const run = swarm.start(
			{ nodes: [...calling("lister").nodes, { id: "b", agent: "catcher", input: { name: "echo" } }] },
			{ runId: "r", metadata: { caller: "ann", team: 7 } },
		);
		const { outputs } = await finish(run, clock);
		expect(outputs["a"]).toEqual([
			{ name: "echo", kind: "agent" },
			{ name: "caller", kind: "agent" },
		]);
		expect(outputs["b"]).toMatchObject({
			code: "UNKNOWN_TOOL",
			message: '"echo" may not be called here (what may be called: "lister")',
		});
		expect(asked).toContainEqual({
			node: "lister",
			agent: "lister",
			attempt: 1,
			known: ["lister", "caller", "catcher", "echo", "fail"],
			run: {
				run: "r/a/1.1",
				ancestors: ["r"],
				calledBy: "a",
				metadata: { caller: "ann", team: 7 },
				caller: "ann",
				startedAt: clock.now(),
				resumed: false,
			},
		});
	});

	test("is named where something else is called", async () => {
		const { swarm, clock } = virtualSwarm([catcher, echo]);
		expect((await finish(swarm.start(calling("nobody", 1, "catcher")), clock)).outputs["a"]).toMatchObject({
			code: "UNKNOWN_TOOL",
			message: 'there is no tool "nobody" (what may be called: "catcher", "echo")',
		});
	});

	test.each<readonly [string, () => unknown, RegExp]>([
		[
			"throws",
			() => {
				throw new Error("down");
			},
			/palette: tools: down/,
		],
		["gives no list", () => "echo", /palette: tools: it gave no list/],
		["gives a promise", async () => ["echo"], /palette: tools: it gave no list/],
	])("fails with PORT_FAILED where the palette %s, and the run says so", async (_, tools, message) => {
		const { swarm, clock } = virtualSwarm([catcher, echo], { ports: { palette: { tools: tools as never } } });
		const run = swarm.start(calling("echo", 1, "catcher"));
		const events = record(run);
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed" });
		expect(outcome.outputs["a"]).toMatchObject({ code: "PORT_FAILED", message: expect.stringMatching(message) });
		expect(events).toContainEqual(expect.objectContaining({ type: "run.portFailed", port: "palette" }));
	});

	test("ends at maxCallDepth", async () => {
		const deep = defineAgent({
			name: "deep",
			run: async (_: unknown, ctx): Promise<unknown> =>
				ctx.call("deep").catch((error) => ({ at: ctx.runId.split("/").length, code: error.code })),
		});
		for (const [maxCallDepth, at] of [
			[undefined, 21],
			[0, 1],
			[2, 5],
		] as const) {
			const { swarm, clock } = virtualSwarm([deep], maxCallDepth === undefined ? {} : { maxCallDepth });
			const { outputs } = await finish(swarm.start({ nodes: [{ id: "a", agent: "deep" }] }), clock);
			expect(outputs["a"]).toEqual({ at, code: "LIMIT_EXCEEDED" });
		}
	});

	test.each([
		[{ maxCallDepth: -1 }, "INVALID_OPTION"],
		[{ maxCallDepth: 0.5 }, "INVALID_OPTION"],
		[{ ports: { palette: {} } }, "INVALID_OPTION"],
		[{ skills: [{ name: "x" }] }, "INVALID_OPTION"],
		[{ skills: {} }, "INVALID_OPTION"],
	])("is checked when the swarm is made: %j", (options, code) => {
		expect(() => createSwarm({ agents: [echo], ...(options as object) })).toThrow(expect.objectContaining({ code }));
	});
});

describe("ports", () => {
	test("are told of calls when they begin and when they are over, and deliver none", async () => {
		const audit = memoryAudit();
		const delivered: string[] = [];
		const delivery = { deliver: ({ run }: Delivery) => void delivered.push(run) };
		const { swarm, clock } = virtualSwarm([caller, catcher, echo, fail], { ports: { audit, delivery } });
		const nodes = [...calling("echo", 7).nodes, { id: "b", agent: "catcher", input: { name: "fail", input: "x" } }];
		const run = swarm.start({ nodes }, { runId: "r" });
		await finish(run, clock);
		await run.delivered();
		expect(delivered).toEqual(["r"]);
		const entries = audit.runs.get("r")?.entries ?? [];
		const tools = entries.filter(({ kind }) => kind === "tool");
		expect(tools).toMatchObject([
			{ name: "echo", phase: "start", input: 7, node: "a", agent: "caller", attempt: 1 },
			{ name: "fail", phase: "start", input: "x", node: "b" },
			{ name: "echo", phase: "end", output: 7, node: "a" },
			{ name: "fail", phase: "end", error: { code: "CALL_FAILED" }, node: "b" },
		]);
	});

	test("of a palette that is vital end the run", async () => {
		const palette = {
			tools: () => {
				throw new Error("down");
			},
		};
		const { swarm, clock } = virtualSwarm([caller, echo], {
			ports: { palette },
			portPolicies: { palette: { onFailure: "failRun" } },
		});
		expect(await finish(swarm.start(calling("echo")), clock)).toMatchObject({
			status: "failed",
			reason: expect.stringContaining("PORT_FAILED"),
		});
	});
});

describe("keys", () => {
	test("stand in the child's id in place of its number, and are unique in an attempt", async () => {
		const keyed = defineAgent({
			name: "keyed",
			run: async (_: unknown, ctx) => {
				const codes: unknown[] = [await ctx.call("where", undefined, { key: "a/b%" }), await ctx.call("where")];
				for (const key of ["a/b%", "", 7 as never, "\ud800"])
					codes.push((await rejection(ctx.call("where", undefined, { key }))).code);
				return codes;
			},
		});
		const where = defineAgent({ name: "where", run: (_: unknown, ctx) => ctx.runId });
		const { swarm, clock } = virtualSwarm([keyed, where]);
		const { outputs } = await finish(swarm.start({ nodes: [{ id: "a/b", agent: "keyed" }] }, { runId: "r" }), clock);
		expect(outputs["a/b"]).toEqual([
			"r/a%2Fb/1:a%2Fb%25",
			"r/a%2Fb/1.2",
			"DUPLICATE_STEP",
			"INVALID_INPUT",
			"INVALID_INPUT",
			"INVALID_INPUT",
		]);
	});
});

test("a called run does what its caller does when the budget is used up", async () => {
	const worker = defineAgent({ name: "worker", run: async () => "done" });
	const boss = defineAgent({ name: "boss", run: (_: undefined, ctx) => ctx.call("worker") });
	const budget: BudgetPort = {
		reserve: ({ agent, approved }) =>
			agent === "boss" || approved
				? { verdict: "allowed", reservation: agent }
				: { verdict: "blocked", reason: "cost is used up" },
		settle: () => {},
	};
	const { swarm, clock } = virtualSwarm([worker, boss], { ports: { budget } });
	const run = swarm.start({ nodes: [{ id: "a", agent: "boss" }] }, { budget: { onExhausted: "ask" } });
	await rest();
	const [question] = swarm.waiting({ kind: "approval" });
	expect(question?.reason).toContain("cost is used up");
	await swarm.get(question?.run ?? "")?.approve(question?.node ?? "");
	expect((await finish(run, clock)).outputs).toEqual({ a: "done" });
});
