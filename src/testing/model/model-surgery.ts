import type { Mutation } from "../../graph/types.js";
import { joinLeft, type ModelNode, nameOf, type PatchAuthor, refuse } from "./model-node.js";
import type { ModelRun } from "./model-run.js";

/** Changes of edges and of what hangs on them, each refused where it is not allowed. */

type Of<Type extends Mutation["type"]> = Extract<Mutation, { readonly type: Type }>;

/** @param name - under which the dependent sees it, where that is not its id */
export function link(model: ModelRun, from: string, to: string, name?: readonly string[]): void {
	const target = model.node(to);
	if (target.deps.includes(from)) return;
	if (from === to || model.reaches(to, from)) refuse("CYCLE");
	target.deps = [...target.deps, from];
	if (name !== undefined && name.join() !== from) target.names = { ...target.names, [from]: name };
}

export function unlink(model: ModelRun, from: string, to: string): void {
	const target = model.node(to);
	target.deps = target.deps.filter((id) => id !== from);
	const { [from]: _, ...names } = target.names;
	target.names = names;
}

/** A node that has neither started nor ended. */
export function unstarted(model: ModelRun, id: string): ModelNode {
	const node = model.node(id);
	if (!model.isUnstarted(id)) refuse("ILLEGAL_STATE");
	return node;
}

/** Gives a node dependencies of another, under the names they had there where it calls nothing else so. */
function adopt(model: ModelRun, { deps, names }: Pick<ModelNode, "deps" | "names">, to: string): void {
	const target = model.node(to);
	let taken = target.deps.map((dep) => nameOf(target, dep));
	const shared: string[] = [];
	for (const dep of deps) {
		if (target.deps.includes(dep)) continue;
		const name = names[dep];
		if (name !== undefined && !taken.includes(name[0] as string)) {
			shared.push(name[0] as string);
			link(model, dep, to, name);
			continue;
		}
		if ([...taken, ...shared].includes(dep)) refuse("INVALID_SPEC");
		taken = [...taken, dep];
		link(model, dep, to);
	}
}

export function removeEdge(model: ModelRun, { from, to }: Of<"removeEdge">): void {
	model.node(from);
	if (!unstarted(model, to).deps.includes(from)) refuse("UNKNOWN_DEPENDENCY");
	unlink(model, from, to);
}

export function addEdge(model: ModelRun, { from, to, alias }: Of<"addEdge">): void {
	model.node(from);
	const target = unstarted(model, to);
	if (target.deps.includes(from)) return;
	if (target.deps.some((dep) => nameOf(target, dep) === (alias ?? from))) refuse("INVALID_SPEC");
	link(model, from, to, alias === undefined ? undefined : [alias]);
}

export function inject(model: ModelRun, { id, node, inherit }: Of<"injectBefore">): void {
	const target = unstarted(model, id);
	const injected = node.id as string;
	if (inherit === true) {
		const added = model.node(injected);
		const { deps, join, names } = target;
		target.deps = [];
		target.names = {};
		adopt(model, { deps, names }, injected);
		added.join = joinLeft({ join, deps });
		target.join = "all";
		moveJoin(target, added);
	} else if (target.join === "any" || target.join === "failed" || typeof target.join === "object")
		refuse("INVALID_SPEC");
	adopt(model, { deps: [injected], names: {} }, id);
}

/** What a spec says of its join moves along: it is what another spec of the same id is compared with. */
function moveJoin(from: ModelNode, to: ModelNode): void {
	const { join, ...rest } = from.spec;
	const { join: _, ...own } = to.spec;
	const said = typeof join === "object" && to.join === "all" ? undefined : join;
	from.spec = rest;
	to.spec = said === undefined ? own : { ...own, join: to.join };
}

export function split(model: ModelRun, { id, into }: Of<"splitNode">, author: PatchAuthor | undefined): void {
	const running = author?.completing === true && author.id === id;
	const original = running ? model.node(id) : unstarted(model, id);
	if (into.length === 0) refuse("INVALID_SPEC");
	const parts = into.map((spec) => spec.id as string);
	for (const part of parts) {
		const { state, deps } = model.node(part);
		const fits = state !== "abandoned" && original.deps.every((dep) => deps.includes(dep));
		if (!fits && !model.isUnstarted(part)) refuse("ILLEGAL_STATE");
	}
	for (const part of parts) adopt(model, original, part);
	moveDependents(model, id, parts);
	if (running) return;
	original.deps = [];
	original.names = {};
	model.abandon(id, "split");
}

/** Whoever waited for a node waits for the ending members of a group from now on. */
export function moveDependents(model: ModelRun, id: string, group: readonly string[]): void {
	const endings = group.filter((member) => !model.dependents(member).some((each) => group.includes(each)));
	for (const to of model.dependents(id)) {
		if (group.includes(to) || !model.isUnstarted(to)) continue;
		const name = model.node(to).names[id] ?? [id];
		unlink(model, id, to);
		for (const ending of endings) link(model, ending, to, endings.length === 1 ? name : [...name, ending]);
	}
}

export function remove(model: ModelRun, id: string, mode: "bridge" | "detach" | "reject"): void {
	const node = unstarted(model, id);
	const dependents = model.dependents(id);
	if (mode === "reject" && dependents.length > 0) refuse("ILLEGAL_STATE");
	const { deps, names } = node;
	node.deps = [];
	node.names = {};
	for (const to of dependents) unlink(model, id, to);
	if (mode === "bridge") for (const to of dependents) if (model.isUnstarted(to)) adopt(model, { deps, names }, to);
	model.abandon(id, "removed");
}
