import { getHeapStatistics } from "node:v8";
import { type Contender, runChecked } from "./contender.ts";
import { liveBytes } from "./measure.ts";
import type { MemoryFigures } from "./memory.ts";
import { findRoster } from "./roster.ts";
import { load, type WorkloadName } from "./workloads.ts";

const [name, workload, size] = process.argv.slice(2);
const { present } = await findRoster();
const contender = present.find((candidate) => candidate.name === name)!;
console.log(JSON.stringify(await weigh(contender, workload as WorkloadName, Number(size))));

/** Live bytes after a run, with the specs and the ended run held by globals. */
async function weigh(contender: Contender, workload: WorkloadName, size: number): Promise<MemoryFigures> {
	// Code and its feedback are no part of a graph: let a small run bring them in first.
	await runChecked(contender, load(workload, 200));
	const globals: { specs?: unknown; graph?: unknown } = globalThis as object;
	const empty = await liveBytes();
	const heavy = load(workload, size);
	globals.specs = heavy;
	const before = await liveBytes();
	globals.graph = (await runChecked(contender, heavy)).held;
	const after = await liveBytes();
	return {
		own: (after - before) / size,
		withSpecs: (after - empty) / size,
		peakResident: process.resourceUsage().maxRSS * 1024,
		heapLimit: getHeapStatistics().heap_size_limit,
	};
}
