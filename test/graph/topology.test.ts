import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GraphActor } from "../../src/graph/actor.js";
import { Graph } from "../../src/graph/graph.js";
import { checkState } from "../../src/graph/invariants.js";
import { sortSpecs } from "../../src/graph/spec-order.js";
import type { NodeSpec, StoredSpec } from "../../src/graph/types.js";
import { node } from "./driver.js";

function emptyGraph(size: number): Graph {
	const graph = new Graph();
	for (let n = 0; n < size; n++) graph.addNode({ id: `n${n}`, agent: "work" }, 0);
	return graph;
}

/** Whether one node leads to another, looked for the slow way. */
function leads(edges: readonly (readonly [number, number])[], from: number, to: number): boolean {
	const seen = new Set([from]);
	for (const n of seen) for (const [a, b] of edges) if (a === n) seen.add(b);
	return seen.has(to);
}

function inOrder(graph: Graph, edges: readonly (readonly [number, number])[]): boolean {
	return edges.every(([a, b]) => graph.nodes.label(a) < graph.nodes.label(b));
}

const labels = (graph: Graph): number[] => Array.from({ length: graph.size }, (_, n) => graph.nodes.label(n));

describe("the maintained order", () => {
	test("agrees with a naive search over random edges that come and go", () => {
		const pair = fc.tuple(fc.nat(11), fc.nat(11));
		const step = fc.record({ pair, remove: fc.boolean() });
		fc.assert(
			fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
				const graph = emptyGraph(12);
				const edges: (readonly [number, number])[] = [];
				for (const {
					pair: [from, to],
					remove,
				} of steps) {
					const known = edges.findIndex(([a, b]) => a === from && b === to);
					if (known >= 0) {
						if (!remove) continue;
						edges.splice(known, 1);
						const edge = graph.findEdge(from, to);
						graph.unlink(edge);
						graph.release(edge);
						continue;
					}
					const before = labels(graph);
					const cycle = graph.topology.admit(from, to);
					expect(cycle !== undefined).toBe(leads(edges, to, from));
					if (cycle === undefined) {
						graph.link(from, to);
						edges.push([from, to]);
					} else {
						// A real cycle, closed by the new edge, and nothing moved.
						expect(cycle[0]).toBe(from);
						expect(cycle[1]).toBe(to);
						expect(cycle.at(-1)).toBe(from);
						expect(new Set(cycle).size).toBe(cycle.length - 1);
						for (let i = 1; i + 1 < cycle.length; i++)
							expect(edges.some(([a, b]) => a === cycle[i] && b === cycle[i + 1])).toBe(true);
						expect(labels(graph)).toEqual(before);
					}
					expect(inOrder(graph, edges)).toBe(true);
					expect(new Set(labels(graph)).size).toBe(graph.size);
				}
			}),
		);
	});

	test("says that a node depends on itself", () => {
		expect(emptyGraph(1).topology.admit(0, 0)).toEqual([0, 0]);
	});

	test("costs a chain of 200,000 nodes no stack, in either direction", () => {
		const size = 200_000;
		const graph = emptyGraph(size);
		for (let n = 1; n < size; n++) {
			expect(graph.topology.admit(n - 1, n)).toBeUndefined();
			graph.link(n - 1, n);
		}
		const cycle = graph.topology.admit(size - 1, 0);
		expect(cycle).toHaveLength(size + 1);
		expect(cycle?.slice(0, 3)).toEqual([size - 1, 0, 1]);
		expect(cycle?.at(-1)).toBe(size - 1);
	});

	test("moves a long chain behind a late node without recursion", () => {
		const size = 100_000;
		const graph = emptyGraph(size + 1);
		for (let n = 1; n < size; n++) {
			graph.topology.admit(n - 1, n);
			graph.link(n - 1, n);
		}
		expect(graph.topology.admit(size, 0)).toBeUndefined();
		graph.link(size, 0);
		expect(graph.nodes.label(size)).toBeLessThan(graph.nodes.label(0));
		for (let n = 1; n < size; n++) if (!(graph.nodes.label(n - 1) < graph.nodes.label(n))) expect.fail(`at ${n}`);
	});

	test("squeezes groups into one gap again and again, and renumbers when it is used up", () => {
		const graph = emptyGraph(2);
		graph.link(0, 1);
		const edges: [number, number][] = [[0, 1]];
		for (let i = 0; i < 500; i++) {
			const [a, b] = [2 + 2 * i, 3 + 2 * i];
			graph.addNode({ id: `n${a}`, agent: "w" }, 0);
			graph.addNode({ id: `n${b}`, agent: "w" }, 0);
			// Always directly behind the first one.
			const before = i === 0 ? 1 : 2 * i;
			expect(graph.topology.squeeze([a, b], 0, before)).toBe(true);
			for (const edge of [
				[0, a],
				[a, b],
				[b, before],
			] as const) {
				expect(graph.topology.admit(edge[0], edge[1])).toBeUndefined();
				graph.link(edge[0], edge[1]);
				edges.push([...edge]);
			}
		}
		expect(inOrder(graph, edges)).toBe(true);
	});

	test("has no gap between nodes that stand the other way round", () => {
		const graph = emptyGraph(3);
		expect(graph.topology.squeeze([2], 1, 0)).toBe(false);
		expect(labels(graph)).toEqual(labels(emptyGraph(3)));
	});

	test("renumbers without changing it", () => {
		const graph = emptyGraph(50);
		for (let n = 0; n < 49; n++) {
			graph.topology.admit(n + 1, n);
			graph.link(n + 1, n);
		}
		const order = (): number[] =>
			Array.from({ length: 50 }, (_, n) => n).sort((a, b) => graph.nodes.label(a) - graph.nodes.label(b));
		const before = order();
		graph.topology.renumber();
		expect(order()).toEqual(before);
		graph.addNode({ id: "new", agent: "w" }, 0);
		expect(graph.nodes.label(50)).toBeGreaterThan(Math.max(...labels(graph).slice(0, 50)));
	});

	test("marks searches with numbers that no search before had", () => {
		const { marks } = emptyGraph(1);
		const [first, second, third] = [marks.fresh(1, 2), marks.fresh(1), marks.fresh(1)];
		expect([second - first, third - second]).toEqual([2, 1]);
	});
});

describe("specs in reverse", () => {
	test("of 200,000 nodes are sorted without recursion", () => {
		const size = 200_000;
		const specs: NodeSpec[] = [];
		for (let i = 0; i < size; i++) specs.push(node(`n${i}`, i === size - 1 ? [] : [`n${i + 1}`]));
		const { actor, handle } = GraphActor.create({ nodes: specs });
		expect(handle.ready()).toEqual([`n${size - 1}`]);
		expect(actor.snapshot().size).toBe(size);
	});

	test("of any order give the same graph, in an order that fits", () => {
		fc.assert(
			fc.property(
				fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { minLength: 1, maxLength: 20 }),
				fc.array(fc.nat(), { maxLength: 20 }),
				(wanted, shuffle) => {
					const specs = wanted.map((deps, i) =>
						node(
							`n${i}`,
							deps.filter((d) => d < i).map((d) => `n${d}`),
						),
					);
					const mixed = [...specs];
					for (const [i, r] of shuffle.entries()) {
						const [a, b] = [i % mixed.length, r % mixed.length];
						[mixed[a], mixed[b]] = [mixed[b] as NodeSpec, mixed[a] as NodeSpec];
					}
					const { actor } = GraphActor.create({ nodes: mixed, check: "full" });
					expect(checkState(actor.state)).toBeUndefined();
					for (const { id, dependsOn } of specs)
						expect(new Set(actor.snapshot().get(id as string)?.dependsOn)).toEqual(new Set(dependsOn as string[]));
				},
			),
		);
	});

	test("keep their order where they are free to", () => {
		const specs = [node("c", ["a"]), node("x"), node("b"), node("a"), node("d", ["outside"])] as StoredSpec[];
		const sorted = sortSpecs(specs);
		expect("specs" in sorted && sorted.specs.map(({ id }) => id)).toEqual(["x", "b", "a", "d", "c"]);
	});

	test("with a cycle name a real one", () => {
		fc.assert(
			fc.property(fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 8 }), (wanted) => {
				const specs = wanted.map((deps, i) =>
					node(
						`n${i}`,
						deps.map((d) => `n${d}`),
					),
				) as StoredSpec[];
				const sorted = sortSpecs(specs);
				if (!("cycle" in sorted)) return;
				const { cycle } = sorted;
				expect(cycle[0]).toBe(cycle.at(-1));
				for (let i = 1; i < cycle.length; i++) {
					const spec = specs.find(({ id }) => id === cycle[i]);
					expect(spec?.dependsOn).toContain(cycle[i - 1]);
				}
			}),
		);
	});
});
