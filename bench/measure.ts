import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { type: "minor" | "major" }) => void;

/** What one piece of work has used, in microseconds. */
export interface Sample {
	/** User and system time of all threads of the process, garbage collection included. */
	readonly cpu: number;
	readonly wall: number;
}

/** Samples of the same work, summed up. */
export interface Summary {
	readonly rounds: number;
	readonly best: number;
	readonly median: number;
	readonly wall: number;
}

/** Full collections: what the first one frees may let go of more. */
export async function settle(): Promise<void> {
	for (let times = 0; times < 2; times++) {
		collect();
		await delay(1);
	}
}

/**
 * Takes the nursery away from the contender before. A forced full collection here would also throw type feedback and
 * optimised code away, and make everybody's small graphs two to five times dearer than they are in a warm process.
 */
export function sweep(): void {
	collect({ type: "minor" });
}

/**
 * Rounds before those that count: the compiler settles after some 200,000 nodes, a case that follows others sooner.
 * A smoke run, whose samples are small, has one.
 */
export function warmUpRounds(size: number, nodesPerSample: number): number {
	return Math.max(1, Math.min(10, Math.floor((10 * nodesPerSample) / Math.max(size, 20_000))));
}

export async function measure(work: () => Promise<unknown>): Promise<Sample> {
	const started = performance.now();
	const before = process.cpuUsage();
	await work();
	const used = process.cpuUsage(before);
	return { cpu: used.user + used.system, wall: (performance.now() - started) * 1000 };
}

/** Best and median CPU time and median wall time, each divided by the number of units of work. */
export function summarise(samples: readonly Sample[], units: number): Summary {
	const cpu = samples.map((sample) => sample.cpu / units);
	return {
		rounds: samples.length,
		best: Math.min(...cpu),
		median: median(cpu),
		wall: median(samples.map((sample) => sample.wall / units)),
	};
}

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Bytes that are alive after garbage collection, outside the heap included. */
export async function liveBytes(): Promise<number> {
	for (let times = 0; times < 3; times++) await settle();
	const usage = process.memoryUsage();
	return usage.heapUsed + usage.external + usage.arrayBuffers;
}
