import { result } from "dagswarm";
import { describe, expect, test } from "vitest";
import { swarmOf } from "./swarm-of.js";

describe("what is staged", () => {
	test("comes with the completion, before what the result brings", async () => {
		const { start } = swarmOf({
			plan: (_, ctx) => {
				ctx.graph.addNode({ id: "staged", agent: "noop" });
				return result(1, { nodes: [{ id: "brought", agent: "noop", dependsOn: ["staged"] }] });
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan" });
		await run.result();
		expect([...run.snapshot().nodes()].map(({ id }) => id)).toEqual(["a", "staged", "brought"]);
	});

	test("dies with an attempt that fails", async () => {
		const { start } = swarmOf({
			plan: (_, ctx) => {
				ctx.graph.addNode({ id: `x${ctx.attempt}`, agent: "noop" });
				if (ctx.attempt === 1) throw new Error("once");
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan", retry: 2 });
		await run.result();
		expect([...run.snapshot().nodes()].map(({ id }) => id)).toEqual(["a", "x2"]);
	});

	test("gets the same default ids in every attempt, with an ordinal for repeats", async () => {
		const ids: string[][] = [];
		const { start } = swarmOf({
			plan: async (_, ctx) => {
				const own = [1, 1, 2].map((input) => ctx.graph.addNode({ agent: "noop", input }));
				ids.push(own);
				await ctx.graph.commit();
				if (ctx.attempt === 1) throw new Error("once");
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan", retry: 2 });
		expect((await run.result()).stats).toMatchObject({ nodes: 4, completed: 4 });
		expect(ids[0]).toEqual(ids[1]);
		const [first, again, other] = ids[0] as [string, string, string];
		expect(first).toMatch(/^a\/[0-9a-f]+$/);
		expect(again).toBe(`${first}-2`);
		expect(other).not.toBe(first);
	});

	test("and refused by a commit throws there, with the code", async () => {
		const seen: unknown[] = [];
		const { start } = swarmOf({
			plan: async (_, ctx) => {
				ctx.graph.addNode({ id: "x", agent: "noop", dependsOn: ["none"] });
				await ctx.graph.commit().catch((error: { code: string }) => seen.push(error.code));
				return [...ctx.graph.nodes()].map(({ id }) => id);
			},
			noop: () => undefined,
		});
		const run = await start({ id: "a", agent: "plan" });
		expect((await run.result()).outputs).toEqual({ a: ["a"] });
		expect(seen).toEqual(["UNKNOWN_DEPENDENCY"]);
	});
});
