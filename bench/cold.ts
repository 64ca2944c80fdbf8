import { inFreshProcess } from "./child.ts";
import { figure } from "./gauge.ts";
import { type Sample, type Summary, summarise } from "./measure.ts";
import { printTable } from "./table.ts";
import type { WorkloadName } from "./workloads.ts";

export interface ColdRow {
	readonly workload: WorkloadName;
	readonly size: number;
	/** Microseconds per node. */
	readonly cost: Summary;
}

/** The first run of a process, with all the compiling that goes with it. */
export async function measureCold(workload: WorkloadName, size: number, processes: number): Promise<ColdRow> {
	const samples: Sample[] = [];
	for (let at = 0; at < processes; at++) {
		samples.push(await inFreshProcess<Sample>("cold-child.ts", [workload, String(size)]));
	}
	return { workload, size, cost: summarise(samples, size) };
}

export function printCold(rows: readonly ColdRow[]): void {
	const cells = rows.map(({ workload, size, cost }) => [
		workload,
		size.toLocaleString("en-US"),
		figure(cost.best),
		figure(cost.median),
		figure(cost.wall),
		"",
	]);
	const heading = "cold, the first run of a process: CPU µs/node (no limits)";
	printTable(heading, ["workload", "nodes", "best", "median", "wall", ""], cells);
}
