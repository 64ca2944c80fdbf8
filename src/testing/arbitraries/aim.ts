import type { Mutation, NodeSpec } from "../../graph/types.js";
import { type GraphReading, isEnded, isOpen, type ReadNode } from "./graph-reading.js";
import { pick, pickBack, type RawNode, type SpecConstraints, specFrom } from "./raw-node.js";
import type { RawMutation } from "./raw-patch.js";
import { spoil } from "./spoil.js";

/** Whose patch it is, where it is not the caller's of the run. */
export interface AimAuthor {
	readonly id: string;
	/** It may only touch what it added itself. */
	readonly own: boolean;
	/** Its patch rides on its completion. */
	readonly completing: boolean;
	/** What its earlier attempts added by early commits. */
	readonly earlier: readonly NodeSpec[];
}

/** How patches are aimed. */
export interface AimOptions {
	readonly specs: SpecConstraints;
	/** The share of mutations that are wrong on purpose, 0 to 1. */
	readonly wrong: number;
	readonly author?: AimAuthor | undefined;
}

/**
 * Turns the raw mutations of one patch into mutations that fit a graph: most of them legal, also
 * beside each other, since a patch that is mostly refused tests little.
 */
export class Aim {
	/** Ids that come with this patch. */
	readonly fresh: string[] = [];
	/** Nodes that an earlier mutation of this patch has taken for itself. */
	readonly #used = new Set<string>();
	/** Dependencies as they will be, roughly: those of the graph and what the patch adds. */
	readonly #deps = new Map<string, string[]>();

	constructor(
		readonly graph: GraphReading,
		readonly options: AimOptions,
	) {
		for (const { id, deps } of graph.values()) this.#deps.set(id, [...deps]);
	}

	/** @returns the mutation, undefined when the graph has nothing it could be about */
	mutation(raw: RawMutation): Mutation | undefined {
		const made = this.#make(raw);
		const isWrong = raw.wrong >= 1_000 - 1_000 * this.options.wrong;
		return isWrong ? spoil(made, raw, this) : made;
	}

	get ids(): string[] {
		return [...this.graph.keys()];
	}

	/** Whether the author of the patch may change a node. */
	#isMine({ id, addedBy }: ReadNode): boolean {
		const { author } = this.options;
		return author?.own !== true || addedBy === author.id || id === author.id;
	}

	#nodes(fits: (node: ReadNode) => boolean): string[] {
		return [...this.graph.values()]
			.filter((node) => !this.#used.has(node.id) && this.#isMine(node) && fits(node))
			.map(({ id }) => id);
	}

	/** An unstarted node, now and then one that comes with this patch, or one whose join asks for more than is left. */
	#target({ a, mode }: RawMutation): string | undefined {
		const open = this.#nodes(isOpen);
		if (mode % 9 < 7) return pick(open, a);
		const odd =
			mode % 9 === 8
				? this.fresh.filter((id) => !this.#used.has(id))
				: this.#nodes((node) => isOpen(node) && needOf(node) > node.deps.length);
		return pick(odd, a) ?? pick(open, a);
	}

	#take(id: string): string {
		this.#used.add(id);
		return id;
	}

	freshId(): string {
		let number = this.graph.size + this.fresh.length + 1;
		while (this.#deps.has(`n${number}`) || this.fresh.includes(`n${number}`)) number++;
		const id = `n${number}`;
		this.fresh.push(id);
		return id;
	}

	/** Everything that a node waits for, itself included. */
	above(id: string): Set<string> {
		const found = new Set([id]);
		for (const each of found) for (const dep of this.#deps.get(each) ?? []) found.add(dep);
		return found;
	}

	/** What may come before a node without closing a cycle. */
	#before(id: string): string[] {
		return [...this.#deps.keys()].filter((each) => !this.above(each).has(id));
	}

	link(from: string, to: string): void {
		this.#deps.get(to)?.push(from);
	}

	spec(raw: RawNode, known: readonly string[] = [...this.#deps.keys()]): NodeSpec & { readonly id: string } {
		const dependsOn = pickBack(known, raw.deps);
		const spec = specFrom(raw, this.freshId(), dependsOn, this.options.specs);
		this.#deps.set(spec.id, dependsOn);
		return spec;
	}

	/** What an earlier attempt of the author committed early: the same again, or something else under its id. */
	#again({ a, b, mode }: RawMutation): NodeSpec | undefined {
		const known = pick(this.options.author?.earlier ?? [], a);
		if (known === undefined || mode % 4 === 3) return undefined;
		if (mode % 4 === 2) return { ...known, priority: b };
		return mode % 8 === 1 ? { ...known, speculative: b % 2 === 0 ? "hold" : "eager" } : known;
	}

	#make(raw: RawMutation): Mutation | undefined {
		switch (raw.type) {
			case "addNode":
				return { type: "addNode", node: this.#again(raw) ?? this.spec(first(raw)) };
			case "addNodes":
				return { type: "addNodes", nodes: raw.nodes.map((node) => this.spec(node)) };
			case "addEdge":
				return this.#addEdge(raw);
			case "removeEdge":
				return this.#removeEdge(raw);
			case "updateNode":
				return this.#update(raw);
			case "splitNode":
				return this.#split(raw);
			case "injectBefore":
				return this.#inject(raw);
			case "removeNode": {
				const id = this.#target(raw);
				const mode = pick(["bridge", "detach", undefined] as const, raw.mode);
				return id === undefined
					? undefined
					: { type: raw.type, id: this.#take(id), ...(mode !== undefined && { mode }) };
			}
			case "pruneSubgraph":
				return this.#prune(raw);
			case "markSpeculative": {
				const id = this.#target(raw);
				const mode = pick(["hold", "eager", undefined] as const, raw.mode);
				return id === undefined
					? undefined
					: { type: raw.type, id: this.#take(id), ...(mode !== undefined && { mode }) };
			}
			case "confirmSpeculative":
			case "discardSpeculative": {
				const marked = this.#nodes((node) => node.isSpeculative && !isEnded(node));
				const ids = [...new Set([pick(marked, raw.a), pick(marked, raw.b)].slice(0, 1 + (raw.mode % 2)))];
				const named = ids.filter((id) => id !== undefined).map((id) => this.#take(id));
				return named.length === 0 ? undefined : { type: raw.type, ids: named };
			}
		}
	}

	#addEdge({ type, a, b, mode }: RawMutation): Mutation | undefined {
		const to = pick([...this.#nodes(isOpen), ...this.fresh], a);
		if (to === undefined) return undefined;
		const from = pick(this.#before(to), b);
		if (from === undefined) return undefined;
		this.link(from, to);
		const alias = this.options.specs.aliases === true && mode % 5 === 4 ? { alias: `via-${from}` } : {};
		return { type: type as "addEdge", from, to, ...alias };
	}

	#removeEdge({ a, b, mode }: RawMutation): Mutation | undefined {
		const some = this.#nodes((node) => isOpen(node) && node.deps.length > 0);
		const counting = this.#nodes((node) => isOpen(node) && needOf(node) > 0 && node.deps.length > 0);
		const to = (mode % 3 === 2 ? pick(counting, a) : undefined) ?? pick(some, a);
		const from = to === undefined ? undefined : pick(this.graph.get(to)?.deps ?? [], b);
		return to === undefined || from === undefined ? undefined : { type: "removeEdge", from, to };
	}

	#update(raw: RawMutation): Mutation | undefined {
		const id = this.#target(raw);
		if (id === undefined) return undefined;
		this.#take(id);
		const degree = this.#deps.get(id)?.length ?? 0;
		const { join, onFailure, retry, priority, metadata } = specFrom(first(raw), id, [], this.options.specs);
		const own = { ...(onFailure && { onFailure }), ...(retry && { retry }), ...(metadata && { metadata }) };
		const joins = ["any", "settled", "always", "all", undefined] as const;
		const counted = raw.mode % 3 === 0 && degree > 0 ? { atLeast: 1 + (raw.b % degree) } : pick(joins, raw.b);
		const changes = raw.mode % 2 === 0 ? { ...own, priority: priority ?? raw.b } : { ...own, join: join ?? counted };
		return { type: "updateNode", id, changes };
	}

	#split(raw: RawMutation): Mutation | undefined {
		const { author } = this.options;
		const itself =
			author?.completing === true && raw.mode % 3 > 0 && !this.#used.has(author.id) ? author.id : undefined;
		const id = itself ?? this.#target(raw);
		if (id === undefined) return undefined;
		this.#take(id);
		const before = this.#before(id);
		const below = [...this.#deps].filter(([, deps]) => deps.includes(id)).map(([each]) => each);
		const parts: (NodeSpec & { readonly id: string })[] = [];
		for (const node of raw.nodes) {
			const earlier = parts.map((part) => part.id);
			parts.push(this.spec(node, earlier.length > 0 && raw.mode % 2 === 0 ? earlier : before));
		}
		for (const part of parts) {
			for (const dep of [...(this.#deps.get(id) ?? [])]) this.link(dep, part.id);
			for (const to of below) this.link(part.id, to);
		}
		return { type: "splitNode", id, into: parts };
	}

	#inject(raw: RawMutation): Mutation | undefined {
		const inherit = raw.mode % 2 === 0;
		const waitsForAll = (node: ReadNode): boolean => ["all", "settled", "always"].includes(node.join as string);
		const id = inherit
			? this.#target(raw)
			: pick(
					this.#nodes((node) => isOpen(node) && waitsForAll(node)),
					raw.a,
				);
		if (id === undefined) return undefined;
		this.#take(id);
		const node = this.spec(first(raw), this.#before(id));
		if (inherit) for (const dep of [...(this.#deps.get(id) ?? [])]) this.link(dep, node.id);
		this.link(node.id, id);
		return { type: "injectBefore", id, node, ...(inherit && { inherit }) };
	}

	#prune({ a, b, mode }: RawMutation): Mutation | undefined {
		const roots = this.#nodes(() => true);
		const picked = [pick(roots, a), pick(roots, b)].slice(0, 1 + (mode % 2));
		const ids = [...new Set(picked.filter((id) => id !== undefined))];
		if (ids.length === 0) return undefined;
		// What falls with them can be no target of another mark.
		for (const id of this.#deps.keys()) if (ids.some((root) => this.above(id).has(root))) this.#take(id);
		return { type: "pruneSubgraph", ids, scope: mode % 4 < 2 ? "exclusive" : "descendants" };
	}
}

/** How many dependencies a join counts to; 0 for those that do not count. */
function needOf({ join }: ReadNode): number {
	return typeof join === "object" ? join.atLeast : 0;
}

/** Raw mutations have at least one raw node. */
function first({ nodes }: RawMutation): RawNode {
	return nodes[0] as RawNode;
}
