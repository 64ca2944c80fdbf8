import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inFreshProcess } from "./child.ts";
import { type DurableCase, type DurableCaseName, type DurableSample, durableCases } from "./durable-cases.ts";
import { DurableProcess } from "./durable-process.ts";
import { median } from "./measure.ts";

/** Best and median of the rounds. */
export interface Spread {
	readonly best: number;
	readonly median: number;
}

/** What a case has used per node; times in microseconds. */
export interface DurableRow {
	readonly case: DurableCaseName;
	readonly nodes: number;
	readonly rounds: number;
	readonly wall: Spread;
	readonly cpu: Spread;
	/** Wall time in the journal's `append`, the waits for the disk among it. */
	readonly append: number;
	readonly events: number;
	readonly commits: number;
	/** Of the closed file; 0 without one. */
	readonly bytes: number;
}

/** How long it takes until a run is back; seconds. */
export interface ResumeRow {
	readonly events: number;
	readonly bytes: number;
	readonly rounds: number;
	readonly wall: Spread;
	/** Opening the file, which comes before. */
	readonly opened: Spread;
}

export interface DurableFigures {
	/**
	 * A commit that does nothing but wait for the disk, in microseconds: the median, which limits go by, and the mean,
	 * which is far from it where others use the disk.
	 */
	readonly sync: { readonly median: number; readonly mean: number };
	readonly rows: readonly DurableRow[];
	readonly resume: ResumeRow;
}

/** What the durable section is given. */
export interface DurableOptions {
	readonly nodes: number;
	readonly rounds: number;
	/** Events of the run that is resumed. */
	readonly resumed: number;
}

const WARM_UPS = 3;
const SLOW_WARM_UP_NODES = 20_000;
const SYNCS_PER_TURN = 50;

/** Runs every case in a process of its own, in turns, with the bare disk among those that wait for it. */
export async function measureDurable({ nodes, rounds, resumed }: DurableOptions): Promise<DurableFigures> {
	const lanes = (Object.keys(durableCases) as DurableCaseName[]).map((name) => new DurableLane(name, nodes));
	const disk = new DurableProcess();
	const times: number[] = [];
	try {
		for (const lane of lanes) await lane.warmUp();
		// A commit of the disk's has as much text as one of a run that waits for it.
		const characters = lanes.find((lane) => lane.name === "strict")?.characters ?? 0;
		await disk.sync(SYNCS_PER_TURN, characters);
		// A process that waits for others for long is given a full collection by V8, which costs it its warmth.
		for (const slow of [false, true]) {
			const some = lanes.filter((lane) => lane.slow === slow);
			for (let round = slow ? 0 : -1; round < rounds; round++) {
				for (const lane of some) {
					const sample = await lane.sample();
					if (round >= 0) lane.samples.push(sample);
					// Between any two: the disk of a shared machine is not the same from one minute to the next.
					if (slow) times.push(...(await disk.sync(SYNCS_PER_TURN, characters)));
				}
			}
		}
	} finally {
		for (const lane of lanes) lane.close();
		disk.close();
	}
	const rows = lanes.map((lane) => lane.row());
	const sync = { median: median(times), mean: times.reduce((sum, time) => sum + time, 0) / times.length };
	return { sync, rows, resume: await measureResume(resumed, Math.min(rounds, 3)) };
}

class DurableLane {
	readonly name: DurableCaseName;
	readonly slow: boolean;
	readonly samples: DurableSample[] = [];
	characters = 0;
	readonly #nodes: number;
	readonly #process = new DurableProcess();

	constructor(name: DurableCaseName, size: number) {
		const { share = 1, slow = false }: DurableCase = durableCases[name];
		this.name = name;
		this.slow = slow;
		this.#nodes = Math.max(Math.round(size * share), 100);
	}

	/** The compiler settles after some 200,000 nodes; where each run waits for the disk, fewer have to do. */
	async warmUp(): Promise<void> {
		for (let times = 0; times < (this.slow ? 1 : WARM_UPS); times++) {
			const nodes = this.slow ? Math.min(this.#nodes, SLOW_WARM_UP_NODES) : this.#nodes;
			const { commits, text } = await this.#process.run(this.name, nodes);
			if (commits > 0) this.characters = Math.round(text / commits);
		}
	}

	sample(): Promise<DurableSample> {
		return this.#process.run(this.name, this.#nodes);
	}

	row(): DurableRow {
		const perNode = (of: keyof DurableSample): Spread => spread(this.samples.map((one) => one[of] / this.#nodes));
		return {
			case: this.name,
			nodes: this.#nodes,
			rounds: this.samples.length,
			wall: perNode("wall"),
			cpu: perNode("cpu"),
			append: perNode("append").median,
			events: perNode("events").median,
			commits: perNode("commits").median,
			bytes: perNode("bytes").median,
		};
	}

	close(): void {
		this.#process.close();
	}
}

/** Lets a process write a run that is all but over, and others bring it back. */
async function measureResume(wanted: number, rounds: number): Promise<ResumeRow> {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-bench-"));
	try {
		const file = join(folder, "runs.db");
		const nodes = String(Math.ceil(wanted / 3));
		const { events } = await inFreshProcess<{ events: number }>("resume-child.ts", ["make", file, nodes]);
		const bytes = statSync(file).size;
		const walls: number[] = [];
		const opened: number[] = [];
		for (let round = 0; round < rounds; round++) {
			const args = ["recover", file, nodes];
			const times = await inFreshProcess<{ wall: number; opened: number }>("resume-child.ts", args);
			walls.push(times.wall);
			opened.push(times.opened);
		}
		return { events, bytes, rounds, wall: spread(walls), opened: spread(opened) };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function spread(values: readonly number[]): Spread {
	return { best: Math.min(...values), median: median(values) };
}
