import type { Mutation, NodeSpec } from "../../graph/types.js";
import type { Aim } from "./aim.js";
import { pick } from "./raw-node.js";
import type { RawMutation } from "./raw-patch.js";

/** Makes a mutation wrong in one of many ways. Not all of them are refused everywhere. */
type Wrong = (raw: RawMutation, aim: Aim) => unknown;

const NOBODY = "nobody";

const anyone = ({ ids }: Aim, number: number): string => pick([...ids, NOBODY], number) as string;

/** A spec that is refused, or that names a node which is there already. */
function wrongSpec({ nodes: [node], a, b, mode }: RawMutation, aim: Aim): unknown {
	const spec: NodeSpec = node === undefined ? { id: aim.freshId(), agent: "work" } : aim.spec(node);
	const ways: unknown[] = [
		{ ...spec, id: anyone(aim, a) },
		{ ...spec, dependsOn: [NOBODY] },
		{ ...spec, dependsOn: [spec.id] },
		{ ...spec, dependsOn: [], join: "failed" },
		{ ...spec, join: { atLeast: 9 } },
		{ ...spec, join: { atLeast: 0 } },
		{ ...spec, join: "sometimes" },
		{ ...spec, agent: undefined },
		{ ...spec, priority: Number.NaN },
		{ ...spec, colour: "red" },
		{ ...spec, retry: { maxAttempts: 0 } },
		{ ...spec, input: { of: { $output: NOBODY } } },
		{ ...spec, dependsOn: { one: anyone(aim, b), two: anyone(aim, b) } },
	];
	return pick(ways, mode);
}

/** Whatever is asked for, of any node, in whatever state it is. */
const BLIND: Readonly<Record<Mutation["type"], Wrong>> = {
	addNode: (raw, aim) => ({ type: "addNode", node: wrongSpec(raw, aim) }),
	addNodes: (raw, aim) => ({ type: "addNodes", nodes: [wrongSpec(raw, aim), wrongSpec(raw, aim)] }),
	addEdge: ({ a, b }, aim) => {
		const to = anyone(aim, a);
		// Half of them close a cycle, if there is anything upstream.
		const from = b % 2 === 0 ? anyone(aim, b) : to;
		const end = pick([...aim.above(to)], b) ?? to;
		return { type: "addEdge", from, to: b % 2 === 0 ? to : end };
	},
	removeEdge: ({ a, b }, aim) => ({ type: "removeEdge", from: anyone(aim, b), to: anyone(aim, a) }),
	removeNode: ({ a }, aim) => ({ type: "removeNode", id: anyone(aim, a), mode: "reject" }),
	updateNode: ({ a, mode }, aim) => {
		const ways = [{ join: "failed" }, { join: { atLeast: 9 } }, { id: "other" }, { colour: "red" }, { priority: 1 }];
		return { type: "updateNode", id: anyone(aim, a), changes: pick(ways, mode) };
	},
	splitNode: (raw, aim) => {
		const id = anyone(aim, raw.a);
		const parts = [[], [{ id: aim.freshId(), agent: "work", dependsOn: [id] }], [wrongSpec(raw, aim)]];
		return { type: "splitNode", id, into: pick(parts, raw.mode) };
	},
	injectBefore: (raw, aim) => ({
		type: "injectBefore",
		id: anyone(aim, raw.a),
		node: { id: aim.freshId(), agent: "work" },
	}),
	pruneSubgraph: ({ a, b }, aim) => ({ type: "pruneSubgraph", ids: [anyone(aim, a), anyone(aim, b)] }),
	markSpeculative: ({ a, b }, aim) => ({ type: "markSpeculative", ids: [anyone(aim, a), anyone(aim, b)] }),
	confirmSpeculative: ({ a }, aim) => ({ type: "confirmSpeculative", id: anyone(aim, a) }),
	discardSpeculative: ({ a }, aim) => ({ type: "discardSpeculative", id: anyone(aim, a) }),
};

/** What is no mutation at all. */
const MALFORMED: readonly Wrong[] = [
	() => ({ type: "explode" }),
	({ a }, aim) => ({ type: "addEdge", from: anyone(aim, a) }),
	({ a }, aim) => ({ type: "removeNode", id: anyone(aim, a), ids: [anyone(aim, a)] }),
	() => ({ type: "pruneSubgraph" }),
	({ a }, aim) => ({ type: "markSpeculative", id: anyone(aim, a), mode: "gently" }),
	({ a }, aim) => ({ type: "updateNode", id: anyone(aim, a), changes: [] }),
	() => ({ type: "addNode", node: "n1" }),
	({ a }, aim) => ({ type: "removeEdge", from: anyone(aim, a), to: "" }),
];

/** A mutation that is likely to be refused, like the one that was made or nothing like it. */
export function spoil(made: Mutation | undefined, raw: RawMutation, aim: Aim): Mutation {
	const wrong = raw.wrong % 5 === 4 ? pick(MALFORMED, raw.mode) : BLIND[made?.type ?? raw.type];
	return wrong?.(raw, aim) as Mutation;
}
