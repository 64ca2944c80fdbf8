import { type AnyAgent, createSwarm, defineAgent, VirtualClock } from "dagswarm";
import { describe, expect, test, vi } from "vitest";
import { apply } from "../../src/graph/apply.js";
import { checkState } from "../../src/graph/invariants.js";
import { Snapshots } from "../../src/graph/snapshot.js";
import { RunState } from "../../src/graph/state.js";
import type { NodeSpec } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

// Each test is named after the mistake of an earlier system that must not be repeated here.

const noop = defineAgent({ name: "noop", run: (_: unknown, ctx) => ctx.nodeId });

function swarmOf(...agents: readonly AnyAgent[]) {
	const clock = new VirtualClock();
	return { clock, swarm: createSwarm<AnyAgent>({ agents: [noop, ...agents], clock, check: "full" }) };
}

describe("the graph", () => {
	test("B1: addEdge, removeEdge and injectBefore gate", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", ["a"])]);
		await driver.mutate({ type: "addEdge", from: "a", to: "b" });
		expect(driver.handle.ready()).toEqual(["a"]);
		await driver.mutate({ type: "removeEdge", from: "a", to: "c" });
		expect(driver.handle.ready()).toEqual(["a", "c"]);
		await driver.mutate({ type: "injectBefore", id: "c", node: node("i") });
		expect(driver.handle.ready()).toEqual(["a", "i"]);
		await driver.complete("i");
		expect(driver.handle.ready()).toEqual(["a", "c"]);
		expect((await driver.handle.claim("b")).ok).toBe(false);
	});

	test("B2: a cycle through a chain of 200,000 nodes is refused with its path, without a stack for each", async () => {
		const size = 200_000;
		const chain = Array.from({ length: size }, (_, i) => node(`n${i}`, i === 0 ? [] : [`n${i - 1}`]));
		const driver = new Driver(chain, { check: "off" });
		const reply = await driver.handle.mutate([{ type: "addEdge", from: `n${size - 1}`, to: "n0" }]);
		expect(reply).toMatchObject({ ok: false, code: "CYCLE" });
		expect("nodes" in reply && reply.nodes).toHaveLength(size + 1);
		await driver.complete("n0");
		expect(driver.handle.ready()).toEqual(["n1"]);
	});

	test("B2: a change copies no graph: of ten thousand nodes all but those it names stay the same objects", async () => {
		const wide = Array.from({ length: 10_000 }, (_, i) => node(`n${i}`));
		const driver = new Driver(wide, { check: "off" });
		const before = driver.handle.snapshot();
		await driver.mutate({ type: "addEdge", from: "n1", to: "n5000" });
		const changed = [...driver.handle.snapshot().changedSince(before)].map(([, { id }]) => id);
		expect(changed).toEqual(["n5000"]);
	});

	test("B9: addNode refuses a duplicate, an unknown dependency, and a cycle among initial nodes", async () => {
		const driver = new Driver([node("a")]);
		await driver.complete("a", 1);
		await driver.refuses([{ type: "addNode", node: node("a") }], "DUPLICATE_NODE", ["a"]);
		expect(driver.handle.snapshot().get("a")?.output).toBe(1);
		await driver.refuses([{ type: "addNode", node: node("b", ["none"]) }], "UNKNOWN_DEPENDENCY", ["b", "none"]);
		const cycle = [node("x", ["y"]), node("y", ["x"])];
		expect(() => new Driver(cycle)).toThrow(expect.objectContaining({ code: "CYCLE" }));
	});

	test("B10: split and remove strand nobody, and split keeps the dependencies", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"]), node("d", ["c"])]);
		await driver.mutate({ type: "splitNode", id: "b", into: [node("p"), node("q")] }, { type: "removeNode", id: "c" });
		expect(driver.handle.ready()).toEqual(["a"]);
		for (const id of ["a", "p", "q", "d"]) await driver.complete(id);
		expect(driver.handle.snapshot().counts).toMatchObject({ completed: 4, abandoned: 2 });
	});

	test("B11: limits and rights are enforced, and a patch is applied whole or not at all", async () => {
		const driver = new Driver([node("a"), node("b", [], { canMutate: false }), node("c")], { maxNodes: 1 });
		await driver.complete("a", 1, [{ type: "addNodes", nodes: [node("x"), node("y")] }]);
		await driver.complete("b", 1, [{ type: "addNode", node: node("x") }]);
		expect(driver.handle.snapshot().get("a")?.error?.code).toBe("LIMIT_EXCEEDED");
		expect(driver.handle.snapshot().get("b")?.error?.code).toBe("NOT_PERMITTED");
		await driver.refuses(
			[
				{ type: "addNode", node: node("x") },
				{ type: "removeNode", id: "none" },
			],
			"UNKNOWN_NODE",
		);
		expect(driver.handle.snapshot().size).toBe(3);
	});

	test("B47: a completion looks at its own dependents, however many nodes wait elsewhere", async () => {
		const judged = async (others: number): Promise<number> => {
			const waiting = Array.from({ length: others }, (_, i) => node(`w${i}`, ["gate"]));
			const driver = new Driver([node("gate"), ...waiting, node("a"), node("b", ["a"]), node("c")], { check: "off" });
			const judge = vi.spyOn(driver.actor.state.graph.frontier, "judge");
			const count = vi.spyOn(driver.actor.state.graph.nodes, "count");
			await driver.complete("a");
			await driver.complete("c");
			return judge.mock.calls.length + count.mock.calls.length;
		};
		const few = await judged(10);
		expect(few).toBeGreaterThan(0);
		expect(await judged(10_000)).toBe(few);
	});

	test("B47: a signal looks at who waits for it, however many wait for others", async () => {
		const looked = async (others: number): Promise<number> => {
			const waiting = Array.from({ length: others + 1 }, (_, i) => node(`n${i}`));
			const driver = new Driver(waiting, { check: "off" });
			for (let i = 0; i <= others; i++)
				await driver.handle.park(await driver.claim(`n${i}`), { kind: "signal", name: `s${i}` });
			const state = vi.spyOn(driver.actor.state.graph.nodes, "state");
			await driver.handle.signal(`s${others}`);
			expect(driver.handle.ready()).toEqual([`n${others}`]);
			return state.mock.calls.length;
		};
		expect(await looked(2_000)).toBe(await looked(5));
	});

	test("B47: a join of thousands is counted, not scanned, for each that ends", async () => {
		const wide = Array.from({ length: 3_000 }, (_, i) => node(`d${i}`));
		const driver = new Driver(
			[
				...wide,
				node(
					"all",
					wide.map(({ id }) => id as string),
				),
			],
			{ check: "off" },
		);
		const { graph } = driver.actor.state;
		const reads = vi.spyOn(graph.edges, "nextIn");
		for (const { id } of wide) await driver.complete(id as string);
		expect(driver.handle.ready()).toEqual(["all"]);
		expect(reads.mock.calls.length).toBeLessThan(100);
	});
});

describe("outcomes", () => {
	test("B5: a failure skips dependents, says so in events, and ends the run failed", async () => {
		const driver = new Driver([node("a"), node("b", ["a"]), node("c", ["b"])], { open: false });
		await driver.fail("a");
		expect(driver.told().slice(-4)).toEqual(["node.failed a", "node.skipped b", "node.skipped c", "run.ended"]);
		expect(driver.status).toBe("failed");
	});

	test("B6: no late, second or unclaimed outcome changes anything, and the run ends once", async () => {
		const driver = new Driver([node("a"), node("b"), node("c")], { open: false });
		const [a, b] = [await driver.claim("a"), await driver.claim("b")];
		await driver.mutate({ type: "pruneSubgraph", id: "a" });
		await driver.unchanged(() => driver.handle.complete(a), "STALE_LEASE", ["a"]);
		await driver.handle.complete(b, 1);
		await driver.unchanged(() => driver.handle.complete(b, 2), "STALE_LEASE", ["b"]);
		const made = { node: "c", attempt: 1, epoch: 1, seq: 1 };
		await driver.unchanged(() => driver.handle.complete(made), "STALE_LEASE", ["c"]);
		await driver.unchanged(() => driver.handle.complete({ ...made, attempt: 0, seq: 0 }), "STALE_LEASE", ["c"]);
		await driver.complete("c");
		await driver.unchanged(() => driver.handle.complete(b), "STALE_LEASE", ["b"]);
		expect(driver.told().filter((type) => type === "run.ended")).toHaveLength(1);
	});

	test("B13: results reach dependents, and success, failure and stall are told apart", async () => {
		const boom = defineAgent({ name: "boom", run: () => Promise.reject(new Error("boom")) });
		const seen: unknown[] = [];
		const look = defineAgent({ name: "look", run: (_: unknown, ctx) => void seen.push({ ...ctx.deps }) });
		const { swarm } = swarmOf(boom, look);
		const status = async (...nodes: NodeSpec[]) => (await swarm.start({ nodes }).result()).status;
		expect(await status({ id: "a", agent: "noop" }, { id: "b", agent: "look", dependsOn: { in: "a" } })).toBe(
			"completed",
		);
		expect(await status({ id: "a", agent: "boom" })).toBe("failed");
		expect(await status({ id: "a", agent: "boom", onFailure: "block" }, node("b", ["a"], { agent: "noop" }))).toBe(
			"stalled",
		);
		expect(seen).toEqual([{ in: "a" }]);
	});

	test("B46: a flag on the error counts, whatever class of whatever package it is", async () => {
		const calls: string[] = [];
		class Foreign {
			readonly retryable = false;
			readonly message = "foreign";
		}
		const flagged = defineAgent({
			name: "flagged",
			run: (_: unknown, ctx) => {
				calls.push(ctx.nodeId);
				throw ctx.nodeId === "class" ? new Foreign() : { retryable: false, code: "E_FINAL", message: "plain" };
			},
		});
		const { swarm } = swarmOf(flagged);
		const nodes = ["class", "plain"].map((id) => ({ id, agent: "flagged", retry: 5 }));
		const outcome = await swarm.start({ nodes }).result();
		expect(calls).toEqual(["class", "plain"]);
		expect(outcome.failures.map(({ code }) => code)).toEqual(["AGENT_ERROR", "E_FINAL"]);
	});
});

describe("time", () => {
	test("B3: a quiet task of any length is no stall, and its dependent runs", async () => {
		const { promise, resolve } = Promise.withResolvers<string>();
		const slow = defineAgent({ name: "slow", run: () => promise });
		const { swarm, clock } = swarmOf(slow);
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }, node("b", ["a"], { agent: "noop" })] });
		for (let i = 0; i < 5; i++) {
			await new Promise((done) => setImmediate(done));
			clock.advance(60_000);
		}
		expect(run.snapshot().status).toBe("running");
		resolve("late");
		expect(await run.result()).toMatchObject({ status: "completed", outputs: { b: "b" } });
	});

	test("B3: a chain costs no poll interval a hop", async () => {
		const { swarm, clock } = swarmOf();
		const nodes = Array.from({ length: 200 }, (_, i) => node(`n${i}`, i === 0 ? [] : [`n${i - 1}`], { agent: "noop" }));
		expect((await swarm.start({ nodes }).result()).status).toBe("completed");
		expect(clock.now()).toBe(0);
		expect(clock.pending).toBe(0);
	});

	test("B40: there is no barrier: a quick node's successor runs while its slow sibling does", async () => {
		const driver = new Driver([node("slow"), node("quick"), node("next", ["quick"]), node("end", ["slow", "next"])]);
		const slow = await driver.claim("slow");
		await driver.complete("quick");
		await driver.complete("next");
		expect(driver.states()).toMatchObject({ slow: "running", next: "completed", end: "pending" });
		await driver.handle.complete(slow);
		expect(driver.handle.ready()).toEqual(["end"]);
	});

	test("B44: a sleep hears the cancel, and does not overwrite it", async () => {
		const seen: string[] = [];
		const sleeper = defineAgent({
			name: "sleeper",
			run: (_: unknown, ctx) =>
				ctx.sleep("1h").catch((error: { code: string }) => {
					seen.push(error.code);
					return "as if nothing had happened";
				}),
		});
		const { swarm, clock } = swarmOf(sleeper);
		const run = swarm.start({ nodes: [{ id: "a", agent: "sleeper" }] });
		await new Promise((resolve) => setImmediate(resolve));
		const outcome = await run.cancel();
		expect(seen).toEqual(["CANCELLED"]);
		clock.advance(7_200_000);
		expect([outcome.status, run.snapshot().status, run.snapshot().get("a")?.state]).toEqual([
			"cancelled",
			"cancelled",
			"cancelled",
		]);
		expect(clock.pending).toBe(0);
	});
});

describe("agents", () => {
	test("B7: one that panics leaves no node running", async () => {
		const panics = [
			defineAgent({
				name: "throws",
				run: () => {
					throw new Error("panic");
				},
			}),
			defineAgent({ name: "rejects", run: () => Promise.reject(undefined) }),
			defineAgent({
				name: "hostile",
				run: () => {
					throw new Proxy(new Error("x"), {
						get: () => {
							throw new Error("do not look");
						},
					});
				},
			}),
		];
		const { swarm } = swarmOf(...(panics as AnyAgent[]));
		const outcome = await swarm.start({ nodes: panics.map(({ name }) => ({ id: name, agent: name })) }).result();
		expect(outcome.stats).toMatchObject({ failed: 3 });
		expect(outcome.status).toBe("failed");
	});

	test("B45: an outer signal is listened to once a run, and let go when the run ends", async () => {
		const { signal } = new AbortController();
		const added = vi.spyOn(signal, "addEventListener");
		const removed = vi.spyOn(signal, "removeEventListener");
		const { swarm } = swarmOf();
		const nodes = Array.from({ length: 50 }, (_, i) => node(`n${i}`, [], { agent: "noop" }));
		for (let i = 0; i < 3; i++) await swarm.start({ nodes }, { signal }).result();
		expect(added).toHaveBeenCalledTimes(3);
		expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
			added.mock.calls.map(([, listener]) => listener),
		);
	});

	test("B45: an agent that does not ask for a signal costs none", async () => {
		const made = vi.spyOn(globalThis, "AbortController");
		const { swarm } = swarmOf();
		await swarm.run({ nodes: Array.from({ length: 20 }, (_, i) => node(`n${i}`, [], { agent: "noop" })) });
		expect(made).not.toHaveBeenCalled();
		made.mockRestore();
	});
});

describe("the log", () => {
	test("B12: events have numbers without gaps, and folding them gives the state", async () => {
		const driver = new Driver([node("a"), node("b", ["a"], { retry: 2 }), node("c", { x: "b" }), node("d", ["a"])]);
		await driver.complete("a", { n: 1 }, [
			{ type: "addNodes", nodes: [node("x", ["b"]), node("y", [], { speculative: "eager" })] },
			{ type: "splitNode", id: "c", into: [node("c1"), node("c2", ["c1"])] },
		]);
		await driver.fail("b", { message: "once" });
		await driver.complete("y", 2);
		await driver.mutate({ type: "removeNode", id: "d" }, { type: "confirmSpeculative", id: "y" });
		await driver.handle.park(await driver.claim("b"), { kind: "signal", name: "go" });
		await driver.handle.signal("go", 3);
		await driver.refuses([{ type: "removeNode", id: "none" }], "UNKNOWN_NODE");
		await driver.complete("b", 4);
		await driver.fail("x", { message: "for good" });
		await driver.handle.pause();
		expect(driver.events.map(({ seq }) => seq)).toEqual(driver.events.map((_, i) => i + 1));
		const folded = new RunState();
		// Through text, as a journal would keep them.
		for (const event of JSON.parse(JSON.stringify(driver.events)) as typeof driver.events) apply(folded, event);
		expect(checkState(folded)).toBeUndefined();
		expect(new Snapshots(folded).take().toJSON()).toEqual(
			JSON.parse(JSON.stringify({ ...(driver.handle.snapshot().toJSON() as object) })),
		);
	});

	test("B12: a reader that is too slow is told, and one that goes away stops nobody", async () => {
		const driver = new Driver([node("a")], { eventBuffer: 8 });
		await Promise.resolve();
		const [slow, gone] = [driver.handle.events({ from: 1 }), driver.handle.events({ from: 1 })];
		await gone.next();
		await gone.return();
		for (let i = 0; i < 50; i++) await driver.mutate({ type: "addNode", node: node(`n${i}`) });
		await expect(slow.next()).rejects.toMatchObject({ code: "LAGGED", from: 1 });
		expect(driver.events).toHaveLength(53);
	});
});
