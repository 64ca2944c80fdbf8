import { type Contender, concurrency, noop, one, runChecked } from "./contender.ts";
import { figure } from "./gauge.ts";
import { measure, type Sample, type Summary, settle, summarise, sweep, warmUpRounds } from "./measure.ts";
import type { Options } from "./options.ts";
import { completedIn } from "./outcome.ts";
import {
	type AnyAgent,
	budgetLedger,
	createSwarm,
	defineAgent,
	idleCritic,
	memoryAudit,
	type NodeSpec,
	type Ports,
	type StandardSchema,
	type SwarmOptions,
} from "./product.ts";
import { seeded } from "./random.ts";
import { printTable } from "./table.ts";
import { type Load, load, type Spec } from "./workloads.ts";

/** One optional feature at work in a layered run. */
interface Feature {
	readonly name: string;
	readonly options?: Partial<SwarmOptions>;
	readonly subscribed?: boolean;
	/** Made anew for every run, as they keep what they are told. */
	readonly ports?: () => Ports;
	/** The caller's own specs: made before the clock starts. */
	readonly decorate?: (spec: Spec, random: () => number) => Spec & NodeSpec;
}

const features: readonly Feature[] = [
	{ name: "none (baseline)" },
	{ name: "check: local", options: { check: "local" } },
	// No-op agents outrun any reader: with the default ring it would end as LAGGED.
	{ name: "a subscriber", subscribed: true, options: { eventBuffer: 50_000_000 } },
	{
		name: "$output inputs",
		decorate: (spec) => {
			const above = spec.dependsOn?.[0];
			return { ...spec, agent: "one", ...(above !== undefined && { input: { above: { $output: above } } }) };
		},
	},
	{ name: "priorities", decorate: (spec, random) => ({ ...spec, priority: Math.floor(random() * 10) }) },
	{
		name: "limits (4 of 8)",
		options: { limits: { api: 4 } },
		decorate: (spec) => ({ ...spec, limits: ["api"] }),
	},
	{ name: "time-outs", decorate: (spec) => ({ ...spec, timeout: "1m" }) },
	{ name: "schemas in and out", decorate: (spec) => ({ ...spec, agent: "checked" }) },
	{
		name: "requests in a window",
		options: { limits: { api: { requests: { limit: 100_000_000, per: "1h" } } } },
		decorate: (spec) => ({ ...spec, limits: ["api"] }),
	},
	{
		name: "a budget, one limit",
		ports: () => ({ budget: budgetLedger({ limits: [{ measure: "nodes", limit: 100_000_000, of: "run" }] }) }),
	},
	{ name: "a critic", ports: () => ({ critic: idleCritic({ idleAfter: "1h" }) }) },
	{ name: "an audit in memory", ports: () => ({ audit: memoryAudit() }) },
];

/** Takes whatever comes, as the quickest schema of a library would. */
const anything: StandardSchema = {
	"~standard": { version: 1, vendor: "bench", validate: (value) => ({ value }) },
};

export interface FeatureRow {
	readonly feature: string;
	readonly size: number;
	/** Microseconds per node. */
	readonly cost: Summary;
}

/** Runs the layered workload with one feature after another, in turns. */
export async function measureFeatures(options: Options): Promise<FeatureRow[]> {
	const { graphSize: size, rounds, nodesPerSample } = options;
	const batch = Math.max(1, Math.floor(nodesPerSample / size));
	const samples = features.map((): Sample[] => []);
	const warmUp = warmUpRounds(size, nodesPerSample);
	await settle();
	for (let round = 0; round < warmUp + rounds; round++) {
		for (const [at, feature] of features.entries()) {
			const contender = withFeature(feature);
			const loads = Array.from({ length: batch }, () => decorated(feature, load("layered", size)));
			sweep();
			const sample = await measure(async () => {
				for (const each of loads) await runChecked(contender, each);
			});
			if (round >= warmUp) samples[at]!.push(sample);
		}
	}
	return features.map(({ name }, at) => ({ feature: name, size, cost: summarise(samples[at]!, size * batch) }));
}

function decorated({ decorate }: Feature, plain: Load): Load {
	if (decorate === undefined) return plain;
	const random = seeded(21);
	return { ...plain, specs: plain.specs.map((spec) => decorate(spec, random)) };
}

function withFeature(feature: Feature): Contender {
	const agents: readonly AnyAgent[] = [
		defineAgent({ name: "noop", run: noop }),
		defineAgent({ name: "one", run: one }),
		defineAgent({ name: "checked", input: anything, output: anything, run: noop }),
	];
	return {
		name: `dagswarm with ${feature.name}`,
		peer: false,
		run: async ({ specs }) => {
			const ports = feature.ports?.();
			const swarm = createSwarm({
				agents,
				concurrency,
				check: "off",
				...feature.options,
				...(ports !== undefined && { ports }),
			});
			const run = swarm.start({ nodes: specs });
			const seen = feature.subscribed === true ? countEvents(run.events()) : undefined;
			const outcome = await run.result();
			await swarm.close();
			const completed = completedIn(outcome);
			if (seen !== undefined && (await seen) < 2 * specs.length) throw new Error(`only ${await seen} events`);
			return { completed, held: run };
		},
	};
}

async function countEvents(events: AsyncIterable<unknown>): Promise<number> {
	let count = 0;
	for await (const _ of events) count++;
	return count;
}

export function printFeatures(rows: readonly FeatureRow[]): void {
	const base = rows[0]!.cost.median;
	const cells = rows.map(({ feature, cost }) => [
		feature,
		figure(cost.best),
		figure(cost.median),
		figure(cost.wall),
		`+${figure(cost.median - base)}`.replace("+-", "-"),
		"",
	]);
	const heading = `optional features, layered, ${rows[0]!.size.toLocaleString("en-US")} nodes: CPU µs/node (no limits)`;
	printTable(heading, ["feature", "best", "median", "wall", "more", ""], cells);
}
