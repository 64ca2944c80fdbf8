import { expect } from "vitest";
import { VirtualClock } from "../../src/core/clock.js";
import type { ErrorCode } from "../../src/core/errors.js";
import { countingIds } from "../../src/core/ids.js";
import type { NodeState } from "../../src/core/lifecycle.js";
import { GraphActor } from "../../src/graph/actor.js";
import type { ActorConfig, ActorHost } from "../../src/graph/actor-config.js";
import { checkState } from "../../src/graph/invariants.js";
import type {
	Lease,
	Mutation,
	NodeSpec,
	Patch,
	PatchOptions,
	Refused,
	Reply,
	RunEvent,
	StagedPatch,
} from "../../src/graph/types.js";

/** A spec in few words: agent `work`, dependencies as the rest. */
export function node(id: string, dependsOn?: NodeSpec["dependsOn"], more: Partial<NodeSpec> = {}): NodeSpec {
	return { id, agent: "work", ...(dependsOn !== undefined && { dependsOn }), ...more };
}

/** A graph actor that is driven by hand, every command checked in full, every event kept. */
export class Driver {
	readonly clock = new VirtualClock();
	readonly events: RunEvent[] = [];
	readonly actor: GraphActor;
	readonly handle;

	constructor(nodes: readonly NodeSpec[] = [], config: ActorConfig = {}) {
		const { actor, handle } = GraphActor.create({
			check: "full",
			clock: this.clock,
			ids: countingIds(),
			journal: {
				append: (events) => {
					for (const event of events) this.events.push(event);
				},
			},
			nodes,
			...config,
		});
		this.actor = actor;
		this.handle = handle;
	}

	/** Starts an attempt, which must be allowed. */
	async claim(id: string): Promise<Lease> {
		return (await this.claimed(id)).lease;
	}

	async claimed(id: string): Promise<{ readonly lease: Lease; readonly input: unknown }> {
		return accepted(await this.handle.claim(id));
	}

	/** Claims a node and completes it. */
	async complete(id: string, output?: unknown, patch?: Patch | StagedPatch): Promise<void> {
		accepted(await this.handle.complete(await this.claim(id), output, patch));
	}

	/** Claims a node and fails it. */
	async fail(id: string, error: unknown = new Error("broken")): Promise<void> {
		accepted(await this.handle.fail(await this.claim(id), error));
	}

	async mutate(...patch: Mutation[]): Promise<void> {
		accepted(await this.handle.mutate(patch));
	}

	/** Sends a patch that must be refused and change nothing. */
	async refuses(patch: Patch, code: ErrorCode, nodes?: readonly string[], options?: PatchOptions): Promise<Refused> {
		return this.unchanged(() => this.handle.mutate(patch, options), code, nodes);
	}

	/** Sends a command that must be refused and change nothing. */
	async unchanged(send: () => Promise<Reply>, code: ErrorCode, nodes?: readonly string[]): Promise<Refused> {
		const before = this.picture();
		const reply = await send();
		expect(reply).toMatchObject({ ok: false, code });
		const refused = reply as Refused;
		expect(refused.message).not.toBe("");
		if (nodes !== undefined) expect(refused.nodes).toEqual(nodes);
		expect(this.picture()).toEqual(before);
		expect(checkState(this.actor.state)).toBeUndefined();
		return refused;
	}

	state(id: string): NodeState | undefined {
		return this.handle.snapshot().get(id)?.state;
	}

	states(): Record<string, NodeState> {
		return Object.fromEntries([...this.handle.snapshot().nodes()].map((each) => [each.id, each.state]));
	}

	dependsOn(id: string): readonly string[] | undefined {
		return this.handle.snapshot().get(id)?.dependsOn;
	}

	get status(): string {
		return this.handle.snapshot().status;
	}

	/** `type node` of the events from `seq` on. */
	told(from = 1): string[] {
		return this.events
			.filter((event) => event.seq >= from)
			.map((event) => {
				if (event.type === "edge.added" || event.type === "edge.removed")
					return `${event.type} ${event.from}→${event.to}`;
				return "node" in event && event.node !== undefined ? `${event.type} ${event.node}` : event.type;
			});
	}

	/** The outputs of dependencies as a node that is leased now would see them. */
	deps(lease: Lease): Record<string, unknown> {
		return { ...this.actor.leases.outputs(lease) };
	}

	/** Everything that a refused command may not change. */
	picture(): unknown {
		const { state } = this.actor;
		const { graph } = state;
		const { nodes, edges } = graph;
		const rows = [];
		for (let n = 0; n < graph.size; n++) {
			const into = [];
			for (let edge = nodes.firstIn(n); edge !== 0; edge = edges.nextIn(edge))
				into.push([graph.id(edges.from(edge)), graph.aliasOf(edge)]);
			const out = [];
			for (let edge = nodes.firstOut(n); edge !== 0; edge = edges.nextOut(edge)) out.push(graph.id(edges.to(edge)));
			rows.push({
				id: graph.id(n),
				spec: graph.spec(n),
				counters: [nodes.open(n), nodes.ok(n), nodes.failed(n), nodes.lost(n), nodes.blockFailed(n)],
				join: [nodes.join(n), nodes.need(n)],
				lease: nodes.lease(n),
				into,
				out,
			});
		}
		const { seq, status, awaiting, open, ended } = state;
		return structuredClone({
			rows,
			seq,
			status,
			awaiting,
			open,
			ended,
			size: graph.size,
			edges: edges.count,
			added: graph.added,
			index: [...graph.index],
			keys: [...state.keys],
			signals: [...state.signals],
			counts: [...graph.counts],
			ready: this.handle.ready(),
			views: JSON.parse(JSON.stringify(this.handle.snapshot())),
			told: this.events.length,
			timers: this.clock.pending,
		});
	}
}

export function accepted<Value extends object>(reply: Reply<Value>): { readonly ok: true } & Value {
	expect(reply).toMatchObject({ ok: true });
	return reply as { readonly ok: true } & Value;
}

/** A host that only notes what it is asked to do. */
export function notingHost(notes: string[]): ActorHost {
	return {
		start: (_, lease) => void notes.push(`start ${lease.node}`),
		abort: (_, lease, code) => void notes.push(`abort ${lease.node} ${code}`),
		unstarted: () => {},
		mayRetry: () => true,
		fill: () => {},
		committed: () => {},
		poisoned: () => {},
	};
}
