import {
	countingIds,
	GraphActor,
	type GraphHandle,
	type Lease,
	type Patch,
	type Reply,
	type RunEvent,
	VirtualClock,
} from "dagswarm";
import type { NodeSpec, StagedPatch } from "../../src/graph/types.js";
import { at, type RawCommand, type RawRun, Resolver } from "./generate.js";
import { Model } from "./model.js";
import type { ModelLease, ModelLimits, ModelPatch, ModelSpec } from "./model-types.js";

/** A command as it is given to both sides; leases by the number of the claim that granted them. */
export type Concrete =
	| { readonly type: "claim"; readonly id: string }
	| { readonly type: "complete"; readonly lease: number; readonly forge: Forgery; readonly patch?: ModelPatch }
	| { readonly type: "fail"; readonly lease: number; readonly forge: Forgery }
	| { readonly type: "commit"; readonly lease: number; readonly patch: ModelPatch }
	| {
			readonly type: "park";
			readonly lease: number;
			readonly wait: { readonly until: number } | { readonly signal: string };
	  }
	| { readonly type: "signal"; readonly name: string }
	| { readonly type: "advance"; readonly ms: number }
	| { readonly type: "mutate"; readonly patch: ModelPatch; readonly key?: string }
	| { readonly type: "pause" | "resume" | "close" | "cancel" };

/** What is changed in a lease before it is used; a copy is as good as the original. */
export type Forgery = "none" | "copy" | "seq" | "attempt" | "epoch";

const LIMITS: readonly ModelLimits[] = [
	{ maxNodes: 1_000, maxDepth: 10, maxPatchSize: 1_000 },
	{ maxNodes: 1_000, maxDepth: 10, maxPatchSize: 1_000 },
	{ maxNodes: 1_000, maxDepth: 10, maxPatchSize: 1_000 },
	{ maxNodes: 5, maxDepth: 10, maxPatchSize: 1_000 },
	{ maxNodes: 1_000, maxDepth: 1, maxPatchSize: 1_000 },
	{ maxNodes: 1_000, maxDepth: 10, maxPatchSize: 5 },
];

/** Made once: its stack is part of the events, which are compared. */
const PLANNED = new Error("planned");

/** One actor, driven by hand. */
export class Side {
	readonly clock = new VirtualClock(1_000);
	readonly events: RunEvent[] = [];
	readonly leases: Lease[] = [];
	readonly actor: GraphActor;
	readonly handle: GraphHandle;

	constructor(nodes: readonly ModelSpec[], limits: ModelLimits) {
		const { actor, handle } = GraphActor.create({
			nodes: nodes as readonly NodeSpec[],
			check: "full",
			open: true,
			clock: this.clock,
			ids: countingIds(),
			journal: { append: (events) => void this.events.push(...events) },
			...limits,
		});
		this.actor = actor;
		this.handle = handle;
	}

	#lease(index: number, forge: Forgery = "none"): Lease {
		const lease = this.leases[index];
		if (lease === undefined)
			throw new Error(`the actor granted ${this.leases.length} leases, and the model ${index + 1}`);
		const { node, attempt, epoch, seq } = lease;
		if (forge === "none") return lease;
		const by = (what: Forgery): number => (forge === what ? 1 : 0);
		return { node, attempt: attempt + by("attempt"), epoch: epoch + by("epoch"), seq: seq + by("seq") };
	}

	async run(command: Concrete): Promise<Reply> {
		const { handle } = this;
		switch (command.type) {
			case "claim": {
				const reply = await handle.claim(command.id);
				if (reply.ok) this.leases.push(reply.lease);
				return reply;
			}
			case "complete":
				return handle.complete(this.#lease(command.lease, command.forge), command.lease, command.patch as StagedPatch);
			case "fail":
				return handle.fail(this.#lease(command.lease, command.forge), PLANNED);
			case "commit":
				return handle.commit(this.#lease(command.lease), command.patch.mutations as Patch);
			case "park": {
				const { wait } = command;
				const lease = this.#lease(command.lease);
				if ("until" in wait) return handle.park(lease, { kind: "sleep", until: wait.until });
				return handle.park(lease, { kind: "signal", name: wait.signal });
			}
			case "signal":
				return handle.signal(command.name);
			case "advance":
				this.clock.advance(command.ms);
				return { ok: true };
			case "mutate": {
				const { mutations, expect } = command.patch;
				const options = {
					...(expect !== undefined && { expect }),
					...(command.key !== undefined && { key: command.key }),
				};
				return handle.mutate(mutations as Patch, options);
			}
			default:
				return handle[command.type]();
		}
	}
}

/** What both sides said: the actor's reply, and the model's refusal if it refused. */
export interface Step {
	readonly command: Concrete;
	readonly real: Reply;
	readonly model: string | undefined;
}

/** Both sides, the commands given so far, and what came of their patches. */
export class Pair {
	readonly model: Model;
	readonly side: Side;
	readonly log: Concrete[] = [];
	readonly stats = { patches: 0, accepted: 0, refused: 0 };
	readonly start: readonly ModelSpec[];
	readonly limits: ModelLimits;
	readonly #leases: ModelLease[] = [];
	readonly #resolver: Resolver;

	constructor(raw: RawRun) {
		this.limits = at(LIMITS, raw.limits) as ModelLimits;
		this.model = new Model(
			this.limits,
			() => this.side.clock.now(),
			(id) => this.side.actor.snapshot().get(id)?.skipped?.cause,
		);
		this.#resolver = new Resolver(this.model);
		const wanted = this.#resolver.start(raw.start);
		// What is refused at the start throws; that is for the unit tests.
		this.start = this.model.mutate({ mutations: [{ type: "addNodes", nodes: wanted }] }) === undefined ? wanted : [];
		this.side = new Side(this.start, this.limits);
	}

	/** Gives the next command to the actor, then to the model. */
	async step(raw: RawCommand): Promise<Step | undefined> {
		const command = this.#resolve(raw);
		return command === undefined ? undefined : this.give(command);
	}

	async give(command: Concrete): Promise<Step> {
		this.log.push(command);
		const real = await this.side.run(command);
		const model = this.#onModel(command);
		if (command.type === "mutate" && command.patch.mutations.length > 1 && !this.model.ended) {
			this.stats.patches++;
			if (model === undefined) this.stats.accepted++;
		}
		if (model !== undefined) this.stats.refused++;
		return { command, real, model };
	}

	#resolve({ kind, a, b, patch }: RawCommand): Concrete | undefined {
		const { model } = this;
		const live = this.#leases.flatMap((lease, i) => {
			const { state, token } = model.node(lease.node);
			return state === "running" && token === lease.token ? [i] : [];
		});
		const lease = at(live, a);
		const forge: Forgery = b % 9 === 8 ? "copy" : "none";
		switch (kind) {
			case "claim":
			case "claimAny": {
				const id = at(kind === "claim" ? model.ready() : [...model.nodes.keys()], a);
				return id === undefined ? undefined : { type: "claim", id };
			}
			case "complete":
				return lease === undefined ? undefined : { type: "complete", lease, forge };
			case "completeWith": {
				if (lease === undefined) return undefined;
				return { type: "complete", lease, forge, patch: this.#resolver.patch(patch, this.#leases[lease]?.node) };
			}
			case "fail":
				return lease === undefined ? undefined : { type: "fail", lease, forge };
			case "commit": {
				if (lease === undefined) return undefined;
				return {
					type: "commit",
					lease,
					patch: { mutations: this.#resolver.patch(patch, this.#leases[lease]?.node).mutations },
				};
			}
			case "stale": {
				const dead = this.#leases.flatMap((_, i) => (live.includes(i) ? [] : [i]));
				const which = at([...dead, ...live], a);
				if (which === undefined) return undefined;
				const forged = live.includes(which) ? (at(["seq", "attempt", "epoch"] as const, b) as Forgery) : "none";
				return { type: b % 2 === 0 ? "complete" : "fail", lease: which, forge: forged };
			}
			case "park": {
				if (lease === undefined) return undefined;
				return {
					type: "park",
					lease,
					wait: b % 2 === 0 ? { until: this.side.clock.now() + 1 + b } : { signal: `s${b % 3}` },
				};
			}
			case "signal":
				return { type: "signal", name: `s${a % 3}` };
			case "advance":
				return { type: "advance", ms: 1 + (a % 30) };
			case "mutate": {
				const key = a % 5 === 4 ? { key: `k${b % 4}` } : {};
				const resolved = this.#resolver.patch(patch, undefined);
				return { type: "mutate", patch: resolved, ...key };
			}
			case "pause":
			case "resume":
				return { type: kind };
			case "close":
			case "cancel":
				// Rarely: most of a run that has ended is boring.
				return b % 5 === 0 ? { type: kind } : undefined;
			default:
				throw new Error(`there is no command ${kind}`);
		}
	}

	#onModel(command: Concrete): string | undefined {
		const { model } = this;
		const leaseOf = (index: number, forge: Forgery = "none"): ModelLease => {
			const lease = this.#leases[index] as ModelLease;
			return forge === "none" || forge === "copy" ? lease : { ...lease, token: -1 };
		};
		switch (command.type) {
			case "claim": {
				const answer = model.claim(command.id);
				if (typeof answer === "string") return answer;
				this.#leases.push(answer);
				return undefined;
			}
			case "complete":
				return model.complete(leaseOf(command.lease, command.forge), command.lease, command.patch);
			case "fail":
				return model.fail(leaseOf(command.lease, command.forge));
			case "commit":
				return model.commit(leaseOf(command.lease), command.patch);
			case "park":
				return model.park(leaseOf(command.lease), command.wait);
			case "signal":
				return model.signal(command.name);
			case "advance":
				model.tick();
				return undefined;
			case "mutate":
				return model.mutate(command.patch, command.key);
			default:
				return model[command.type]();
		}
	}

	/** The story so far, one command a line, for a failure to be read and kept as a test. */
	get story(): string {
		const lines = [`limits ${JSON.stringify(this.limits)}`, `start ${JSON.stringify(this.start)}`];
		return [...lines, ...this.log.map((command) => JSON.stringify(command))].join("\n");
	}
}
