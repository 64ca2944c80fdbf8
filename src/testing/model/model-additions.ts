import type { StagedPatch, StoredSpec } from "../../graph/types.js";
import { canonical, joinLeft, namedDependencies, type PatchAuthor, refuse, specsOf } from "./model-node.js";
import type { ModelRun } from "./model-run.js";
import { checkSpecShape } from "./model-shape.js";
import { link } from "./model-surgery.js";

/** The first phase of a patch: every new node, wherever in the patch it comes from. */
export class Additions {
	/** New nodes of this patch, in the order in which they were added. */
	readonly fresh: string[] = [];
	/** Nodes whose join was said anew. */
	readonly said = new Set<string>();

	constructor(
		private readonly model: ModelRun,
		private readonly patch: StagedPatch,
		private readonly author: PatchAuthor | undefined,
	) {}

	/** The nodes may name each other in any order. */
	addAll(): void {
		const { model, author } = this;
		const specs: StoredSpec[] = [];
		const replaced: StoredSpec[] = [];
		for (const mutation of this.patch.mutations) {
			for (const given of specsOf(mutation)) {
				checkSpecShape(given);
				const spec = mutation.type === "splitNode" ? this.#part(given, mutation.id) : given;
				const known = model.nodes.get(spec.id);
				const again =
					author !== undefined && known?.addedBy === author.id && (known.addedIn ?? author.attempt) < author.attempt;
				if (!again) specs.push(spec);
				else if (canonical(known.spec) === canonical(spec)) known.addedIn = author.attempt;
				else if (model.isUnstarted(spec.id)) replaced.push(spec);
				else refuse("DUPLICATE_NODE");
			}
		}
		this.#checkGrowth(specs.length);
		this.#insert(specs);
		for (const spec of replaced) this.#replace(spec);
	}

	#part(spec: StoredSpec, originalId: string): StoredSpec {
		const original = this.#original(originalId);
		if (original === undefined) return spec;
		if (namedDependencies(spec).some(([, id]) => id === originalId)) refuse("INVALID_SPEC");
		const join = spec.join ?? (spec.dependsOn === undefined ? original.join : undefined);
		const speculative = spec.speculative ?? original.speculative;
		return { ...spec, ...(join !== undefined && { join }), ...(speculative !== undefined && { speculative }) };
	}

	/** The node to be split may come with the same patch. */
	#original(id: string): Pick<StoredSpec, "join" | "speculative"> | undefined {
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

	#insert(specs: readonly StoredSpec[]): void {
		const { model } = this;
		const waiting = [...specs];
		if (new Set(specs.map(({ id }) => id)).size < specs.length) refuse("DUPLICATE_NODE");
		if (specs.some(({ id }) => model.nodes.has(id))) refuse("DUPLICATE_NODE");
		const coming = new Set(specs.map(({ id }) => id));
		const needs = (spec: StoredSpec): string[] => namedDependencies(spec).map(([, id]) => id);
		while (waiting.length > 0) {
			const at = waiting.findIndex((spec) => needs(spec).every((id) => model.nodes.has(id)));
			if (at < 0) {
				const unknown = waiting.some((spec) => needs(spec).some((id) => !model.nodes.has(id) && !coming.has(id)));
				refuse(unknown ? "UNKNOWN_DEPENDENCY" : "CYCLE");
			}
			const [spec] = waiting.splice(at, 1) as [StoredSpec];
			this.#addOne(spec);
		}
	}

	#addOne(spec: StoredSpec): void {
		const { model, author } = this;
		model.nodes.set(spec.id, {
			spec,
			join: spec.join ?? "all",
			state: spec.speculative === "hold" ? "speculative" : "pending",
			started: false,
			eager: spec.speculative === "eager",
			attempt: 0,
			token: 0,
			deps: [],
			names: {},
			depth: author === undefined ? 0 : model.node(author.id).depth + 1,
			...(author !== undefined && { addedBy: author.id }),
			...(author?.early && { addedIn: author.attempt }),
			leasedAt: 0,
			held: 0,
			excused: 0,
			parkedAt: 0,
		});
		if (author !== undefined) model.world.added++;
		for (const [name, id] of namedDependencies(spec)) link(model, id, spec.id, [name]);
		this.fresh.push(spec.id);
		this.said.add(spec.id);
	}

	#replace(spec: StoredSpec): void {
		const { model } = this;
		const node = model.node(spec.id);
		node.deps = [];
		node.names = {};
		if (spec.speculative !== node.spec.speculative) {
			node.eager = spec.speculative === "eager";
			node.state = spec.speculative === "hold" ? "speculative" : "pending";
		}
		node.spec = spec;
		node.join = spec.join ?? "all";
		node.addedIn = this.author?.attempt as number;
		this.said.add(spec.id);
		for (const [name, id] of namedDependencies(spec)) {
			if (!model.nodes.has(id)) refuse("UNKNOWN_DEPENDENCY");
			link(model, id, spec.id, [name]);
		}
	}
}
