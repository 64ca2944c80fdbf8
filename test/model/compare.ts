import type { NodeView, Snapshot } from "dagswarm";
import type { Pair, Step } from "./drive.js";
import type { Model } from "./model.js";
import { type ModelNode, specsOf } from "./model-types.js";

/** One node as both sides show it. */
function shown(view: NodeView): unknown {
	return {
		state: view.state,
		attempt: view.attempt,
		dependsOn: [...view.dependsOn].sort(),
		join: view.join,
		speculative: view.speculative,
		cause: view.skipped?.cause,
		abandoned: view.abandoned,
		addedBy: view.addedBy,
		depth: view.depth,
		output: view.output,
	};
}

function modelled(model: Model, id: string, node: ModelNode): unknown {
	const held = node.state === "speculative" && !node.started;
	return {
		state: model.stateOf(id),
		attempt: node.attempt,
		dependsOn: [...node.deps].sort(),
		join: node.join,
		speculative: held ? "hold" : node.eager ? "eager" : undefined,
		cause: node.cause,
		abandoned: node.abandoned,
		addedBy: node.addedBy,
		depth: node.depth,
		output: node.state === "completed" ? node.output : undefined,
	};
}

/** @returns the first difference between the actor and the model in words, or undefined */
export function difference({ model, side }: Pair): string | undefined {
	const snapshot = side.handle.snapshot();
	const ids = [...snapshot.nodes()].map(({ id }) => id);
	const known = [...model.nodes.keys()];
	if (ids.slice().sort().join() !== known.slice().sort().join()) return `nodes: ${ids.join()} and not ${known.join()}`;
	for (const [id, node] of model.nodes) {
		const is = JSON.stringify(shown(snapshot.get(id) as NodeView));
		const should = JSON.stringify(modelled(model, id, node));
		if (is !== should) return `${id}:\n    is ${is}\nshould ${should}`;
	}
	if (snapshot.status !== model.world.status) return `the run is ${snapshot.status} and not ${model.world.status}`;
	const ready = side.handle.ready().sort().join();
	if (ready !== model.ready().sort().join()) return `ready: ${ready} and not ${model.ready().sort().join()}`;
	return countsProblem(snapshot);
}

function countsProblem(snapshot: Snapshot): string | undefined {
	const counts: Record<string, number> = {};
	for (const { state } of snapshot.nodes()) counts[state] = (counts[state] ?? 0) + 1;
	for (const [state, count] of Object.entries(snapshot.counts))
		if (count !== (counts[state] ?? 0)) return `${count} nodes are counted as ${state}`;
	return undefined;
}

/** What must be as before when a command is refused. */
export function fingerprint({ side }: Pair): string {
	return `${side.events.length} ${JSON.stringify(side.handle.snapshot().toJSON())} ${side.handle.ready().join()}`;
}

/**
 * A patch that is wrong in several ways may be refused for any of them: only then the code is left open.
 *
 * @returns how the answers differ, or undefined
 */
export function answerProblem({ command, real, model }: Step): string | undefined {
	const mutations = "patch" in command ? (command.patch?.mutations ?? []) : [];
	const codes = real.ok ? [] : [real.code, model];
	const open = mutations.length > 1 || mutations.flatMap(specsOf).length > 1 || codes.includes("LIMIT_EXCEEDED");
	if (real.ok ? model === undefined : model !== undefined && (open || real.code === model)) return undefined;
	return `the actor says ${real.ok ? "yes" : `${real.code} (${real.message})`}, the model ${model ?? "yes"}`;
}
