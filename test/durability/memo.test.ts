import { type AnyAgent, defineAgent, memoryJournal, type NodeSpec, result, type SwarmOptions } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deps, echo, fail, finish, gate, lines, pass, rest, virtualSwarm } from "../swarm/fixture.js";
import { journals, promised, stored } from "./fixture.js";

/** An agent that counts its calls. */
function counted(more: Partial<AnyAgent> = {}) {
	const calls: string[] = [];
	const agent = defineAgent({
		name: "counted",
		memo: true,
		run: async (input: unknown, ctx) => {
			calls.push(ctx.nodeId);
			return { input, call: calls.length };
		},
		...more,
	}) as AnyAgent;
	return { agent, calls };
}

async function play(agents: readonly AnyAgent[], nodes: readonly NodeSpec[], options: Partial<SwarmOptions>) {
	const world = virtualSwarm(agents, { concurrency: 1, durability: "strict", ...options });
	const run = world.swarm.start({ nodes });
	let over = false;
	void run.result().then(() => {
		over = true;
	});
	for (let turn = 0; turn < 30 && !over; turn++) await rest();
	return { ...world, run, outcome: await finish(run, world.clock) };
}

describe.each([...journals(), ["promised", () => promised(memoryJournal())] as const])(
	"memo with a %s journal",
	(_, make) => {
		test("one call for equal ones, in a run, across runs and across swarms", async () => {
			const { agent, calls } = counted();
			const journal = make();
			const two: NodeSpec[] = [
				{ id: "a", agent: "counted", input: { x: 1, y: [new Uint8Array([1])] } },
				{ id: "b", agent: "counted", input: { y: [new Uint8Array([1])], x: 1 } },
			];
			const first = await play([agent], two, { journal });
			expect(first.outcome.outputs["a"]).toEqual(first.outcome.outputs["b"]);
			const again = first.swarm.start({
				nodes: [{ id: "c", agent: "counted", input: { x: 1, y: [new Uint8Array([1])] } }],
			});
			for (let turn = 0; turn < 5; turn++) await rest();
			expect((await finish(again, first.clock)).outputs["c"]).toEqual(first.outcome.outputs["a"]);
			const other = await play([agent], [{ id: "d", agent: "counted", input: { x: 1, y: [new Uint8Array([1])] } }], {
				journal,
				ids: { run: () => "other", node: () => "n" },
			});
			expect(other.outcome.outputs["d"]).toEqual(first.outcome.outputs["a"]);
			expect(calls).toEqual(["a"]);
			const completed = (await stored(journal, "other")).find(({ type }) => type === "node.completed");
			expect(completed).toMatchObject({ memo: true });
		});

		test("another version, input, agent or output of a dependency is another call", async () => {
			const { agent, calls } = counted();
			const newer = { ...agent, version: "2" };
			const alias = { ...agent, name: "alias" };
			const journal = make();
			const node = (id: string, input: unknown, name = "counted"): NodeSpec => ({ id, agent: name, input });
			await play([agent, alias], [node("a", 1), node("b", 2), node("c", 1, "alias"), node("d", undefined)], {
				journal,
			});
			expect(calls).toEqual(["a", "b", "c", "d"]);
			await play([newer], [node("a", 1)], { journal, ids: { run: () => "r2", node: () => "n" } });
			expect(calls).toHaveLength(5);
			const after = (input: unknown): NodeSpec[] => [
				{ id: "in", agent: "echo", input },
				{ id: "out", agent: "counted", dependsOn: { x: "in" } },
			];
			for (const [i, input] of [1, 2, 1, [1]].entries())
				await play([agent, echo], after(input), { journal, ids: { run: () => `r${i + 3}`, node: () => "n" } });
			expect(calls).toHaveLength(8);
		});

		test("data that only looks alike is another call", async () => {
			const { agent, calls } = counted();
			const inputs = [
				new Uint8Array([0]),
				{ $bytes: "AA==" },
				"AA==",
				{ a: undefined },
				{},
				null,
				undefined,
				0,
				"0",
				[],
				[null],
			];
			const nodes = inputs.map((input, i) => ({ id: `n${i}`, agent: "counted", input }));
			await play([agent], nodes, { journal: make() });
			// A member that is undefined is no member.
			expect(calls).toEqual(nodes.map(({ id }) => id).filter((id) => id !== "n4"));
		});

		test("how dependencies ended is part of the call", async () => {
			const journal = make();
			const calls: string[] = [];
			const agent = defineAgent({
				name: "judge",
				memo: true,
				run: async (_: unknown, ctx) => {
					calls.push(ctx.settled["x"]?.status ?? "none");
					return calls.at(-1);
				},
			});
			const nodes = (from: string): NodeSpec[] => [
				{ id: "in", agent: from },
				{ id: "out", agent: "judge", dependsOn: { x: "in" }, join: "settled" },
			];
			for (const [i, from] of ["echo", "fail", "echo", "fail"].entries()) {
				const { outcome } = await play([agent, echo, fail], nodes(from), {
					journal,
					ids: { run: () => `j${i}`, node: () => "n" },
				});
				expect(outcome.outputs["out"]).toBe(from === "echo" ? "completed" : "failed");
			}
			expect(calls).toEqual(["completed", "failed"]);
		});

		test("a patch comes with it, with ids of its own", async () => {
			const journal = make();
			let calls = 0;
			const planner = defineAgent({
				name: "planner",
				memo: true,
				run: async (_: unknown, ctx) => {
					calls++;
					const staged = ctx.graph.addNode({ agent: echo, input: "staged" });
					ctx.graph.addNode({ agent: "deps", dependsOn: { x: staged } });
					return result("plan", {
						nodes: [
							{ agent: echo, input: "part" },
							{ agent: "echo", input: "part" },
						],
						expand: true,
					});
				},
			});
			const nodes: NodeSpec[] = [
				{ id: "p1", agent: "planner" },
				{ id: "s1", agent: "deps", dependsOn: ["p1"] },
				{ id: "p2", agent: "planner", dependsOn: [] },
				{ id: "s2", agent: "deps", dependsOn: ["p2"] },
			];
			const { run, outcome } = await play([planner, echo, deps], nodes, { journal });
			expect(outcome).toMatchObject({ status: "completed", failures: [] });
			expect(calls).toBe(1);
			const of = (id: string): string[] =>
				[...run.snapshot().nodes({ addedBy: id })].map(({ agent, state }) => `${agent} ${state}`);
			expect(of("p1")).toEqual(["echo completed", "deps completed", "echo completed", "echo completed"]);
			expect(of("p2")).toEqual(of("p1"));
			const [, chained] = [...run.snapshot().nodes({ addedBy: "p2" })];
			expect(chained?.output).toEqual({ x: "staged" });
			expect([...run.snapshot().nodes({ addedBy: "p2" })].every(({ id }) => id.startsWith("p2/"))).toBe(true);
			expect(outcome.outputs["s2"]).toHaveProperty("p2");
			const second = await play([planner, echo, deps], nodes.slice(2), {
				journal,
				ids: { run: () => "again", node: () => "n" },
			});
			expect(second.outcome.status).toBe("completed");
			expect(calls).toBe(1);
		});

		test("failures, rejected outcomes and what was committed early are not remembered", async () => {
			const journal = make();
			const calls: string[] = [];
			const agent = defineAgent({
				name: "agent",
				memo: true,
				run: async (how: string, ctx) => {
					calls.push(how);
					if (how === "throws") throw new Error("no");
					if (how === "wrong") return result(1, { nodes: [{ id: "x", agent: "nobody" }] });
					if (how === "date") return new Date(0) as unknown;
					if (how === "early") {
						ctx.graph.addNode({ agent: "echo", input: ctx.nodeId });
						await ctx.graph.commit();
					}
					return how;
				},
			});
			const hows = ["throws", "wrong", "date", "early"];
			const nodes = hows.flatMap((how) => [1, 2].map((k) => ({ id: `${how}${k}`, agent: "agent", input: how })));
			await play([agent, echo], nodes, { journal });
			expect(calls).toEqual(hows.flatMap((how) => [how, how]));
		});

		test("a node's own memo wins; keys and times to live", async () => {
			const { agent, calls } = counted({ memo: { key: (input: { k: string }) => input.k, ttl: 1_000 } });
			const journal = make();
			const world = virtualSwarm([agent], { journal, concurrency: 1 });
			const call = async (id: string, more: Partial<NodeSpec> = {}): Promise<void> => {
				const run = world.swarm.start({ nodes: [{ id, agent: "counted", input: { k: "same", id }, ...more }] });
				for (let turn = 0; turn < 6; turn++) await pass(world.clock, 20);
				await run.result();
			};
			await call("a");
			await call("b");
			expect(calls).toEqual(["a"]);
			await call("c", { memo: false });
			await call("d", { memo: true });
			await call("e", { memo: { key: "own" } });
			await call("f", { memo: { key: "own" }, input: "other" });
			expect(calls).toEqual(["a", "c", "d", "e"]);
			await pass(world.clock, 1_000);
			await call("g");
			await call("h");
			await call("i", { memo: { key: "own" } });
			expect(calls).toEqual(["a", "c", "d", "e", "g"]);
			// By hand it takes effect where the agent has none.
		});
	},
);

describe("memo", () => {
	test("without a journal is kept in memory, the latest ten thousand", async () => {
		const { agent, calls } = counted();
		const world = virtualSwarm([agent], { check: "off", concurrency: 1 });
		const call = async (inputs: readonly number[]): Promise<void> => {
			const run = world.swarm.start({ nodes: inputs.map((input) => ({ id: `n${input}`, agent: "counted", input })) });
			while (run.snapshot().status !== "completed") await rest(1);
		};
		await call([0, 1]);
		await call(Array.from({ length: 9_999 }, (_, i) => i + 2));
		calls.length = 0;
		await call([1]);
		expect(calls).toEqual([]);
		await call([0]);
		expect(calls).toEqual(["n0"]);
	});

	test("a call that was cancelled while its memo was looked up is not made", async () => {
		const { agent, calls } = counted();
		const go = gate();
		const journal = new Proxy(memoryJournal(), {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (key === "memo") return () => go.promise;
				return typeof member === "function" ? member.bind(target) : member;
			},
		});
		const world = virtualSwarm([agent], { journal, durability: "strict" });
		const run = world.swarm.start({ nodes: [{ id: "a", agent: "counted" }] });
		await rest();
		const cancelled = run.cancel();
		await rest();
		go.open();
		await rest();
		await pass(world.clock, 6_000);
		expect((await cancelled).status).toBe("cancelled");
		expect(calls).toEqual([]);
	});

	test("a remembered outcome of an eager node is withheld like any other", async () => {
		const { agent, calls } = counted();
		const journal = memoryJournal();
		const world = virtualSwarm([agent], { journal, durability: "strict" });
		const first = world.swarm.start({ nodes: [{ id: "a", agent: "counted" }] });
		await rest();
		await first.result();
		const run = world.swarm.start({ nodes: [{ id: "b", agent: "counted", speculative: "eager" }] }, { open: true });
		await rest();
		expect(run.snapshot().get("b")?.state).toBe("speculative");
		await run.mutate([{ type: "confirmSpeculative", id: "b" }]);
		expect(run.output("b")).toEqual(first.output("a"));
		expect(calls).toEqual(["a"]);
		await run.close();
		expect(lines(await stored(journal, run.id), /completed/)).toEqual(["node.completed b"]);
	});
});
