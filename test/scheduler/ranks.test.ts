import { describe, expect, test } from "vitest";
import { Ranks } from "../../src/scheduler/ranks.js";
import { Driver, node } from "../graph/driver.js";

function ranksOf(driver: Driver): { readonly ranks: Ranks; readonly of: (id: string) => number } {
	const { graph } = driver.actor.state;
	const ranks = new Ranks(graph);
	return { ranks, of: (id) => ranks.of(graph.index.get(id) as number) };
}

function timed(id: string, estimateMs: number, dependsOn: readonly string[] = []) {
	return node(id, dependsOn, { estimateMs });
}

describe("ranks", () => {
	test("are the longest path to the end, the node itself included", () => {
		const driver = new Driver([
			timed("a", 1),
			timed("b", 2, ["a"]),
			timed("c", 10, ["a"]),
			timed("d", 4, ["b", "c"]),
			node("e", ["d"]),
			timed("f", 3),
		]);
		const { ranks, of } = ranksOf(driver);
		expect(ranks.refresh(driver.actor.state.unfinished)).toBe(true);
		expect(["a", "b", "c", "d", "e", "f"].map(of)).toEqual([15, 6, 14, 4, 0, 3]);
	});

	test("leave out what has ended", async () => {
		const driver = new Driver([timed("a", 1), timed("b", 2, ["a"]), timed("c", 50, ["a"])]);
		await driver.mutate({ type: "pruneSubgraph", id: "c" });
		const { ranks, of } = ranksOf(driver);
		ranks.refresh(driver.actor.state.unfinished);
		expect(of("a")).toBe(3);
	});

	test("go by a node's own estimate until they are swept", () => {
		const driver = new Driver([timed("a", 7), timed("b", 9, ["a"])]);
		expect(ranksOf(driver).of("a")).toBe(7);
	});

	test("are swept again only when an eighth of the open nodes has changed", async () => {
		const driver = new Driver(Array.from({ length: 80 }, (_, i) => timed(`n${i}`, 1)));
		const { ranks, of } = ranksOf(driver);
		const refresh = (): boolean => ranks.refresh(driver.actor.state.unfinished);
		expect(refresh()).toBe(true);
		expect(refresh()).toBe(false);
		const add = (k: number) => driver.mutate({ type: "addNode", node: timed(`x${k}`, 100, ["n0"]) });
		// Each adds a node and an edge.
		for (let k = 0; k < 5; k++) {
			await add(k);
			expect(refresh()).toBe(false);
		}
		expect(of("n0")).toBe(1);
		expect(of("x0")).toBe(100);
		await add(5);
		expect(refresh()).toBe(true);
		expect(of("n0")).toBe(101);
		expect(refresh()).toBe(false);
	});
});
