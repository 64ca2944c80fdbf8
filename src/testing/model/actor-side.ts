import { VirtualClock } from "../../core/clock.js";
import { countingIds } from "../../core/ids.js";
import { GraphActor } from "../../graph/actor.js";
import type { ActorConfig } from "../../graph/actor-config.js";
import type { GraphHandle } from "../../graph/handle.js";
import type { GrowthLimits, Lease, NodeSpec, Reply, RunEvent, StagedPatch } from "../../graph/types.js";
import type { Forgery, ModelRequest } from "./model-request.js";

/** What the model can drive: a {@link GraphHandle}, or anything that answers like one. */
export type ActorHandle = Pick<
	GraphHandle,
	| "mutate"
	| "ready"
	| "claim"
	| "complete"
	| "fail"
	| "commit"
	| "park"
	| "signal"
	| "approve"
	| "reject"
	| "cancel"
	| "pause"
	| "resume"
	| "close"
	| "snapshot"
>;

/**
 * Makes what is to be compared with the model. It must heed the config's nodes, limits, `open`, clock
 * and journal, whose batches are the events that are judged. With the actor itself its state is
 * looked at too: whether a refused command left anything behind.
 */
export type ActorFactory = (config: ActorConfig) => {
	readonly handle: ActorHandle;
	readonly actor?: Pick<GraphActor, "state">;
};

/** How a run of actor and model begins. */
export interface ModelStart extends GrowthLimits {
	readonly nodes: readonly NodeSpec[];
	/** Whether the run stays open when nothing is left to do; default true. */
	readonly open?: boolean;
}

/** The first moment of every run, in milliseconds. */
export const START = 1_000;

/** Made once: their stacks are part of the events, which may be compared. */
const PLANNED = new Error("planned");
const FINAL = Object.assign(new Error("planned, for good"), { retryable: false });

/** The actor as the model's counterpart, driven by hand on a clock of its own. */
export class ActorSide {
	readonly clock = new VirtualClock(START);
	readonly events: RunEvent[] = [];
	readonly leases: Lease[] = [];
	readonly handle: ActorHandle;
	readonly actor: Pick<GraphActor, "state"> | undefined;

	constructor(start: ModelStart, create: ActorFactory = GraphActor.create, check: ActorConfig["check"] = "full") {
		const { handle, actor } = create({
			open: true,
			...start,
			check,
			clock: this.clock,
			ids: countingIds(),
			journal: { append: (events) => void this.events.push(...events) },
		});
		this.handle = handle;
		this.actor = actor;
	}

	#lease(index: number, forge: Forgery | undefined): Lease {
		const lease = this.leases[index];
		if (lease === undefined) throw new Error(`there is no lease ${index}: ${this.leases.length} were granted`);
		if (forge === undefined) return lease;
		const by = (what: Forgery): number => (forge === what ? 1 : 0);
		return {
			node: forge === "node" ? "nobody" : lease.node,
			attempt: lease.attempt + by("attempt"),
			epoch: lease.epoch + by("epoch"),
			seq: lease.seq + by("seq"),
		};
	}

	/** Gives a request to the actor. */
	async give(request: ModelRequest): Promise<Reply<{ readonly input?: unknown; readonly lease?: Lease }>> {
		const { handle } = this;
		switch (request.type) {
			case "claim": {
				const reply = await handle.claim(request.id);
				if (reply.ok) this.leases.push(reply.lease);
				return reply;
			}
			case "complete": {
				const lease = this.#lease(request.lease, request.forge);
				return handle.complete(lease, request.output, request.patch as StagedPatch | undefined);
			}
			case "fail": {
				const lease = this.#lease(request.lease, request.forge);
				if (request.final === true) return handle.fail(lease, FINAL);
				const { after } = request;
				return handle.fail(lease, after === undefined ? PLANNED : { code: "LATER", message: "", retryAfter: after });
			}
			case "commit":
				return handle.commit(this.#lease(request.lease, request.forge), request.patch.mutations);
			case "park":
				return handle.park(this.#lease(request.lease, request.forge), request.wait);
			case "signal":
				return handle.signal(request.name, undefined, request.node === undefined ? {} : { node: request.node });
			case "approve":
			case "reject": {
				const { type, node, ...answer } = request;
				return handle[type](node, answer);
			}
			case "advance":
				this.clock.advance(request.ms);
				return { ok: true };
			case "mutate": {
				const { patch, key } = request;
				const { expect } = patch;
				const options = { ...(expect !== undefined && { expect }), ...(key !== undefined && { key }) };
				return handle.mutate(patch.mutations, options);
			}
			default:
				return handle[request.type]();
		}
	}
}
