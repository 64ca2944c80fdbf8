import type { NodeId } from "./core/ids.js";
import { canonicalJson } from "./core/plain.js";
import type { NodeView, Snapshot } from "./graph/types.js";

/** What can differ between two nodes of one id. */
export type NodeField = Exclude<keyof NodeView, "id" | "depth" | "attempt">;

/** What differs between two runs. */
export interface PlanDiff {
	/** Only in the second, in its order. */
	readonly added: readonly NodeId[];
	/** Only in the first, in its order. */
	readonly removed: readonly NodeId[];
	/** In both, with the fields that are not the same; in the order of the second. */
	readonly changed: readonly { readonly id: NodeId; readonly fields: readonly NodeField[] }[];
	/** How many nodes are the same in all. */
	readonly same: number;
}

const FIELDS: readonly NodeField[] = [
	"agent",
	"input",
	"dependsOn",
	"join",
	"priority",
	"speculative",
	"metadata",
	"addedBy",
	"state",
	"output",
	"error",
	"wait",
	"skipped",
	"abandoned",
];

/**
 * Says how two runs differ: in their plans and in what came of them. For a fork and the run it was made from, or two
 * runs of one plan. How often nodes were tried does not count.
 *
 * @param a - a run or its snapshot
 * @param b - the run that it is compared with
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent, planDiff } from "dagswarm";
 *
 * const swarm = createSwarm({ agents: [defineAgent({ name: "double", run: async (n: number) => n * 2 })] });
 * const one = swarm.start({ nodes: [{ id: "a", agent: "double", input: 1 }] });
 * const two = swarm.start({ nodes: [{ id: "a", agent: "double", input: 2 }, { id: "b", agent: "double", input: 3 }] });
 * await Promise.all([one.result(), two.result()]);
 * planDiff(one, two); // { added: ["b"], removed: [], changed: [{ id: "a", fields: ["input", "output"] }], same: 0 }
 * ```
 */
export function planDiff(a: Snapshot | { snapshot(): Snapshot }, b: Snapshot | { snapshot(): Snapshot }): PlanDiff {
	const before = "snapshot" in a ? a.snapshot() : a;
	const after = "snapshot" in b ? b.snapshot() : b;
	const added: NodeId[] = [];
	const changed: { id: NodeId; fields: NodeField[] }[] = [];
	let same = 0;
	for (const node of after.nodes()) {
		const old = before.get(node.id);
		if (old === undefined) added.push(node.id);
		else {
			const fields = FIELDS.filter((field) => comparable(old, field) !== comparable(node, field));
			if (fields.length > 0) changed.push({ id: node.id, fields });
			else same++;
		}
	}
	const removed = [...before.nodes()].filter(({ id }) => after.get(id) === undefined).map(({ id }) => id);
	return { added, removed, changed, same };
}

/** A field as text: what a journal does not keep, such as members that are undefined, makes no difference. */
function comparable(node: NodeView, field: NodeField): string {
	// In which order edges came says nothing about the plan.
	if (field === "dependsOn") return canonicalJson([...node.dependsOn].sort());
	if (field === "error") return canonicalJson(failureOf(node));
	return canonicalJson(node[field]);
}

/** Where an error was thrown says nothing about it; nor does it count that an attempt failed before another one did not. */
function failureOf({ state, error }: NodeView): object | undefined {
	return state === "failed" && error !== undefined ? { code: error.code, message: error.message } : undefined;
}
