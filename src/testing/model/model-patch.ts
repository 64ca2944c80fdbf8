import type { Mutation, StagedPatch } from "../../graph/types.js";
import { Additions } from "./model-additions.js";
import { refersToDependencies } from "./model-input.js";
import { judgeMarks } from "./model-marks.js";
import { idsOf, type PatchAuthor, refuse, specsOf, targetsOf } from "./model-node.js";
import type { ModelRun } from "./model-run.js";
import { checkChanges, checkMutationShape, checkSpecShape } from "./model-shape.js";
import { addEdge, inject, moveDependents, remove, removeEdge, split, unstarted } from "./model-surgery.js";

/** What one patch is about to become, phase by phase. */
class PatchRun {
	readonly additions: Additions;

	constructor(
		readonly model: ModelRun,
		readonly patch: StagedPatch,
		readonly author: PatchAuthor | undefined,
	) {
		this.additions = new Additions(model, patch, author);
	}

	of<Type extends Mutation["type"]>(type: Type): Extract<Mutation, { readonly type: Type }>[] {
		return this.patch.mutations.filter((each) => each.type === type) as Extract<Mutation, { readonly type: Type }>[];
	}

	checkFirst(): void {
		const { model, author, patch } = this;
		for (const [id, state] of Object.entries(patch.expect ?? {})) {
			model.node(id);
			if (model.stateOf(id) !== state) refuse("EXPECTATION_FAILED");
		}
		const right = author === undefined || (model.node(author.id).spec.canMutate ?? true);
		if (right === true || patch.mutations.length === 0) return;
		if (right === false) refuse("NOT_PERMITTED");
		const fresh = new Set(patch.mutations.flatMap(specsOf).map(({ id }) => id));
		for (const id of patch.mutations.flatMap(targetsOf)) this.#checkOwn(id, fresh);
	}

	#checkOwn(id: string, fresh: ReadonlySet<string>): void {
		const node = this.model.nodes.get(id);
		if (node === undefined || id === this.author?.id || fresh.has(id)) return;
		if (node.addedBy !== this.author?.id) refuse("NOT_PERMITTED");
	}

	checkSize(): void {
		let size = 0;
		for (const mutation of this.patch.mutations) {
			if (mutation.type === "addNodes") size += mutation.nodes.length;
			else if (mutation.type === "splitNode") size += mutation.into.length + 1;
			else if ("ids" in mutation) size += idsOf(mutation).length;
			else size++;
		}
		if (size > this.model.limits.maxPatchSize) refuse("LIMIT_EXCEEDED");
	}

	reshape(): void {
		const { model, author } = this;
		for (const mutation of this.of("removeEdge")) removeEdge(model, mutation);
		for (const mutation of this.of("addEdge")) addEdge(model, mutation);
		for (const mutation of this.of("injectBefore")) inject(model, mutation);
		for (const mutation of this.of("splitNode")) split(model, mutation, author);
		for (const mutation of this.of("removeNode"))
			for (const id of idsOf(mutation)) remove(model, id, mutation.mode ?? "bridge");
		for (const mutation of this.of("updateNode")) this.#update(mutation);
	}

	#update({ id, changes }: Extract<Mutation, { type: "updateNode" }>): void {
		const node = unstarted(this.model, id);
		checkChanges(changes);
		const fields = Object.entries({ ...node.spec, ...changes }).filter(([, value]) => value !== undefined);
		const spec = Object.fromEntries(fields) as unknown as typeof node.spec;
		checkSpecShape(spec);
		node.spec = spec;
		if (!("join" in changes)) return;
		node.join = changes.join ?? "all";
		this.additions.said.add(id);
	}

	expand(): void {
		const { model, author, patch } = this;
		if (patch.expand !== true || author?.completing !== true) return;
		const early = [...model.nodes].filter(([, node]) => node.addedBy === author.id && node.addedIn === author.attempt);
		const plan = new Set([...early.map(([id]) => id), ...this.additions.fresh]);
		const live = [...plan].filter((id) => !["split", "removed"].includes(model.node(id).abandoned ?? ""));
		if (live.length > 0) moveDependents(model, author.id, live);
	}

	/** Joins and references have to fit the dependencies that there are at the end. */
	checkTerms(): void {
		const { model } = this;
		for (const id of this.additions.said) {
			const { join, deps } = model.node(id);
			if (!model.isUnstarted(id)) continue;
			if (join === "failed" && deps.length === 0) refuse("INVALID_SPEC");
			if (typeof join === "object" && join.atLeast > deps.length) refuse("INVALID_SPEC");
		}
		for (const [id, node] of model.nodes)
			if (model.isUnstarted(id) && !refersToDependencies(node)) refuse("INVALID_SPEC");
	}

	/** Pruning and speculation: the marks are made, the ends are for the caller. */
	mark(): (() => void)[] {
		const { model, author } = this;
		const { marks, ends, gone } = judgeMarks(model, this.patch);
		// What is downstream of a node of its own may be somebody else's.
		if (author !== undefined && model.node(author.id).spec.canMutate === "own")
			for (const id of gone) this.#checkOwn(id, new Set(this.additions.fresh));
		for (const mark of marks) mark();
		return ends;
	}
}

/**
 * Applies a patch, or throws and leaves the rest to the caller.
 *
 * @param complete - the completion that the patch rides on: it comes before pruning, which sees it
 * @param supersede - abandons what earlier attempts of the author had added
 */
export function applyPatch(
	model: ModelRun,
	patch: StagedPatch,
	author: PatchAuthor | undefined,
	complete: () => void = () => {},
	supersede: () => void = () => {},
): void {
	if (model.world.stopping) refuse("RUN_ENDED");
	const run = new PatchRun(model, patch, author);
	for (const mutation of patch.mutations) checkMutationShape(mutation);
	run.checkFirst();
	run.checkSize();
	run.additions.addAll();
	run.reshape();
	run.expand();
	run.checkTerms();
	complete();
	const ends = run.mark();
	supersede();
	for (const end of ends) end();
}

/** The graph that a run starts with: no patch of anybody, and no limits. */
export function addStart(model: ModelRun, nodes: StagedPatch["mutations"]): void {
	const run = new PatchRun(model, { mutations: nodes }, undefined);
	run.additions.addAll();
	run.checkTerms();
}
