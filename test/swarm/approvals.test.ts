import { type } from "arktype";
import {
	type AgentContext,
	type ApprovalRequest,
	defineAgent,
	GraphActor,
	type StandardSchema,
	type SwarmError,
	VirtualClock,
} from "dagswarm";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { echo, finish, gate, pass, record, rejection, rest, virtualSwarm } from "./fixture.js";

/** A schema made by hand: a positive number, given as one or as text, with a currency. */
const money: StandardSchema<{ amount: number | string; currency?: string }, { amount: number; currency: string }> = {
	"~standard": {
		version: 1,
		vendor: "by hand",
		validate: (value) => {
			const { amount, currency = "EUR" } = (value ?? {}) as { amount?: unknown; currency?: string };
			const number = Number(amount);
			if (!(number > 0)) return { issues: [{ message: "expected a positive number", path: ["amount"] }] };
			return { value: { amount: number, currency } };
		},
		jsonSchema: { input: ({ target }) => ({ $schema: target, type: "object" }), output: () => ({}) },
	},
};

/** Asks as it is told, and tells what came of it. */
function asking(ask: (ctx: AgentContext) => Promise<unknown>) {
	return defineAgent({
		name: "asker",
		run: async (_: unknown, ctx) => {
			try {
				return { given: await ask(ctx) };
			} catch (error) {
				const { code, message } = error as SwarmError;
				return { code, message };
			}
		},
	});
}

async function asked(ask: (ctx: AgentContext) => Promise<unknown>) {
	const { swarm, clock } = virtualSwarm([asking(ask), echo]);
	const run = swarm.start({ nodes: [{ id: "a", agent: "asker" }] });
	await rest();
	return { swarm, clock, run };
}

function askedFor(request: Omit<ApprovalRequest, "reason">) {
	return asked((ctx) => ctx.requestApproval({ reason: "how much?", ...request }));
}

describe("an approval with a schema", () => {
	test("gives the agent what the schema makes of the answer, and events what was answered", async () => {
		const { run } = await askedFor({ schema: money });
		expect(run.snapshot().get("a")?.wait).toMatchObject({ schema: { $schema: "draft-2020-12", type: "object" } });
		await run.approve("a", { by: "Ada", data: { amount: "5" } });
		const given = { by: "Ada", data: { amount: 5, currency: "EUR" } };
		expect((await run.result()).outputs).toEqual({ a: { given } });
	});

	test("refuses what does not fit, with the path, and waits on", async () => {
		const { run } = await askedFor({ schema: money });
		const error = await rejection(run.approve("a", { data: { amount: -1 } }));
		expect(error).toMatchObject({ code: "INVALID_INPUT", path: "/amount", nodes: ["a"] });
		expect(error.message).toContain("expected a positive number");
		expect(await rejection(run.approve("a"))).toMatchObject({ code: "INVALID_INPUT" });
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		await run.approve("a", { data: { amount: 2 } });
		expect((await run.result()).outputs).toMatchObject({ a: { given: { data: { amount: 2 } } } });
	});

	test.each([
		[
			"throws",
			() => {
				throw new Error("out of order");
			},
		],
		["rejects", () => Promise.reject(new Error("out of order"))],
		["gives nothing", () => undefined as never],
	])("that %s tells the approver so, and nothing is lost", async (_, validate) => {
		let broken = true;
		const schema: StandardSchema = {
			"~standard": { version: 1, vendor: "x", validate: (value) => (broken ? validate() : { value }) },
		};
		const { run } = await askedFor({ schema });
		const error = await rejection(run.approve("a", { data: 1 }));
		expect(error).toMatchObject({ code: "INVALID_INPUT", nodes: ["a"] });
		expect(error.message).toContain('the answer to "how much?"');
		broken = false;
		await run.approve("a", { data: 1 });
		expect((await run.result()).outputs).toEqual({ a: { given: { data: 1 } } });
	});

	test("that takes its time: an answer that comes first counts, and this one is refused", async () => {
		const slow = gate();
		const schema: StandardSchema = {
			"~standard": {
				version: 1,
				vendor: "x",
				validate: async (value) => {
					if (value === "slow") await slow.promise;
					return { value };
				},
			},
		};
		const { run } = await asked(async (ctx) => [
			(await ctx.requestApproval({ reason: "first", schema })).data,
			(await ctx.requestApproval({ reason: "second", schema })).data,
		]);
		const late = rejection(run.approve("a", { data: "slow" }));
		await run.approve("a", { data: "quick" });
		await rest();
		expect(run.waiting()).toMatchObject([{ reason: "second" }]);
		slow.open();
		// The second question is none of its business.
		expect(await late).toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		await run.approve("a", { data: "again" });
		expect((await run.result()).outputs).toEqual({ a: { given: ["quick", "again"] } });
	});

	test("that cannot be shown as JSON Schema is asked for without", async () => {
		const schema: StandardSchema = {
			"~standard": {
				...money["~standard"],
				jsonSchema: {
					input: () => {
						throw new Error("a Date has none");
					},
					output: () => ({}),
				},
			} as StandardSchema["~standard"],
		};
		const { run } = await askedFor({ schema });
		expect(run.snapshot().get("a")?.wait).toEqual({ kind: "approval", reason: "how much?" });
		await run.cancel();
	});

	test("that thinks otherwise by the time the agent goes on: the same is asked again, with why", async () => {
		let looks = 0;
		const schema: StandardSchema = {
			"~standard": {
				version: 1,
				vendor: "x",
				validate: (value) => (++looks === 2 ? { issues: [{ message: "not any more" }] } : { value }),
			},
		};
		const { run } = await askedFor({ schema });
		await run.approve("a", { data: 1 });
		await rest();
		const [item] = run.waiting();
		expect(item).toMatchObject({ reason: "how much?", problem: expect.stringContaining("not any more") });
		await run.approve("a", { data: 2 });
		expect((await run.result()).outputs).toEqual({ a: { given: { data: 2 } } });
	});
});

describe("schemas of libraries", () => {
	test.each<[string, StandardSchema]>([
		["zod", z.object({ amount: z.number().positive() })],
		["valibot", v.object({ amount: v.pipe(v.number(), v.minValue(1)) })],
		["arktype", type({ amount: "number > 0" })],
	])("%s: what does not fit is refused with its path, what fits is given", async (_, schema) => {
		const { run } = await askedFor({ schema });
		expect(await rejection(run.approve("a", { data: { amount: -1 } }))).toMatchObject({
			code: "INVALID_INPUT",
			path: "/amount",
		});
		await run.approve("a", { data: { amount: 2 } });
		expect((await run.result()).outputs).toEqual({ a: { given: { data: { amount: 2 } } } });
	});

	test("zod and arktype say what an answer has to look like", async () => {
		for (const schema of [z.object({ amount: z.number() }), type({ amount: "number" })]) {
			const { run } = await askedFor({ schema });
			expect(run.waiting()).toMatchObject([{ schema: { type: "object", properties: { amount: { type: "number" } } } }]);
			await run.cancel();
		}
	});
});

describe("choices", () => {
	const ask = (ctx: AgentContext) => ctx.ask("which way?", { choices: ["left", "right"], to: "Ada", name: "way" });

	test("are what may be answered: anything else is refused and the node waits on", async () => {
		const { run } = await asked(ask);
		expect(run.snapshot().get("a")?.wait).toEqual({
			kind: "approval",
			reason: "which way?",
			name: "way",
			to: "Ada",
			choices: ["left", "right"],
		});
		for (const data of ["up", undefined, 1, ["left"]]) {
			const error = await rejection(run.approve("a", { data }));
			expect(error).toMatchObject({ code: "INVALID_INPUT", nodes: ["a"] });
			expect(error.message).toContain('"left", "right"');
		}
		await run.answer("a", "left");
		expect((await run.result()).outputs).toEqual({ a: { given: "left" } });
	});

	test("hold for whoever drives the graph by hand, too", async () => {
		const { handle } = GraphActor.create({ nodes: [{ id: "a", agent: "x" }], clock: new VirtualClock() });
		const claimed = await handle.claim("a");
		if (!claimed.ok) throw new Error(claimed.code);
		await handle.park(claimed.lease, { kind: "approval", reason: "?", choices: ["yes", "no"] });
		expect(await handle.approve("a")).toMatchObject({ ok: false, code: "INVALID_INPUT" });
		expect(await handle.approve("a", { data: "maybe" })).toMatchObject({ ok: false, code: "INVALID_INPUT" });
		expect(await handle.approve("a", { data: "no" })).toEqual({ ok: true });
	});

	test("a person who rejects need not choose", async () => {
		const { run } = await asked(ask);
		await run.reject("a", { by: "Ada", reason: "neither" });
		expect((await run.result()).outputs).toEqual({
			a: { code: "REJECTED", message: "which way?: rejected by Ada: neither" },
		});
	});
});

describe("ctx.ask", () => {
	test("without choices takes any text, and nothing but text", async () => {
		const { run } = await asked((ctx) => ctx.ask("what is it called?"));
		expect(run.waiting()).toMatchObject([{ kind: "approval", schema: { type: "string" } }]);
		for (const data of [5, undefined, { text: "x" }])
			expect(await rejection(run.approve("a", { data }))).toMatchObject({ code: "INVALID_INPUT" });
		await run.answer("a", "", { by: "Ada" });
		expect((await run.result()).outputs).toEqual({ a: { given: "" } });
	});

	test("may be answered by its default when nobody does", async () => {
		const { run, clock } = await asked((ctx) =>
			ctx.ask("go on?", { choices: ["yes", "no"], timeout: "1h", onTimeout: "approve", default: "no" }),
		);
		await pass(clock, 3_600_000);
		expect((await run.result()).outputs).toEqual({ a: { given: "no" } });
	});
});

describe("onTimeout", () => {
	test.each([
		["fail" as const, { code: "TIMEOUT", message: "nobody answered in time: how much?" }],
		["reject" as const, { code: "REJECTED", message: "nobody answered in time: how much?" }],
		["approve" as const, { given: { expired: true } }],
	])("%s", async (onTimeout, output) => {
		const { run, clock } = await askedFor({ timeout: 1_000, onTimeout });
		await pass(clock, 999);
		expect(run.waiting()).toMatchObject([{ until: clock.now() + 1 }]);
		await pass(clock, 1);
		expect((await run.result()).outputs).toEqual({ a: output });
	});

	test("approve gives the agent what the schema makes of the default, looked at before anybody is asked", async () => {
		const { run, clock } = await asked((ctx) =>
			ctx.requestApproval({
				reason: "how much?",
				schema: money,
				timeout: 5,
				onTimeout: "approve",
				default: { amount: "7" },
			}),
		);
		await pass(clock, 5);
		const given = { expired: true, data: { amount: 7, currency: "EUR" } };
		expect((await run.result()).outputs).toEqual({ a: { given } });
	});

	test("an answer in time counts", async () => {
		const { run, clock } = await askedFor({ timeout: 1_000, onTimeout: "reject" });
		await pass(clock, 999);
		await run.approve("a", { data: 1 });
		await pass(clock, 1);
		expect((await run.result()).outputs).toEqual({ a: { given: { data: 1 } } });
	});

	test("an answer in the moment of the time-out is either given or refused, and the agent hears the same", async () => {
		for (const first of ["answer", "time"]) {
			const { run, clock } = await askedFor({ timeout: 10, onTimeout: "reject", schema: money });
			const answer = () =>
				run.approve("a", { data: { amount: 1 } }).then(
					() => "given",
					(error) => error.code,
				);
			let told: Promise<string>;
			if (first === "answer") {
				told = answer();
				clock.advance(10);
			} else {
				clock.advance(10);
				told = answer();
			}
			const { outputs } = await run.result();
			expect(await told).toBe(first === "answer" ? "given" : "ILLEGAL_STATE");
			expect(outputs["a"]).toMatchObject(first === "answer" ? { given: {} } : { code: "REJECTED" });
		}
	});
});

describe("a request that contradicts itself", () => {
	test.each<[string, object, string]>([
		[
			"a default that is no choice",
			{ choices: ["a"], timeout: 1, onTimeout: "approve", default: "b" },
			"INVALID_OPTION",
		],
		["no default where one is needed", { choices: ["a"], timeout: 1, onTimeout: "approve" }, "INVALID_OPTION"],
		["a default that does not fit", { schema: money, timeout: 1, onTimeout: "approve", default: {} }, "INVALID_OPTION"],
		["a default that is never used", { timeout: 1, default: 1 }, "INVALID_OPTION"],
		["onTimeout without a time", { onTimeout: "reject" }, "INVALID_OPTION"],
		["an onTimeout that does not exist", { timeout: 1, onTimeout: "panic" }, "INVALID_OPTION"],
		["a schema that is none", { schema: { type: "string" } }, "INVALID_OPTION"],
		["a time that is none", { timeout: "soon" }, "INVALID_OPTION"],
		["no choices", { choices: [] }, "INVALID_INPUT"],
		["two choices that are the same", { choices: ["a", "b", "a"] }, "INVALID_INPUT"],
		["an empty choice", { choices: ["a", ""] }, "INVALID_INPUT"],
		["a choice that is no text", { choices: ["a", 1] }, "INVALID_INPUT"],
		["too many choices", { choices: Array.from({ length: 101 }, (_, i) => `${i}`) }, "INVALID_INPUT"],
		["choices that are no list", { choices: "ab" }, "INVALID_INPUT"],
		["nobody whom it is for", { to: "" }, "INVALID_INPUT"],
		["a number whom it is for", { to: 5 }, "INVALID_INPUT"],
		["a name that is no text", { name: 5 }, "INVALID_INPUT"],
		["a reason that is no text", { reason: 5 }, "INVALID_INPUT"],
	])("by %s is refused to the agent", async (_, request, code) => {
		const { run } = await asked((ctx) => ctx.requestApproval({ reason: "?", ...request }));
		expect((await run.result()).outputs).toMatchObject({ a: { code } });
	});
});

describe("questions of one node", () => {
	const both = (ctx: AgentContext) =>
		Promise.all([
			ctx.requestApproval({ reason: "one?", name: "one", schema: money }),
			ctx.requestApproval({ reason: "two?", name: "two" }),
		]).then((answers) => answers.map(({ data }) => data));

	test("come one after the other, and an answer by name is to no other one", async () => {
		const { run } = await asked(both);
		const early = await rejection(run.approve("a", { name: "two", data: 2 }));
		expect(early).toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		expect(early.message).toContain('"one"');
		expect(await rejection(run.reject("a", { name: "two" }))).toMatchObject({ code: "ILLEGAL_STATE" });
		await run.approve("a", { name: "one", data: { amount: 1 } });
		await rest();
		// Whoever has not seen that it was answered does not answer the next one.
		expect(await rejection(run.approve("a", { name: "one", data: { amount: 1 } }))).toMatchObject({
			code: "ILLEGAL_STATE",
		});
		await run.approve("a", { name: "two", data: 2 });
		expect((await run.result()).outputs).toEqual({ a: { given: [{ amount: 1, currency: "EUR" }, 2] } });
	});

	test("without names are told apart by since when they have waited", async () => {
		const { run, clock } = await asked(async (ctx) => [
			(await ctx.requestApproval({ reason: "one?" })).data,
			(await ctx.requestApproval({ reason: "two?" })).data,
		]);
		const [one] = run.waiting();
		clock.advance(1);
		await run.approve("a", { data: 1, since: one?.since ?? 0 });
		await rest();
		expect(await rejection(run.approve("a", { data: 1, since: one?.since ?? 0 }))).toMatchObject({
			code: "ILLEGAL_STATE",
			nodes: ["a"],
		});
		await run.approve("a", { data: 2 });
		expect((await run.result()).outputs).toEqual({ a: { given: [1, 2] } });
	});

	test("an answer to who waits for something else says what it waits for", async () => {
		const { run } = await asked((ctx) => ctx.waitForSignal("go"));
		const error = await rejection(run.approve("a"));
		expect(error).toMatchObject({ code: "ILLEGAL_STATE" });
		expect(error.message).toContain("signal");
		await run.cancel();
		expect(await rejection(run.approve("a"))).toMatchObject({ code: "RUN_ENDED" });
	});

	test("of a node that is pruned are answered by nobody, and its successor's are its own", async () => {
		const { run } = await askedFor({ schema: money });
		await run.mutate([
			{ type: "pruneSubgraph", id: "a" },
			{ type: "addNode", node: { id: "b", agent: "asker" } },
		]);
		await rest();
		expect(await rejection(run.approve("a", { data: { amount: 1 } }))).toMatchObject({ code: "ILLEGAL_STATE" });
		await run.approve("b", { data: { amount: 1 } });
		expect((await run.result()).outputs).toMatchObject({ b: { given: {} } });
	});

	test("an attempt that failed while it was asked has left nothing behind for the next one", async () => {
		const calls: number[] = [];
		const flaky = defineAgent({
			name: "flaky",
			retry: { maxAttempts: 2, delay: 5 },
			timeout: { attempt: "1h", total: "1h" },
			run: async (_: unknown, ctx) => {
				calls.push(ctx.attempt);
				if (ctx.attempt === 1) {
					const { data } = await ctx.requestApproval({ reason: "one?", schema: money });
					throw new Error(`not with ${data.amount}`);
				}
				return (await ctx.requestApproval({ reason: "two?" })).data;
			},
		});
		const { swarm, clock } = virtualSwarm([flaky]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "flaky" }] });
		await rest();
		await run.approve("a", { data: { amount: 3 } });
		await pass(clock, 5);
		await run.approve("a", { data: "whatever" });
		expect((await finish(run, clock)).outputs).toEqual({ a: "whatever" });
		expect(calls).toEqual([1, 2]);
	});

	test("what was answered stands in the events as it was given", async () => {
		const { swarm } = virtualSwarm([asking((ctx) => ctx.requestApproval({ reason: "?", schema: money }))]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "asker" }] });
		const events = record(run);
		await rest();
		await run.approve("a", { by: "Ada", data: { amount: "5" } });
		await run.result();
		await rest();
		expect(events.find(({ type }) => type === "node.woken")).toMatchObject({
			wake: { kind: "approved", by: "Ada", data: { amount: "5" } },
		});
	});
});
