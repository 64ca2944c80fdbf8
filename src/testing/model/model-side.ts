import type { SkipCause } from "../../graph/types.js";
import { type ModelStart, START } from "./actor-side.js";
import type { ModelLease } from "./model-node.js";
import type { Forgery, ModelRequest } from "./model-request.js";
import { type ModelClaim, ReferenceModel } from "./reference-model.js";

/** The model as it is driven: with the leases it granted. */
export class ModelSide {
	readonly model: ReferenceModel;
	readonly leases: ModelLease[] = [];

	constructor(start: ModelStart, causeOf: (id: string) => SkipCause | undefined) {
		this.model = new ReferenceModel({ ...start, now: START, causeOf });
	}

	/** The numbers of the leases that are live. */
	live(): number[] {
		return this.leases.flatMap((lease, i) => (this.model.isLive(lease) ? [i] : []));
	}

	#lease(index: number, forge: Forgery | undefined): ModelLease {
		const lease = this.leases[index];
		if (lease === undefined) throw new Error(`there is no lease ${index}: ${this.leases.length} were granted`);
		if (forge === undefined || forge === "copy") return lease;
		return forge === "node" ? { ...lease, node: "nobody" } : { ...lease, token: -1 };
	}

	/** Gives a request to the model. */
	give(request: ModelRequest): ModelClaim {
		if (request.type !== "claim") {
			const refused = this.#answer(request);
			return refused === undefined ? {} : { refused };
		}
		const claim = this.model.claim(request.id);
		if (claim.lease !== undefined) this.leases.push(claim.lease);
		return claim;
	}

	#answer(request: Exclude<ModelRequest, { type: "claim" }>): string | undefined {
		const { model } = this;
		switch (request.type) {
			case "complete":
				return model.complete(this.#lease(request.lease, request.forge), request.output, request.patch);
			case "fail": {
				const { final = false, after = 0 } = request;
				return model.fail(this.#lease(request.lease, request.forge), { final, after });
			}
			case "commit":
				return model.commit(this.#lease(request.lease, request.forge), request.patch.mutations);
			case "park":
				return model.park(this.#lease(request.lease, request.forge), request.wait);
			case "signal":
				return model.signal(request.name, request.node);
			case "approve":
			case "reject":
				return model.answer(request);
			case "advance":
				model.advance(request.ms);
				return undefined;
			case "mutate": {
				const { mutations, expect } = request.patch;
				const { key } = request;
				return model.mutate(mutations, { ...(expect !== undefined && { expect }), ...(key !== undefined && { key }) });
			}
			default:
				return model[request.type]();
		}
	}
}
