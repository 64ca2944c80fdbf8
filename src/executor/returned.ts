import type { Patch, StagedPatch } from "../graph/types.js";
import { isResult } from "./agent.js";
import type { Attempt } from "./attempt.js";

/** What a function returned, with what it had staged. */
export interface Returned {
	readonly output: unknown;
	/** As it stands: new nodes may have no ids. */
	readonly raw: StagedPatch | undefined;
	/** With an id for every new node. */
	readonly patch: StagedPatch | undefined;
}

const NOTHING: Patch = [];

/** Takes what an attempt returned apart. What is staged is used up. May throw what a getter of the value throws. */
export function returnedBy(attempt: Attempt, value: unknown): Returned {
	const staged = attempt.context.stagedGraph?.take() ?? NOTHING;
	if (isResult(value)) {
		const { patch } = value;
		const raw = staged.length === 0 ? patch : { ...patch, mutations: [...staged, ...patch.mutations] };
		return { output: value.output, raw, patch: withIds(attempt, raw) };
	}
	if (staged.length === 0) return { output: value, raw: undefined, patch: undefined };
	// What was staged got its ids then.
	const raw = { mutations: staged };
	return { output: value, raw, patch: raw };
}

function withIds(attempt: Attempt, patch: StagedPatch): StagedPatch {
	const mutations = patch.mutations.map((mutation) =>
		attempt.run.actor.nameNodes(mutation, (node) => attempt.context.graph.named(node)),
	);
	return { ...patch, mutations };
}
