import type { Model } from "./model.js";
import {
	ENDED,
	hasReference,
	joinLeft,
	type ModelMutation,
	type ModelNode,
	type ModelPatch,
	type ModelSpec,
	type PatchAuthor,
	refuse,
	sorted,
	specsOf,
	targetsOf,
} from "./model-types.js";

type Of<Type extends ModelMutation["type"]> = Extract<ModelMutation, { readonly type: Type }>;

/** What one patch is about to become, in the phases of SEMANTICS 4. */
class PatchRun {
	/** New nodes of this patch, in the order in which they were added. */
	readonly fresh: string[] = [];
	/** Nodes whose join was said anew. */
	readonly said = new Set<string>();

	constructor(
		readonly model: Model,
		readonly patch: ModelPatch,
		readonly author: PatchAuthor | undefined,
	) {}

	of<Type extends ModelMutation["type"]>(...types: Type[]): Of<Type>[] {
		return this.patch.mutations.filter((mutation): mutation is Of<Type> => types.includes(mutation.type as Type));
	}

	checkFirst(): void {
		for (const [id, state] of Object.entries(this.patch.expect ?? {})) {
			this.model.node(id);
			if (this.model.stateOf(id) !== state) refuse("EXPECTATION_FAILED");
		}
		const right = this.author === undefined || (this.model.node(this.author.id).spec.canMutate ?? true);
		if (right === true || this.patch.mutations.length === 0) return;
		if (right === false) refuse("NOT_PERMITTED");
		const fresh = new Set(this.patch.mutations.flatMap(specsOf).map(({ id }) => id));
		for (const id of this.patch.mutations.flatMap(targetsOf)) this.checkOwn(id, fresh);
	}

	checkOwn(id: string, fresh: ReadonlySet<string> = new Set(this.fresh)): void {
		const node = this.model.nodes.get(id);
		if (node === undefined || id === this.author?.id || fresh.has(id)) return;
		if (node.addedBy !== this.author?.id) refuse("NOT_PERMITTED");
	}

	checkSize(): void {
		let size = 0;
		for (const mutation of this.patch.mutations) {
			if (mutation.type === "addNodes") size += mutation.nodes.length;
			else if (mutation.type === "splitNode") size += mutation.into.length + 1;
			else if ("ids" in mutation) size += mutation.ids.length;
			else size++;
		}
		if (size > this.model.limits.maxPatchSize) refuse("LIMIT_EXCEEDED");
	}

	/** Every new node, wherever in the patch it comes from; they may name each other in any order. */
	addAll(): void {
		const { model, author } = this;
		const specs: ModelSpec[] = [];
		const replaced: ModelSpec[] = [];
		for (const mutation of this.patch.mutations) {
			for (const given of specsOf(mutation)) {
				if (typeof given.join === "object" && given.join.atLeast < 1) refuse("INVALID_SPEC");
				const spec = mutation.type === "splitNode" ? this.#part(given, mutation.id) : given;
				const known = model.nodes.get(spec.id);
				const again =
					author !== undefined && known?.addedBy === author.id && (known.addedIn ?? author.attempt) < author.attempt;
				if (!again) specs.push(spec);
				else if (JSON.stringify(sorted(known.spec)) === JSON.stringify(sorted(spec))) known.addedIn = author.attempt;
				else if (model.isUnstarted(spec.id)) replaced.push(spec);
				else refuse("DUPLICATE_NODE");
			}
		}
		this.#checkGrowth(specs.length);
		this.#insert(specs);
		for (const spec of replaced) this.#replace(spec);
	}

	#part(spec: ModelSpec, originalId: string): ModelSpec {
		const original = this.#original(originalId);
		if (original === undefined) return spec;
		if (spec.dependsOn?.includes(originalId)) refuse("INVALID_SPEC");
		const join = spec.join ?? (spec.dependsOn === undefined ? original.join : undefined);
		const speculative = spec.speculative ?? original.speculative;
		return { ...spec, ...(join !== undefined && { join }), ...(speculative !== undefined && { speculative }) };
	}

	/** The node to be split may come with the same patch. */
	#original(id: string): Pick<ModelSpec, "join" | "speculative"> | undefined {
		const node = this.model.nodes.get(id);
		if (node === undefined) return this.patch.mutations.flatMap(specsOf).find((spec) => spec.id === id);
		const held = node.state === "speculative" && !node.started;
		return {
			...(node.join !== "all" && { join: joinLeft(node) }),
			...((held || node.eager) && { speculative: held ? ("hold" as const) : ("eager" as const) }),
		};
	}

	#checkGrowth(count: number): void {
		const { model, author } = this;
		if (author === undefined || count === 0) return;
		if (model.world.added + count > model.limits.maxNodes) refuse("LIMIT_EXCEEDED");
		if (model.node(author.id).depth + 1 > model.limits.maxDepth) refuse("LIMIT_EXCEEDED");
	}

	#insert(specs: readonly ModelSpec[]): void {
		const { model, author } = this;
		const waiting = [...specs];
		if (new Set(specs.map(({ id }) => id)).size < specs.length) refuse("DUPLICATE_NODE");
		if (specs.some(({ id }) => model.nodes.has(id))) refuse("DUPLICATE_NODE");
		const coming = new Set(specs.map(({ id }) => id));
		while (waiting.length > 0) {
			const at = waiting.findIndex((spec) => (spec.dependsOn ?? []).every((id) => model.nodes.has(id)));
			if (at < 0) {
				const unknown = waiting.some((spec) => spec.dependsOn?.some((id) => !model.nodes.has(id) && !coming.has(id)));
				refuse(unknown ? "UNKNOWN_DEPENDENCY" : "CYCLE");
			}
			const [spec] = waiting.splice(at, 1) as [ModelSpec];
			model.nodes.set(spec.id, {
				spec,
				join: spec.join ?? "all",
				state: spec.speculative === "hold" ? "speculative" : "pending",
				started: false,
				eager: spec.speculative === "eager",
				attempt: 0,
				token: 0,
				deps: [...new Set(spec.dependsOn ?? [])],
				names: {},
				depth: author === undefined ? 0 : model.node(author.id).depth + 1,
				...(author !== undefined && { addedBy: author.id }),
				...(author?.early && { addedIn: author.attempt }),
			});
			if (author !== undefined) model.world.added++;
			this.fresh.push(spec.id);
			this.said.add(spec.id);
		}
	}

	#replace(spec: ModelSpec): void {
		const node = this.model.node(spec.id);
		node.deps = [];
		node.names = {};
		const { speculative: _, ...terms } = spec;
		node.spec = terms;
		node.join = spec.join ?? "all";
		node.addedIn = this.author?.attempt ?? 0;
		this.said.add(spec.id);
		for (const id of spec.dependsOn ?? []) {
			if (!this.model.nodes.has(id)) refuse("UNKNOWN_DEPENDENCY");
			this.#link(id, spec.id);
		}
	}

	/** @param name - under which the dependent sees it, where that is not its id */
	#link(from: string, to: string, name?: readonly string[]): void {
		const target = this.model.node(to);
		if (target.deps.includes(from)) return;
		if (from === to || this.model.reaches(to, from)) refuse("CYCLE");
		target.deps.push(from);
		if (name !== undefined) target.names[from] = name;
	}

	#unlink(from: string, to: string): void {
		const target = this.model.node(to);
		target.deps = target.deps.filter((id) => id !== from);
		delete target.names[from];
	}

	#unstarted(id: string): ModelNode {
		const node = this.model.node(id);
		if (!this.model.isUnstarted(id)) refuse("ILLEGAL_STATE");
		return node;
	}

	reshape(): void {
		const { model } = this;
		for (const { from, to } of this.of("removeEdge")) {
			model.node(from);
			if (!this.#unstarted(to).deps.includes(from)) refuse("UNKNOWN_DEPENDENCY");
			this.#unlink(from, to);
		}
		for (const { from, to } of this.of("addEdge")) {
			model.node(from);
			const { deps, names } = this.#unstarted(to);
			const taken = deps.some((dep) => (names[dep]?.[0] ?? dep) === from);
			if (taken && !deps.includes(from)) refuse("INVALID_SPEC");
			this.#link(from, to);
		}
		for (const mutation of this.of("injectBefore")) this.#inject(mutation);
		for (const mutation of this.of("splitNode")) this.#split(mutation);
		for (const { ids, mode } of this.of("removeNode")) for (const id of ids) this.#remove(id, mode ?? "bridge");
		for (const { id, changes } of this.of("updateNode")) {
			const node = this.#unstarted(id);
			node.spec = { ...node.spec, ...changes };
			if (changes.join === undefined) continue;
			node.join = changes.join;
			this.said.add(id);
		}
	}

	#inject({ id, node, inherit }: Of<"injectBefore">): void {
		const target = this.#unstarted(id);
		if (inherit === true) {
			const added = this.model.node(node.id);
			const { deps, join, names } = target;
			target.deps = [];
			target.names = {};
			for (const dep of deps) this.#link(dep, node.id, names[dep]);
			added.join = joinLeft({ join, deps });
			target.join = "all";
		} else if (target.join === "any" || target.join === "failed" || typeof target.join === "object")
			refuse("INVALID_SPEC");
		this.#link(node.id, id);
	}

	#split({ id, into }: Of<"splitNode">): void {
		const running = this.author?.completing === true && this.author.id === id;
		const original = running ? this.model.node(id) : this.#unstarted(id);
		if (into.length === 0) refuse("INVALID_SPEC");
		const parts = into.map((spec) => spec.id);
		for (const part of parts) {
			const { state, deps } = this.model.node(part);
			const fits = state !== "abandoned" && original.deps.every((dep) => deps.includes(dep));
			if (!fits && !this.model.isUnstarted(part)) refuse("ILLEGAL_STATE");
		}
		for (const part of parts) for (const dep of original.deps) this.#link(dep, part, original.names[dep]);
		this.#moveDependents(id, parts);
		if (running) return;
		original.deps = [];
		this.model.abandon(id, "split");
	}

	/** Whoever waited for a node waits for the ending members of a group from now on. */
	#moveDependents(id: string, group: readonly string[]): void {
		const { model } = this;
		const endings = group.filter((member) => !model.dependents(member).some((each) => group.includes(each)));
		for (const to of model.dependents(id)) {
			if (group.includes(to) || !model.isUnstarted(to)) continue;
			const name = model.node(to).names[id] ?? [id];
			this.#unlink(id, to);
			for (const ending of endings) this.#link(ending, to, endings.length === 1 ? name : [...name, ending]);
		}
	}

	#remove(id: string, mode: "bridge" | "detach" | "reject"): void {
		const { model } = this;
		const node = this.#unstarted(id);
		const dependents = model.dependents(id);
		if (mode === "reject" && dependents.length > 0) refuse("ILLEGAL_STATE");
		const { deps, names } = node;
		node.deps = [];
		for (const to of dependents) this.#unlink(id, to);
		if (mode === "bridge")
			for (const to of dependents) if (model.isUnstarted(to)) for (const dep of deps) this.#link(dep, to, names[dep]);
		model.abandon(id, "removed");
	}

	expand(): void {
		const { model, author, patch } = this;
		if (patch.expand !== true || author?.completing !== true) return;
		const early = [...model.nodes].filter(([, node]) => node.addedBy === author.id && node.addedIn === author.attempt);
		const plan = [...early.map(([id]) => id), ...this.fresh];
		const live = plan.filter(
			(id, i) => plan.indexOf(id) === i && !["split", "removed"].includes(model.node(id).abandoned ?? ""),
		);
		if (live.length > 0) this.#moveDependents(author.id, live);
	}

	/** Joins and references have to fit the dependencies that there are at the end. */
	checkTerms(): void {
		for (const id of this.said) {
			const { join, deps } = this.model.node(id);
			if (!this.model.isUnstarted(id)) continue;
			if (join === "failed" && deps.length === 0) refuse("INVALID_SPEC");
			if (typeof join === "object" && join.atLeast > deps.length) refuse("INVALID_SPEC");
		}
		for (const [id, node] of this.model.nodes)
			if (this.model.isUnstarted(id) && !hasReference(node)) refuse("INVALID_SPEC");
	}

	/** Checks pruning and speculation; gives back what is then to be done, marks first. */
	judgeMarks(): { readonly marks: (() => void)[]; readonly ends: (() => void)[] } {
		const { model } = this;
		const named = new Set<string>();
		const roots = new Set<string>();
		const gone = new Set<string>();
		const todo: (() => void)[] = [];
		const late: (() => void)[] = [];
		const releases: (() => void)[] = [];
		for (const mutation of this.of("pruneSubgraph", "markSpeculative", "confirmSpeculative", "discardSpeculative")) {
			for (const id of mutation.ids) {
				const node = model.node(id);
				if (named.has(id)) refuse("INVALID_SPEC");
				named.add(id);
				if (mutation.type === "pruneSubgraph") {
					roots.add(id);
					continue;
				}
				const ended = ENDED.has(node.state);
				if (mutation.type === "markSpeculative") {
					if (!model.isUnstarted(id)) refuse("ILLEGAL_STATE");
					todo.push(() => this.#mark(model.node(id), mutation.mode ?? "hold"));
				} else if (ended || !(node.eager || node.state === "speculative")) refuse("ILLEGAL_STATE");
				else if (mutation.type === "discardSpeculative") late.push(() => model.abandon(id, "discarded"));
				else {
					todo.push(() => this.#confirm(model.node(id)));
					if (node.withheld !== undefined) releases.push(() => release(model, id));
				}
			}
			if (mutation.type === "pruneSubgraph") this.#prune(mutation.ids, mutation.scope ?? "descendants", gone);
		}
		if ([...named].some((id) => gone.has(id) && !roots.has(id))) refuse("INVALID_SPEC");
		if (this.author !== undefined && model.node(this.author.id).spec.canMutate === "own")
			for (const id of gone) this.checkOwn(id);
		const prune = (): void => {
			for (const id of gone) model.abandon(id, "pruned");
		};
		return { marks: todo, ends: [prune, ...late, ...releases] };
	}

	#mark(node: ModelNode, mode: "hold" | "eager"): void {
		node.eager = mode === "eager";
		node.state = mode === "hold" ? "speculative" : "pending";
	}

	#confirm(node: ModelNode): void {
		node.eager = false;
		if (node.state === "speculative" && node.withheld === undefined) node.state = "pending";
	}

	/** Adds to `gone` what pruning these roots takes along; roots that have ended stay as they are. */
	#prune(roots: readonly string[], scope: "descendants" | "exclusive", gone: Set<string>): void {
		const { model } = this;
		const below = new Set(roots);
		for (const id of below) for (const next of model.dependents(id)) below.add(next);
		const inside = new Set([...roots, ...gone]);
		for (let before = -1; before !== inside.size; ) {
			before = inside.size;
			for (const id of below) {
				if (inside.has(id) || ENDED.has(model.node(id).state)) continue;
				const { deps } = model.node(id);
				const falls = !deps.some((dep) => !inside.has(dep)) || model.joinOf(model.node(id), inside) === "dead";
				if (scope === "descendants" || (deps.some((dep) => inside.has(dep)) && falls)) inside.add(id);
			}
		}
		for (const id of inside) if (!ENDED.has(model.node(id).state)) gone.add(id);
	}
}

/** A withheld outcome counts from now on; its patch is only now validated. */
function release(model: Model, id: string): void {
	const node = model.node(id);
	const { withheld } = node;
	if (withheld === undefined || ENDED.has(node.state)) return;
	if (withheld.ok) model.succeed(id, withheld.output, withheld.patch);
	else {
		node.withheld = undefined;
		model.failFinally(id);
	}
}

/**
 * Applies a patch, or throws and leaves the rest to the caller.
 *
 * @param complete - the completion that the patch rides on: it comes before pruning, which sees it
 * @param supersede - abandons what earlier attempts of the author had added
 */
export function applyPatch(
	model: Model,
	patch: ModelPatch,
	author: PatchAuthor | undefined,
	complete: () => void = () => {},
	supersede: () => void = () => {},
): void {
	if (model.world.stopping) refuse("RUN_ENDED");
	const run = new PatchRun(model, patch, author);
	run.checkFirst();
	run.checkSize();
	run.addAll();
	run.reshape();
	run.expand();
	run.checkTerms();
	complete();
	const { marks, ends } = run.judgeMarks();
	for (const mark of marks) mark();
	supersede();
	for (const end of ends) end();
}
