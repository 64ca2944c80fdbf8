import { SwarmError } from "./core/errors.js";
import type { GrowthLimits, NodePolicies } from "./graph/types.js";
import type { StartOptions, SwarmOptions } from "./swarm-options.js";

type Known<Options> = Readonly<Record<keyof Options, true>>;

const policies: Known<Omit<NodePolicies, "limits">> = {
	retry: true,
	timeout: true,
	onFailure: true,
	onPatchRejected: true,
	canMutate: true,
	onResume: true,
	fallback: true,
};

const growth: Known<GrowthLimits> = { maxNodes: true, maxDepth: true, maxPatchSize: true };

const ofSwarm: Known<SwarmOptions> = {
	...policies,
	...growth,
	agents: true,
	skills: true,
	maxCallDepth: true,
	concurrency: true,
	limits: true,
	policy: true,
	grace: true,
	check: true,
	eventBuffer: true,
	chunkBuffer: true,
	journal: true,
	durability: true,
	snapshotEvery: true,
	ports: true,
	portPolicies: true,
	budget: true,
	clock: true,
	ids: true,
	seed: true,
	onListenerError: true,
	inspect: true,
	pool: true,
};

const ofStart: Known<StartOptions> = {
	...policies,
	runId: true,
	signal: true,
	deadline: true,
	open: true,
	onStall: true,
	metadata: true,
	budget: true,
	parent: true,
	concurrency: true,
	policy: true,
	dryRun: true,
};

/** A slip of the keyboard is refused where no compiler has seen it. @throws SwarmError `INVALID_OPTION` */
export function checkKnown(options: object, of: "createSwarm" | "start"): void {
	const known: Readonly<Record<string, true>> = of === "createSwarm" ? ofSwarm : ofStart;
	for (const key of Object.keys(options)) {
		if (Object.hasOwn(known, key)) continue;
		throw new SwarmError("INVALID_OPTION", `${of} has no option "${key}"`, {
			hint: `options: ${Object.keys(known).sort().join(", ")}`,
		});
	}
}
