import { type AnyAgent, createSwarm, defineAgent, result, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { type Body, gate, rest, swarmOf } from "./swarm-of.js";

/** Something with a `then` that is no promise. */
function thenable(then: (yes: (value: number) => void, no: (error: Error) => void) => void): object {
	return { then };
}

describe("an agent function", () => {
	test.each<[string, Body, unknown]>([
		["a value", () => 7, 7],
		["nothing", () => undefined, undefined],
		["a promise", async () => 8, 8],
		["a thenable", () => thenable((yes) => yes(9)), 9],
		["a result", () => result(10), 10],
		["a promise of a result", async () => result(11, { nodes: [] }), 11],
	])("may return %s", async (_, body, output) => {
		const { start } = swarmOf({ a: body });
		const run = await start({ id: "a", agent: "a" });
		expect((await run.result()).outputs).toEqual({ a: output });
	});

	test.each<[string, Body]>([
		[
			"throws",
			() => {
				throw new Error("no");
			},
		],
		["rejects", () => Promise.reject(new Error("no"))],
		["returns a thenable that rejects", () => thenable((_yes, no) => no(new Error("no")))],
		[
			"returns a thenable that throws",
			() =>
				thenable(() => {
					throw new Error("no");
				}),
		],
		[
			"returns a getter that throws",
			() =>
				// biome-ignore lint/suspicious/noThenProperty: an object may do that to whoever looks
				Object.defineProperty({}, "then", {
					get: () => {
						throw new Error("no");
					},
				}),
		],
	])("that %s fails its attempt", async (_, body) => {
		const { start } = swarmOf({ a: body, b: () => 1 });
		const run = await start({ id: "a", agent: "a" }, { id: "b", agent: "b" });
		const outcome = await run.result();
		expect(outcome.failures).toMatchObject([{ id: "a", code: "AGENT_ERROR", message: "no" }]);
		expect(outcome.stats.completed).toBe(1);
	});

	test("that settles its thenable twice counts once", async () => {
		const body: Body = () =>
			thenable((yes, no) => {
				yes(1);
				no(new Error("late"));
				yes(2);
			});
		const { start } = swarmOf({ a: body, b: async () => "b" });
		const run = await start({ id: "a", agent: "a" }, { id: "b", agent: "b", dependsOn: ["a"] });
		expect((await run.result()).stats).toMatchObject({ completed: 2, stale: 0 });
		expect(run.output("a")).toBe(1);
	});

	test("finds its callbacks fresh, however many ran before it", async () => {
		const order: string[] = [];
		const gates = new Map<string, ReturnType<typeof gate<string>>>();
		const body: Body = (_, ctx) => {
			const own = gate<string>();
			gates.set(ctx.nodeId, own);
			return own.promise;
		};
		const { start } = swarmOf({ a: body }, { concurrency: 3 });
		const run = await start(...Array.from({ length: 30 }, (_, i) => ({ id: `n${i}`, agent: "a" })));
		// The last one of those that run ends first.
		while (gates.size > 0) {
			const id = [...gates.keys()].at(-1) as string;
			gates.get(id)?.resolve(`out of ${id}`);
			gates.delete(id);
			order.push(id);
			await rest();
		}
		const { outputs } = await run.result();
		for (const id of order) expect(outputs[id]).toBe(`out of ${id}`);
		expect(order).toHaveLength(30);
	});

	test("is called with the input and a context that knows its node", async () => {
		const seen: unknown[] = [];
		const { start } = swarmOf({
			a: (input, ctx) => {
				seen.push(
					input,
					ctx.nodeId,
					ctx.runId,
					ctx.attempt,
					ctx.idempotencyKey,
					ctx.lastError?.message,
					ctx.signal.aborted,
				);
				if (ctx.attempt === 1) throw new Error("first");
			},
		});
		const run = await start({ id: "n", agent: "a", input: { x: 1 }, retry: 2 });
		await run.result();
		expect(seen).toEqual([
			{ x: 1 },
			"n",
			"run-1",
			1,
			"run-1/n",
			undefined,
			false,
			{ x: 1 },
			"n",
			"run-1",
			2,
			"run-1/n",
			"first",
			false,
		]);
	});
});

describe("a predicate for retries", () => {
	test("decides where the error says nothing, and fails the node when it throws itself", async () => {
		const calls: Record<string, number> = {};
		const run = (name: string) => () => {
			calls[name] = (calls[name] ?? 0) + 1;
			throw Object.assign(new Error(name), name === "flagged" ? { retryable: true } : {});
		};
		const agents: AnyAgent[] = [
			defineAgent({ name: "no", run: run("no"), retryable: () => false, retry: 3 }),
			defineAgent({ name: "yes", run: run("yes"), retryable: () => true, retry: 3 }),
			defineAgent({ name: "flagged", run: run("flagged"), retryable: () => false, retry: 3 }),
			defineAgent({
				name: "broken",
				run: run("broken"),
				retryable: () => {
					throw new Error("predicate");
				},
				retry: 3,
			}),
		];
		const swarm = createSwarm<AnyAgent>({ agents, clock: new VirtualClock() });
		const outcome = await swarm.start({ nodes: agents.map(({ name }) => ({ id: name, agent: name })) }).result();
		expect(calls).toEqual({ no: 1, yes: 3, flagged: 3, broken: 1 });
		expect(outcome.failures).toHaveLength(4);
	});
});
