import { edgeTrials } from "./edge-trials.ts";
import { figure, type Gauges } from "./gauge.ts";
import { type Sample, type Summary, settle, summarise } from "./measure.ts";
import { nodeTrials } from "./node-trials.ts";
import { printTable } from "./table.ts";
import { attempt, type Trial } from "./trial.ts";

const trials: readonly Trial[] = [...edgeTrials, ...nodeTrials];

export interface MutationRow {
	readonly mutation: string;
	readonly unit: string;
	readonly size: number;
	/** Microseconds per unit. */
	readonly cost: Summary;
	readonly limit?: number;
}

/** Drives the actor by hand, one trial after another in turns, each on a fresh graph. */
export async function measureMutations(size: number, rounds: number): Promise<MutationRow[]> {
	const samples = trials.map((): Sample[] => []);
	const warmUp = rounds < 5 ? 1 : 5;
	await settle();
	for (let round = 0; round < warmUp + rounds; round++) {
		for (const [at, trial] of trials.entries()) {
			const sample = await attempt(trial, size);
			if (round >= warmUp) samples[at]!.push(sample);
		}
	}
	return trials.map(({ name, unit, limit }, at) => ({
		mutation: name,
		unit,
		size,
		cost: summarise(samples[at]!, 1),
		...(limit !== undefined && { limit }),
	}));
}

export function printMutations(rows: readonly MutationRow[], gauges: Gauges): void {
	const cells = rows.map(({ mutation, unit, size, cost, limit }) => [
		mutation,
		unit,
		figure(cost.best),
		figure(cost.median),
		figure(cost.wall),
		limit === undefined || size < 100_000 ? "" : gauges.judge(mutation, cost.median, limit, `µs/${unit}`),
	]);
	const heading = `mutations on a graph of ${rows[0]!.size.toLocaleString("en-US")} nodes: CPU µs per unit`;
	printTable(heading, ["mutation", "per", "best", "median", "wall", "limits"], cells, 2);
}
