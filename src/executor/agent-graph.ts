import { createHash } from "node:crypto";
import { SwarmError } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import type { NodeState } from "../core/lifecycle.js";
import { canonicalJson } from "../core/plain.js";
import type { Mutation, NodeSpec, NodeView, Patch } from "../graph/types.js";
import type { Attempt } from "./attempt.js";

/**
 * The graph as an agent sees it: reads are of what is committed; changes are staged, and committed
 * together with the completion or earlier by {@link commit}. What was staged and not committed dies
 * with the attempt.
 */
export class AgentGraph {
	readonly #attempt: Attempt;
	/** Something of this attempt stands already. */
	hasCommitted = false;
	#staged: Mutation[] = [];
	/** The default ids that were given out. */
	readonly defaults: NodeId[] = [];
	/** How often each default id was given out in this attempt. */
	readonly #given = new Map<string, number>();

	constructor(attempt: Attempt) {
		this.#attempt = attempt;
	}

	/** A node as it is committed. */
	get(id: NodeId): NodeView | undefined {
		return this.#attempt.run.actor.snapshot().get(id);
	}

	/** The committed nodes, in the order in which they were added. */
	nodes(filter: { readonly state?: NodeState; readonly addedBy?: NodeId } = {}): IterableIterator<NodeView> {
		return this.#attempt.run.actor.snapshot().nodes(filter);
	}

	/**
	 * Stages a new node.
	 *
	 * @returns its id; one that stays the same from attempt to attempt when the spec has none
	 */
	addNode(node: NodeSpec): NodeId {
		const named = this.named(node);
		this.#staged.push({ type: "addNode", node: named });
		return named.id;
	}

	/** Stages any mutations, in order. */
	mutate(...mutations: Mutation[]): void {
		for (const mutation of mutations) this.#staged.push(this.#withIds(mutation));
	}

	/**
	 * Commits what is staged now, before the attempt ends. It stands even if the attempt fails; a later
	 * attempt that adds the same nodes again finds them there.
	 *
	 * @throws SwarmError what the patch was refused for, nothing of it applied; `STALE_LEASE` when the attempt is over
	 */
	async commit(): Promise<void> {
		const mutations = this.take();
		if (mutations.length === 0) return;
		this.hasCommitted = true;
		const answer = await this.#attempt.ask({ type: "commit", lease: this.#attempt.lease, patch: { mutations } });
		if ("code" in answer) throw SwarmError.from(answer);
	}

	/** @internal Takes what is staged. */
	take(): Patch {
		const staged = this.#staged;
		this.#staged = [];
		return staged;
	}

	/** @internal Gives a spec without an id one that depends on nothing but the spec. */
	named(node: NodeSpec): NodeSpec & { readonly id: NodeId } {
		if (node.id !== undefined) return node as NodeSpec & { readonly id: NodeId };
		const agent = typeof node.agent === "string" ? node.agent : node.agent?.name;
		const hash = createHash("sha256")
			.update(textOf({ ...node, agent }))
			.digest("hex")
			.slice(0, 16);
		const repeats = this.#given.get(hash) ?? 0;
		this.#given.set(hash, repeats + 1);
		const id = `${this.#attempt.lease.node}/${hash}${repeats === 0 ? "" : `-${repeats + 1}`}`;
		this.defaults.push(id);
		return { ...node, id };
	}

	#withIds(mutation: Mutation): Mutation {
		return this.#attempt.run.actor.nameNodes(mutation, (node) => this.named(node));
	}
}

/** A spec that is no plain data has no text. It is refused for that later, by an id, so it gets one. */
function textOf(spec: object): string {
	try {
		return canonicalJson(spec);
	} catch {
		return "";
	}
}
