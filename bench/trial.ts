import { measure, type Sample, sweep } from "./measure.ts";

/** One operation on a graph that is driven by hand, without agents. */
export interface Trial {
	readonly name: string;
	/** What the figure is about: "edge", "node", … */
	readonly unit: string;
	/** Microseconds per unit that it may take on a graph of 100,000 nodes; left out for rows that are only shown. */
	readonly limit?: number;
	/** Makes a fresh graph, and the part that is measured. */
	prepare(size: number): Prepared | Promise<Prepared>;
}

export interface Prepared {
	readonly units: number;
	/** May hand back a sample of its own, where the worst unit counts and not the mean. */
	run(): Promise<Sample | undefined>;
	/** Throws when the graph is not what it should be. */
	verify?(): void;
}

/** One measured run of a trial on a graph of its own, per unit. */
export async function attempt(trial: Trial, size: number): Promise<Sample> {
	const { run, units, verify } = await trial.prepare(size);
	sweep();
	let own: Sample | undefined;
	const whole = await measure(async () => {
		own = await run();
	});
	verify?.();
	return own ?? { cpu: whole.cpu / units, wall: whole.wall / units };
}
