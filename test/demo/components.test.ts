import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { components } from "../../demo/components.ts";

const graphs = fc
	.array(fc.array(fc.nat(11), { maxLength: 4 }), { maxLength: 12 })
	.map((needs) => needs.map((targets, index) => ({ id: `v${index}`, needs: targets.map((target) => `v${target}`) })));

function reaches(graph: readonly { id: string; needs: readonly string[] }[], from: string): Set<string> {
	const seen = new Set<string>();
	const open = [from];
	while (open.length > 0) {
		for (const next of graph.find(({ id }) => id === open[0])?.needs ?? []) {
			if (!seen.has(next) && graph.some(({ id }) => id === next)) open.push(next);
			seen.add(next);
		}
		open.shift();
	}
	return seen;
}

describe("components", () => {
	test("condenses a cycle and keeps the rest, dependencies first", () => {
		const found = components([
			{ id: "a", needs: ["b"] },
			{ id: "b", needs: ["c"] },
			{ id: "c", needs: ["b", "d", "gone"] },
			{ id: "d", needs: [] },
		]);
		expect(found.map(({ members }) => members.map(({ id }) => id))).toEqual([["d"], ["b", "c"], ["a"]]);
		expect(found.map(({ needs }) => needs)).toEqual([[], [0], [1]]);
	});

	test("two vertices share a component exactly if each reaches the other", () => {
		fc.assert(
			fc.property(graphs, (graph) => {
				const found = components(graph);
				const ids = found.flatMap(({ members }) => members.map(({ id }) => id));
				expect(ids.sort()).toEqual(graph.map(({ id }) => id).sort());
				for (const a of graph) {
					const group = found.find(({ members }) => members.includes(a))!;
					const from = reaches(graph, a.id);
					const mutual = graph.filter((b) => a === b || (from.has(b.id) && reaches(graph, b.id).has(a.id)));
					expect([...group.members]).toEqual(mutual);
				}
			}),
		);
	});

	test("a component needs exactly those that its members need, all of them earlier", () => {
		fc.assert(
			fc.property(graphs, (graph) => {
				const found = components(graph);
				found.forEach(({ members, needs }, index) => {
					const wanted = new Set(members.flatMap((member) => member.needs));
					const expected = found.flatMap((other, at) => {
						return at !== index && other.members.some(({ id }) => wanted.has(id)) ? [at] : [];
					});
					expect(needs.toSorted((a, b) => a - b)).toEqual(expected);
					expect(needs.every((target) => target < index)).toBe(true);
				});
			}),
		);
	});

	test("a long chain does not overflow the stack", () => {
		const chain = Array.from({ length: 100_000 }, (_, i) => ({ id: `v${i}`, needs: [`v${i + 1}`] }));
		expect(components(chain)).toHaveLength(100_000);
	});
});
