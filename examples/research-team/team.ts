import { join } from "node:path";
import {
	budgetLedger,
	combineCritics,
	createSwarm,
	directoryDelivery,
	fileAudit,
	type GraphSpec,
	idleCritic,
	loopDetector,
} from "dagswarm";
import { agentsOf } from "./agents.ts";
import type { FakeModel } from "./model.ts";

/** What the team may spend on one report, in the currency of the model's prices. */
export const COST_LIMIT = 0.05;

/** Where the team works. */
export interface TeamOptions {
	readonly model: FakeModel;
	/** The folder of what it delivers and of its records. */
	readonly folder: string;
	/** What its records are authenticated with. */
	readonly auditKey: string;
}

/** The team: agents, what they share, and what stands around them. */
export function teamOf({ model, folder, auditKey }: TeamOptions) {
	return createSwarm({
		agents: agentsOf(model),
		concurrency: 6,
		limits: {
			model: { concurrency: 3, requests: { limit: 120, per: "1m" }, breaker: { failures: 8, coolDown: "2s" } },
		},
		ports: {
			audit: fileAudit({
				directory: join(folder, "audit"),
				key: auditKey,
				// What an agent calls has a run of its own; what went in and came out is in the record of its caller.
				only: ({ ancestors }) => ancestors.length === 0,
			}),
			budget: budgetLedger({ limits: [{ measure: "cost", limit: COST_LIMIT, of: "tree" }] }),
			// Who looks the same thing up twice is told so, and so is who falls silent.
			critic: combineCritics(loopDetector({ times: 2 }), idleCritic({ idleAfter: "30s", watch: "attempts" })),
			delivery: directoryDelivery({ directory: join(folder, "delivered") }),
		},
		budget: { onExhausted: "degrade" },
	});
}

/** What the team starts with; the planner adds the searchers, and the critic another round where one is needed. */
export function graphOf(topic: string): GraphSpec {
	return {
		nodes: [
			{ id: "plan", agent: "planner", input: { topic } },
			{ id: "write", agent: "writer", input: { topic }, dependsOn: { research: "plan" } },
			{ id: "review", agent: "critic", input: { topic, round: 1 }, dependsOn: { draft: "write" } },
			{ id: "publish", agent: "publisher", input: { topic }, dependsOn: { draft: "review" } },
		],
	};
}
