import type { Contender } from "./contender.ts";
import { LaneProcess, Overdue, type Task } from "./lane-process.ts";
import { type Sample, type Summary, summarise } from "./measure.ts";
import { allowed, Patience } from "./patience.ts";
import type { WorkloadName } from "./workloads.ts";

const proofSize = 200;

/** How the samples of a case are taken: some that do not count, then those that do, each of about so many nodes. */
export interface Sampling {
	readonly warmUp: number;
	readonly rounds: number;
	readonly nodesPerSample: number;
}

/** One contender's way through the sizes of a workload, in a process of its own. */
export class Lane {
	readonly contender: Contender;
	readonly #workload: WorkloadName;
	#process: LaneProcess | undefined;
	#patience = new Patience();
	#size = 0;
	#times = 1;
	#rounds = 0;
	#warmUp = 0;
	/** Per node. */
	#samples: Sample[] = [];
	#uncounted: Sample[] = [];
	/** Why this size is over. */
	#over: "stopped" | "not begun" | "failed" | undefined;
	#reason = "";

	constructor(contender: Contender, workload: WorkloadName) {
		this.contender = contender;
		this.#workload = workload;
	}

	/** Starts the process ahead of the first size, beside those of others. */
	async open(): Promise<void> {
		await this.#makeReady();
	}

	/** Goes on to a size. A peer runs it once first, which shows how many runs it has time for. */
	async begin(size: number, { warmUp, rounds, nodesPerSample }: Sampling): Promise<void> {
		// Where not one run ended in time, a larger one need not be tried.
		if (this.#over === "not begun") return;
		if (this.#over === "stopped" && this.#uncounted.length === 0) {
			this.#over = "not begun";
			this.#reason = `${this.#size.toLocaleString("en-US")} nodes passed ${seconds}`;
			return;
		}
		this.#size = size;
		this.#samples = [];
		this.#uncounted = [];
		this.#over = undefined;
		this.#patience = new Patience();
		await this.#makeReady();
		this.#times = Math.max(1, Math.floor(nodesPerSample / size));
		this.#rounds = rounds;
		this.#warmUp = warmUp;
		if (this.contender.peer) await this.#tryOnce(warmUp + rounds);
	}

	/** Takes the next sample, unless this lane has them all or has no time left. */
	async run(): Promise<void> {
		if (this.#samples.length === this.#rounds) return;
		const sample = await this.#sample(this.#times);
		if (sample === undefined) return;
		if (this.#warmUp > 0 && this.#patience.warmsUp) {
			this.#warmUp--;
			this.#uncounted.push(sample);
		} else {
			this.#warmUp = 0;
			this.#samples.push(sample);
		}
	}

	/** What the samples say; those before the ones that count when it has not come further. */
	summary(): Summary | undefined {
		if (this.#over === "not begun" || this.#over === "failed") return undefined;
		const samples = this.#samples.length > 0 ? this.#samples : this.#uncounted;
		return samples.length > 0 ? summarise(samples, 1) : undefined;
	}

	/** Why there are no figures, or fewer than asked for. */
	note(): string | undefined {
		if (this.#over === undefined) return undefined;
		if (this.#over !== "stopped") return `${this.#over}: ${this.#reason}`;
		if (this.#samples.length > 0) return `stopped at ${seconds}: ${this.#samples.length} of ${this.#rounds} rounds`;
		return this.#uncounted.length > 0 ? `stopped at ${seconds}: not warmed up` : `stopped at ${seconds}`;
	}

	close(): void {
		this.#process?.close();
		this.#process = undefined;
	}

	/** A new process first shows on a small graph that dependencies are kept; that is not in the time of the case. */
	async #makeReady(): Promise<void> {
		if (this.#process !== undefined) {
			await this.#perform({ kind: "settle" });
			return;
		}
		this.#process = new LaneProcess(this.contender.name);
		await this.#perform({ kind: "prove", workload: this.#workload, size: proofSize });
	}

	async #tryOnce(samples: number): Promise<void> {
		const first = await this.#sample(1);
		if (first === undefined) return;
		this.#uncounted.push(first);
		this.#times = Math.min(this.#times, this.#patience.timesFor(first.wall * this.#size, samples));
	}

	async #sample(times: number): Promise<Sample | undefined> {
		const began = performance.now();
		const task = { kind: "run", workload: this.#workload, size: this.#size, times } as const;
		const sample = await this.#perform(task);
		if (this.contender.peer) this.#patience.spend((performance.now() - began) * 1000);
		if (sample === undefined) return undefined;
		const nodes = this.#size * times;
		return { cpu: sample.cpu / nodes, wall: sample.wall / nodes };
	}

	/** The answer of the process, or nothing once this size is over. */
	async #perform(task: Task): Promise<Sample | undefined> {
		if (this.#over !== undefined || this.#process === undefined) return undefined;
		try {
			return await this.#process.perform(task, this.contender.peer ? this.#patience.left : undefined);
		} catch (error) {
			this.close();
			if (!this.contender.peer) throw error;
			this.#over = error instanceof Overdue ? "stopped" : "failed";
			this.#reason = (error as Error).message;
			return undefined;
		}
	}
}

const seconds = `${allowed / 1e6} s`;
