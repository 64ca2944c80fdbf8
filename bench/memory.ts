import { inFreshProcess } from "./child.ts";
import type { Contender } from "./contender.ts";
import { figure, type Gauges } from "./gauge.ts";
import { allowed } from "./patience.ts";
import type { Roster } from "./roster.ts";
import { printTable } from "./table.ts";
import type { WorkloadName } from "./workloads.ts";

export interface MemoryFigures {
	/** Live bytes a node, without the caller's specs. */
	readonly own: number;
	readonly withSpecs: number;
	/** Bytes in the process at its worst. */
	readonly peakResident: number;
	readonly heapLimit: number;
}

export interface MemoryRow {
	readonly workload: WorkloadName;
	readonly size: number;
	readonly contender: string;
	readonly figures?: MemoryFigures;
	readonly note?: string;
}

/** Weighs the ended graph, every case in a process of its own with the default heap. */
export async function measureMemory(
	workload: WorkloadName,
	sizes: readonly number[],
	{ present, absent }: Roster,
): Promise<MemoryRow[]> {
	const rows: MemoryRow[] = [];
	const out = new Set<Contender>();
	for (const size of sizes) {
		for (const contender of present) {
			// Peers are not run where they take minutes; what they weigh per node does not depend on the size.
			if (contender.peer && (size > 100_000 || out.has(contender))) continue;
			const row = await weighOne(workload, size, contender);
			if (row.figures === undefined) out.add(contender);
			rows.push(row);
		}
		for (const contender of absent) rows.push({ workload, size, contender, note: "absent" });
	}
	return rows;
}

async function weighOne(workload: WorkloadName, size: number, contender: Contender): Promise<MemoryRow> {
	const row = { workload, size, contender: contender.name };
	try {
		const args = [contender.name, workload, String(size)];
		const limit = contender.peer ? allowed : 0;
		return { ...row, figures: await inFreshProcess<MemoryFigures>("memory-child.ts", args, limit) };
	} catch (error) {
		if (!contender.peer) throw error;
		const stopped = (error as { killed?: boolean }).killed === true;
		return { ...row, note: stopped ? `stopped at ${allowed / 1e6} s` : "failed" };
	}
}

export function printMemory(rows: readonly MemoryRow[], gauges: Gauges): void {
	const cells = rows.map((row) => [
		row.workload,
		row.contender,
		row.size.toLocaleString("en-US"),
		figure(row.figures?.own ?? Number.NaN),
		figure(row.figures?.withSpecs ?? Number.NaN),
		figure((row.figures?.peakResident ?? Number.NaN) / 2 ** 20),
		row.note ?? (row.contender === "dagswarm" ? judge(row, gauges) : ""),
	]);
	const columns = ["workload", "contender", "nodes", "own", "with specs", "peak MiB", "limits"];
	printTable("live bytes/node after the run (fresh process, default heap)", columns, cells, 2);
}

function judge(row: MemoryRow, gauges: Gauges): string {
	// Below that, the fixed cost of a swarm is spread over too few nodes.
	if (row.size < 100_000) return "";
	const what = `${row.workload} ${row.size.toLocaleString("en-US")}`;
	const own = gauges.judge(`${what}: own bytes`, row.figures!.own, 350, "bytes/node");
	const all = gauges.judge(`${what}: bytes with specs`, row.figures!.withSpecs, 550, "bytes/node");
	return own === "" ? "" : `${own}, with specs ${all}`;
}
