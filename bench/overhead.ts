import { type Contender, runChecked } from "./contender.ts";
import { figure, type Gauges } from "./gauge.ts";
import { measure, type Sample, type Summary, settle, summarise, sweep, warmUpRounds } from "./measure.ts";
import type { Options } from "./options.ts";
import { Patience } from "./patience.ts";
import type { Roster } from "./roster.ts";
import { printTable } from "./table.ts";
import { load, type WorkloadName } from "./workloads.ts";

/** One row of the overhead section; microseconds per node. */
export interface OverheadRow {
	readonly workload: WorkloadName;
	readonly size: number;
	readonly contender: string;
	/** Left out when nothing was measured. */
	readonly cost?: Summary;
	/** Median CPU time as a multiple of the ideal loop's. */
	readonly ratio?: number;
	/** Why there is no figure, or fewer rounds than asked for. */
	readonly note?: string;
}

/** Runs all contenders on one workload, size after size, in turns: A B C D A B C D … */
export async function measureOverhead(
	workload: WorkloadName,
	{ sizes, rounds, nodesPerSample }: Options,
	{ present, absent }: Roster,
): Promise<OverheadRow[]> {
	const rows: OverheadRow[] = [];
	const lanes = present.map((contender) => new Lane(contender, workload, nodesPerSample));
	for (const lane of lanes) await lane.probe(sizes[0]!);
	for (const size of sizes) {
		await settle();
		for (const lane of lanes) lane.begin(size);
		const warmUp = warmUpRounds(size, nodesPerSample);
		for (let round = 0; round < warmUp + rounds; round++) for (const lane of lanes) await lane.run(round >= warmUp);
		const ideal = lanes.find((lane) => lane.contender.name === "ideal loop")?.summary()?.median;
		for (const lane of lanes) {
			const cost = lane.summary();
			rows.push({
				workload,
				size,
				contender: lane.contender.name,
				...(cost !== undefined && { cost }),
				...(cost !== undefined && ideal !== undefined && { ratio: cost.median / ideal }),
				...(lane.trouble !== undefined && (cost?.rounds ?? 0) < rounds && { note: lane.trouble }),
			});
		}
		for (const contender of absent) rows.push({ workload, size, contender, note: "absent" });
	}
	return rows;
}

/** One contender's way through the sizes of a workload. */
class Lane {
	readonly contender: Contender;
	readonly #workload: WorkloadName;
	readonly #nodesPerSample: number;
	readonly #patience = new Patience();
	#size = 0;
	#batch = 1;
	#samples: Sample[] = [];
	#wall = 0;
	trouble: string | undefined;

	constructor(contender: Contender, workload: WorkloadName, nodesPerSample: number) {
		this.contender = contender;
		this.#nodesPerSample = nodesPerSample;
		this.#workload = workload;
	}

	/** Lets a peer show how it grows when the first size is a large one. */
	async probe(first: number): Promise<void> {
		if (!this.contender.peer) return;
		for (const size of [first / 100, first / 10]) {
			if (size < 1000 || !this.#patience.allows(size)) continue;
			this.begin(size);
			await this.run(false);
		}
	}

	begin(size: number): void {
		this.#size = size;
		this.#batch = Math.max(1, Math.floor(this.#nodesPerSample / size));
		this.#samples = [];
		this.#wall = 0;
		this.trouble = this.contender.peer && !this.#patience.allows(size) ? "stopped: forecast over 20 s" : undefined;
	}

	async run(counts: boolean): Promise<void> {
		if (this.trouble !== undefined) return;
		const loads = Array.from({ length: this.#batch }, () => load(this.#workload, this.#size));
		sweep();
		try {
			const sample = await measure(async () => {
				for (const each of loads) await runChecked(this.contender, each);
			});
			if (counts) this.#samples.push(sample);
			this.#wall += sample.wall;
			this.#patience.note(this.#size, sample.wall / this.#batch);
		} catch (error) {
			if (!this.contender.peer) throw error;
			this.trouble = `failed: ${(error as Error).message}`;
		}
		if (this.contender.peer && this.#patience.exhausted(this.#wall)) {
			this.trouble = `stopped: ${this.#samples.length} rounds in ${Math.round(this.#wall / 1e6)} s`;
		}
	}

	summary(): Summary | undefined {
		return this.#samples.length === 0 ? undefined : summarise(this.#samples, this.#size * this.#batch);
	}
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
		row.note ?? (row.contender === "dagswarm" ? judgeCost(row, rows, gauges) : ""),
	]);
	const columns = ["contender", "nodes", "best", "median", "wall", "× ideal", "limits"];
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
