import fc from "fast-check";
import type { Model } from "./model.js";
import type { ModelJoin, ModelMutation, ModelPatch, ModelSpec, State } from "./model-types.js";

/**
 * Commands as numbers, which shrink well. What a number means is decided when its turn comes, from
 * the state of the model: so that most commands are legal, whatever came before them.
 */

export interface RawMutation {
	readonly kind: number;
	readonly a: number;
	readonly b: number;
	readonly c: number;
	readonly d: number;
}

export interface RawPatch {
	readonly mutations: readonly RawMutation[];
	readonly expand: number;
	readonly expect: number;
}

export interface RawCommand {
	readonly kind: string;
	readonly a: number;
	readonly b: number;
	readonly patch: RawPatch;
}

export interface RawRun {
	readonly start: readonly RawMutation[];
	readonly limits: number;
	readonly commands: readonly RawCommand[];
}

const number = fc.nat({ max: 999 });
const mutation = fc.record({ kind: fc.nat({ max: 99 }), a: number, b: number, c: number, d: number });
const patch = fc.record({
	mutations: fc.array(mutation, { minLength: 0, maxLength: 5 }),
	expand: fc.nat({ max: 9 }),
	expect: fc.nat({ max: 99 }),
});

/** How often each kind of command comes, out of their sum. */
const KINDS: readonly (readonly [string, number])[] = [
	["claim", 30],
	["complete", 18],
	["completeWith", 10],
	["fail", 10],
	["stale", 4],
	["mutate", 18],
	["commit", 8],
	["park", 4],
	["signal", 3],
	["advance", 4],
	["claimAny", 2],
	["pause", 1],
	["resume", 6],
	["close", 1],
	["cancel", 1],
];

const command = fc.record({
	kind: fc.oneof(...KINDS.map(([kind, weight]) => ({ arbitrary: fc.constant(kind), weight }))),
	a: number,
	b: number,
	patch,
});

export function rawRuns(maxCommands: number): fc.Arbitrary<RawRun> {
	return fc.record({
		start: fc.array(mutation, { maxLength: 8 }),
		limits: fc.nat({ max: 5 }),
		commands: fc.array(command, { maxLength: maxCommands, size: "max" }),
	});
}

const MUTATIONS: readonly (readonly [ModelMutation["type"], number])[] = [
	["addNode", 22],
	["addNodes", 8],
	["addEdge", 16],
	["removeEdge", 8],
	["removeNode", 6],
	["updateNode", 8],
	["splitNode", 7],
	["injectBefore", 7],
	["pruneSubgraph", 3],
	["markSpeculative", 6],
	["confirmSpeculative", 4],
	["discardSpeculative", 3],
];

/** Turns numbers into commands that fit the model's state, most of them legal. */
export class Resolver {
	#ids = 0;

	constructor(readonly model: Model) {}

	/** The graph to start with. */
	start(raw: readonly RawMutation[]): ModelSpec[] {
		const specs: ModelSpec[] = [];
		for (const each of raw)
			specs.push(
				this.#spec(
					each,
					specs.map(({ id }) => id),
					specs.length,
				),
			);
		return specs;
	}

	#fresh(seed: number): string {
		const known = [...this.model.nodes.keys()];
		// Rarely an id that was used before.
		if (seed % 61 === 60 && known.length > 0) return at(known, seed) as string;
		return `n${++this.#ids}`;
	}

	#spec({ a, b, c, d }: RawMutation, known: readonly string[], salt = 0): ModelSpec {
		const dependsOn = new Set<string>();
		for (let i = 0; i < a % 4 && known.length > 0; i++) dependsOn.add(at(known, b + i * 7 + salt) as string);
		if (d % 67 === 66) dependsOn.add("nobody");
		const size = dependsOn.size;
		const joins: (ModelJoin | undefined)[] = [undefined, undefined, undefined, "any", "settled", "always", "all"];
		if (size > 0 || c % 31 === 30)
			joins.push("failed", { atLeast: 1 + (d % Math.max(1, size + (c % 29 === 28 ? 2 : 0))) });
		const join = at(joins, c);
		const retry = d % 3 === 0 ? { maxAttempts: 1 + (c % 4), delay: c % 2 === 0 ? 0 : 10 } : undefined;
		const onFailure = at([undefined, undefined, undefined, "skip", "block", "block"] as const, Math.floor(d / 5));
		const canMutate = at([undefined, undefined, undefined, undefined, "own", false, true] as const, Math.floor(c / 7));
		const speculative = at(
			[undefined, undefined, undefined, undefined, undefined, "hold", "eager"] as const,
			Math.floor(b / 4),
		);
		return {
			id: this.#fresh(a),
			agent: "work",
			...(size > 0 && { dependsOn: [...dependsOn] }),
			...(join !== undefined && { join }),
			...(size > 0 && c % 8 === 3 && { input: { value: { $output: at([...dependsOn], d) as string } } }),
			...(c % 97 === 96 && { input: { value: { $output: "nobody" } } }),
			...(retry !== undefined && { retry }),
			...(d % 41 === 40 ? { onFailure: "failRun" as const } : onFailure !== undefined && { onFailure }),
			...(c % 11 === 10 && { onPatchRejected: "complete" as const }),
			...(canMutate !== undefined && { canMutate }),
			...(speculative !== undefined && { speculative }),
		};
	}

	/** What an earlier attempt of the author committed early: the same again, or something else under its id. */
	#again({ b, c }: RawMutation, author: string | undefined): ModelSpec | undefined {
		if (author === undefined || c % 4 === 3) return undefined;
		const { attempt } = this.model.node(author);
		const before = [...this.model.nodes.values()].filter(
			(node) => node.addedBy === author && node.addedIn !== undefined && node.addedIn < attempt,
		);
		const known = at(before, b)?.spec;
		return known === undefined || c % 4 > 1 ? known : { ...known, priority: b };
	}

	/** @param author - the node whose agent makes the patch */
	patch(raw: RawPatch, author: string | undefined): ModelPatch {
		const { model } = this;
		/** Nodes that an earlier mutation of this patch has already taken for itself. */
		const used = new Set<string>();
		const fresh: string[] = [];
		const mutations: ModelMutation[] = [];
		for (const each of raw.mutations) {
			const made = this.#mutation(each, used, fresh, author);
			if (made !== undefined) mutations.push(made);
		}
		// A list whose items name each other must be allowed in any order.
		if (raw.expect % 3 === 0) mutations.reverse();
		const known = [...model.nodes.keys()];
		// A withheld patch is tried in the middle of another, where joins are not evaluated: what is ready there is left open.
		const eager = author !== undefined && model.node(author).eager;
		const expected = raw.expect % 10 === 9 && !eager ? at(known, raw.expect) : undefined;
		const wrong = raw.expect > 80 ? ("ready" as const) : undefined;
		return {
			mutations,
			...(raw.expand > 5 && { expand: true }),
			...(expected !== undefined && { expect: { [expected]: wrong ?? (model.stateOf(expected) as State) } }),
		};
	}

	#mutation(
		raw: RawMutation,
		used: Set<string>,
		fresh: string[],
		author: string | undefined,
	): ModelMutation | undefined {
		const { model } = this;
		const { a, b, c, d } = raw;
		const wild = d % 23 === 22;
		const all = [...model.nodes.keys()];
		const live = all.filter((id) => !used.has(id));
		const own = author !== undefined && model.node(author).spec.canMutate === "own";
		const mine = (id: string): boolean => !own || model.node(id).addedBy === author;
		const unstarted = live.filter((id) => model.isUnstarted(id) && mine(id));
		const type = weighted(MUTATIONS, raw.kind * 97 + a);
		const known = [...all, ...fresh];
		const spec = (salt: number, from: readonly string[] = known): ModelSpec => {
			const made = this.#spec({ ...raw, b: b + salt * 13, c: c + salt }, from, salt);
			fresh.push(made.id);
			return made;
		};
		// Also one that comes with the same patch.
		const inner = c % 9 === 8 ? at(fresh, b) : undefined;
		const target = wild ? at(["nobody", ...all], a) : (inner ?? at(unstarted, a));
		const take = (id: string): string => {
			used.add(id);
			return id;
		};
		switch (type) {
			case "addNode":
				return { type, node: this.#again(raw, author) ?? spec(0) };
			case "addNodes":
				return { type, nodes: Array.from({ length: 1 + (b % 3) }, (_, i) => spec(i)) };
			case "addEdge": {
				const to = wild ? target : at([...unstarted, ...fresh], a);
				if (to === undefined) return undefined;
				const isFresh = fresh.includes(to);
				const from = at(
					known.filter((id) =>
						isFresh ? !fresh.includes(id) : wild || !model.nodes.has(id) || !model.reaches(to, id),
					),
					b,
				);
				return from === undefined || (fresh.includes(from) && !wild) ? undefined : { type, from, to };
			}
			case "removeEdge": {
				const to = wild
					? target
					: at(
							unstarted.filter((id) => model.node(id).deps.length > 0),
							a,
						);
				if (to === undefined) return undefined;
				const from = wild ? at(all, b) : at(model.node(to).deps, b);
				return from === undefined ? undefined : { type, from, to };
			}
			case "updateNode": {
				if (target === undefined) return undefined;
				const degree = model.nodes.get(target)?.deps.length ?? 0;
				const joins: ModelJoin[] = ["all", "any", "settled", "always"];
				if (degree > 0) joins.push("failed", { atLeast: 1 + (b % degree) });
				const join = at(joins, c) as ModelJoin;
				return { type, id: target, changes: c % 3 === 0 ? { priority: b } : { join } };
			}
			case "splitNode": {
				const id = author !== undefined && !wild && c % 3 > 0 && !used.has(author) ? author : target;
				if (id === undefined) return undefined;
				const before = known.filter(
					(each) => each !== id && (wild || !model.nodes.has(each) || !model.nodes.has(id) || !model.reaches(id, each)),
				);
				const parts: ModelSpec[] = [];
				const count = wild && c % 4 === 0 ? 0 : 1 + (b % 3);
				for (let i = 0; i < count; i++)
					parts.push(spec(i, i > 0 && c % 2 === 0 ? parts.map((part) => part.id) : before));
				return { type, id: take(id), into: parts };
			}
			case "injectBefore": {
				const gated = unstarted.filter((each) =>
					["all", "settled", "always"].includes(model.node(each).join as string),
				);
				const id = wild ? target : (inner ?? at(d % 2 === 0 ? unstarted : gated, a));
				if (id === undefined) return undefined;
				const before = known.filter(
					(each) => each !== id && (wild || !model.nodes.has(each) || !model.nodes.has(id) || !model.reaches(id, each)),
				);
				return { type, id: take(id), node: spec(0, before), ...(d % 2 === 0 && { inherit: true }) };
			}
			case "removeNode":
				if (target === undefined) return undefined;
				return {
					type,
					ids: [take(target)],
					mode: at(["bridge", "bridge", "detach", wild ? "reject" : "detach"] as const, c) as "bridge",
				};
			case "pruneSubgraph": {
				const roots = wild ? ["nobody"] : [at(live.filter(mine), a), at(live.filter(mine), b)].slice(0, 1 + (c % 2));
				const ids = [...new Set(roots.filter((id) => id !== undefined))];
				if (ids.length === 0) return undefined;
				for (const id of ids) take(id);
				return { type, ids, scope: d % 2 === 0 ? "exclusive" : "descendants" };
			}
			case "markSpeculative":
				return target === undefined ? undefined : { type, ids: [take(target)], mode: c % 2 === 0 ? "hold" : "eager" };
			case "confirmSpeculative":
			case "discardSpeculative": {
				const marked = live.filter(
					(id) => !model.isEnded(id) && (model.node(id).eager || model.node(id).state === "speculative") && mine(id),
				);
				const id = wild ? target : at(marked, a);
				return id === undefined ? undefined : { type, ids: [take(id)] };
			}
		}
	}
}

/** An item by a number of any size. */
export function at<Item>(items: readonly Item[], index: number): Item | undefined {
	return items.length === 0 ? undefined : items[index % items.length];
}

function weighted<Item>(items: readonly (readonly [Item, number])[], seed: number): Item {
	let rest = seed % items.reduce((sum, [, weight]) => sum + weight, 0);
	for (const [item, weight] of items) {
		if (rest < weight) return item;
		rest -= weight;
	}
	throw new Error("no weight is negative");
}
