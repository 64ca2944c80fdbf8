import { GraphActor, type GraphHandle, type Mutation, type NodeSpec, type Patch } from "dagswarm";
import { type GraphConstraints, graphs, type PatchConstraints, patches, Random } from "dagswarm/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const seed = 20_260;

const terms: GraphConstraints = {
	minNodes: 4,
	maxNodes: 16,
	speculative: ["hold", "eager"],
	aliases: true,
	references: true,
};

const TYPES: readonly Mutation["type"][] = [
	"addNode",
	"addNodes",
	"addEdge",
	"removeEdge",
	"removeNode",
	"updateNode",
	"splitNode",
	"injectBefore",
	"pruneSubgraph",
	"markSpeculative",
	"confirmSpeculative",
	"discardSpeculative",
];

/** A run in which some nodes have completed, some failed and some are running. */
async function halfway(nodes: readonly NodeSpec[], turns: number): Promise<GraphHandle> {
	const { handle } = GraphActor.create({ nodes, check: "full" });
	const random = new Random(turns);
	for (let i = 0; i < turns % 8; i++) {
		const [id] = handle.ready();
		if (id === undefined) break;
		const claimed = await handle.claim(id);
		if (!claimed.ok) continue;
		if (random.below(3) === 0) await handle.fail(claimed.lease, new Error("planned"));
		else if (random.below(3) > 0) await handle.complete(claimed.lease, i);
	}
	return handle;
}

/** What becomes of many patches, each given to the graph it was aimed at. */
async function outcomes(
	constraints: PatchConstraints,
	take: (patch: Patch, accepted: boolean, code: string | undefined) => void,
): Promise<void> {
	await fc.assert(
		fc.asyncProperty(graphs(terms), fc.nat(), fc.nat(), async (nodes, turns, number) => {
			const handle = await halfway(nodes, turns);
			const before = handle.snapshot();
			const [patch] = fc.sample(patches(before, { ...terms, ...constraints }), { seed: number, numRuns: 1 });
			if (patch === undefined || patch.length === 0) return;
			const reply = await handle.mutate(patch);
			take(patch, reply.ok, reply.ok ? undefined : reply.code);
			if (!reply.ok) expect(handle.snapshot()).toBe(before);
		}),
		{ seed, numRuns: 1_500 },
	);
}

describe("patches", () => {
	test("of several mutations are mostly accepted, and of every type", async () => {
		const sum = { patches: 0, accepted: 0 };
		const accepted = new Set<string>();
		const refused = new Set<string>();
		const codes = new Set<string>();
		await outcomes({ minMutations: 2, maxMutations: 5 }, (patch, ok, code) => {
			for (const { type } of patch) (ok ? accepted : refused).add(type);
			if (code !== undefined) codes.add(code);
			if (patch.length < 2) return;
			sum.patches++;
			if (ok) sum.accepted++;
		});
		expect(sum.patches).toBeGreaterThan(1_200);
		expect(sum.accepted / sum.patches).toBeGreaterThan(0.65);
		expect([...accepted].sort()).toEqual([...TYPES].sort());
		for (const type of TYPES) expect(refused).toContain(type);
		expect([...codes].sort()).toEqual([
			"CYCLE",
			"DUPLICATE_NODE",
			"ILLEGAL_STATE",
			"INVALID_SPEC",
			"UNKNOWN_DEPENDENCY",
			"UNKNOWN_NODE",
		]);
	});

	test("can be kept legal, or be wrong altogether", async () => {
		const legal = { patches: 0, accepted: 0 };
		const wrong = { patches: 0, accepted: 0 };
		await outcomes({ illegal: 0 }, (_, ok) => {
			legal.patches++;
			if (ok) legal.accepted++;
		});
		await outcomes({ illegal: 1, minMutations: 2 }, (_, ok) => {
			wrong.patches++;
			if (ok) wrong.accepted++;
		});
		expect(legal.accepted / legal.patches).toBeGreaterThan(0.85);
		expect(wrong.accepted / wrong.patches).toBeLessThan(0.2);
	});

	test("are only of the types that are asked for, and as many", () => {
		const nodes = [
			{ id: "a", agent: "work" },
			{ id: "b", agent: "work", dependsOn: ["a"] },
		];
		const constraints = { types: { addNode: 1, addEdge: 1 }, minMutations: 3, maxMutations: 3, illegal: 0 };
		for (const patch of fc.sample(patches(nodes, constraints), { seed, numRuns: 200 })) {
			expect(patch.length).toBeLessThanOrEqual(3);
			for (const { type } of patch) expect(["addNode", "addEdge"]).toContain(type);
		}
	});

	test("of a graph without nodes begin with adding some", () => {
		for (const [first] of fc.sample(patches([], { illegal: 0 }), { seed, numRuns: 200 }))
			expect(first?.type ?? "addNode").toMatch(/^addNode/);
	});

	test.each<[Mutation["type"], number]>([
		["addNode", 1],
		["removeEdge", 1],
		["splitNode", 1],
		["injectBefore", 1],
		["pruneSubgraph", 1],
	])("shrink to one %s", (type, length) => {
		const nodes = ["a", "b", "c", "d"].map((id, i, ids) => ({ id, agent: "work", dependsOn: ids.slice(0, i) }));
		const details = fc.check(
			fc.property(patches(nodes), (patch) => !patch.some((each) => each.type === type)),
			{ seed, numRuns: 1_000 },
		);
		const [patch] = details.counterexample ?? [[]];
		expect(patch).toHaveLength(length);
		expect(JSON.stringify(patch).length).toBeLessThan(120);
	});
});
