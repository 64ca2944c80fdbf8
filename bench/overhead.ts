import type { Contender } from "./contender.ts";
import { figure, type Gauges } from "./gauge.ts";
import { Lane } from "./lane.ts";
import { type Summary, warmUpRounds } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Roster } from "./roster.ts";
import { printTable } from "./table.ts";
import { type WorkloadName, workloadNames } from "./workloads.ts";

/** One row of the overhead section; microseconds per node. */
export interface OverheadRow {
	readonly workload: WorkloadName;
	readonly size: number;
	readonly contender: string;
	/** Of the package, for a peer that is one. */
	readonly version?: string;
	/** Left out when nothing was measured. */
	readonly cost?: Summary;
	/** Median CPU time as a multiple of the ideal loop's. */
	readonly ratio?: number;
	/** Median CPU time as a multiple of the product's. */
	readonly toProduct?: number;
	/** Why there is no figure, or fewer rounds than asked for. */
	readonly note?: string;
}

/** Runs all contenders on one workload, size after size, in turns: A B C D A B C D … */
export async function measureOverhead(
	workload: WorkloadName,
	{ sizes, rounds, nodesPerSample, smoke }: Options,
	{ present, absent, versions }: Roster,
): Promise<OverheadRow[]> {
	const rows: OverheadRow[] = [];
	// In a smoke run each peer shows on one workload, and on the smallest size, that it works.
	const own = workloadNames.indexOf(workload);
	const takes = ({ peer }: Contender, at: number) => !smoke || !peer || at % workloadNames.length === own;
	const lanes = present.filter(takes).map((contender) => new Lane(contender, workload));
	try {
		await Promise.all(lanes.map((lane) => lane.open()));
		for (const size of sizes) {
			const taking = smoke && size !== sizes[0] ? lanes.filter(({ contender }) => !contender.peer) : lanes;
			const warmUp = warmUpRounds(size, nodesPerSample);
			for (const lane of taking) await lane.begin(size, { warmUp, rounds, nodesPerSample });
			for (let round = 0; round < warmUp + rounds; round++) for (const lane of taking) await lane.run();
			rows.push(...rowsOf(workload, size, taking, versions));
			for (const contender of absent) rows.push({ workload, size, contender, note: "absent" });
		}
	} finally {
		for (const lane of lanes) lane.close();
	}
	return rows;
}

function rowsOf(
	workload: WorkloadName,
	size: number,
	lanes: readonly Lane[],
	versions: Readonly<Record<string, string>>,
): OverheadRow[] {
	const medianFor = (name: string) => lanes.find(({ contender }) => contender.name === name)?.summary()?.median;
	const ideal = medianFor("ideal loop");
	const product = medianFor("dagswarm");
	return lanes.map((lane) => {
		const contender = lane.contender.name;
		const cost = lane.summary();
		const note = lane.note();
		return {
			workload,
			size,
			contender,
			...(versions[contender] !== undefined && { version: versions[contender] }),
			...(cost !== undefined && { cost }),
			...(cost !== undefined && ideal !== undefined && { ratio: cost.median / ideal }),
			...(cost !== undefined && product !== undefined && { toProduct: cost.median / product }),
			...(note !== undefined && { note }),
		};
	});
}

/** Prints the rows of one workload and judges the product's. */
export function printOverhead(workload: WorkloadName, rows: readonly OverheadRow[], gauges: Gauges): void {
	const cells = rows.map((row) => [
		row.contender,
		row.size.toLocaleString("en-US"),
		figure(row.cost?.best ?? Number.NaN),
		figure(row.cost?.median ?? Number.NaN),
		figure(row.cost?.wall ?? Number.NaN),
		figure(row.ratio ?? Number.NaN),
		figure(row.toProduct ?? Number.NaN),
		row.note ?? (row.contender === "dagswarm" ? judgeCost(row, rows, gauges) : ""),
	]);
	const columns = ["contender", "nodes", "best", "median", "wall", "× ideal", "× dagswarm", "limits"];
	printTable(`${workload}: CPU µs/node (wall: median)`, columns, cells);
	const growth = judgeGrowth(workload, rows, gauges);
	if (growth !== undefined) console.log(`\n${growth}`);
}

function judgeCost(row: OverheadRow, rows: readonly OverheadRow[], gauges: Gauges): string {
	const { workload, size, cost } = row;
	const what = `${workload} ${size.toLocaleString("en-US")}`;
	const absolute = gauges.judge(`${what}: CPU`, cost!.median, size <= 100_000 ? 2 : 2.5, "µs/node");
	const ideal = medianOf(rows, "ideal loop", size)!;
	const relative = gauges.judge(`${what}: against ideal`, cost!.median, Math.max(2.5 * ideal, ideal + 1.2), "µs/node");
	return absolute === "" ? "" : `${absolute}, to ideal ${relative}`;
}

function judgeGrowth(workload: WorkloadName, rows: readonly OverheadRow[], gauges: Gauges): string | undefined {
	const [small, large, idealSmall, idealLarge] = [
		medianOf(rows, "dagswarm", 100_000),
		medianOf(rows, "dagswarm", 1_000_000),
		medianOf(rows, "ideal loop", 100_000),
		medianOf(rows, "ideal loop", 1_000_000),
	];
	if (small === undefined || large === undefined || idealSmall === undefined || idealLarge === undefined) return;
	const own = large / small;
	const ideal = idealLarge / idealSmall;
	const verdict = gauges.judge(`${workload}: growth from 100k to 1M`, own, 1.5 * ideal, "×");
	return `growth from 100k to 1M: ${figure(own)}×, ideal loop ${figure(ideal)}× ${verdict}`;
}

function medianOf(rows: readonly OverheadRow[], contender: string, size: number): number | undefined {
	return rows.find((row) => row.contender === contender && row.size === size)?.cost?.median;
}
