import type { Clock } from "../core/clock.js";
import type { WorkerPool } from "../executor/worker-pool.js";
import { type FaultCounts, noCounts, type ResolvedFaults } from "./faults.js";
import type { Random } from "./random.js";

type Arrive = (ok: boolean, value: unknown) => void;

/**
 * A pool on a virtual clock whose workers are not to be relied on: outcomes are delayed, reordered,
 * doubled and lost, and workers die, all drawn from one source of random numbers.
 */
export class SimulatedPool implements WorkerPool {
	/** Hears of each outcome on its way: others may act in just that moment. */
	onOutcome: (() => void) | undefined;
	/** Loops that run. */
	#running = 0;
	readonly #waiting: (() => Promise<void>)[] = [];
	/** Held back until another outcome has arrived. */
	#overtaken: (() => void) | undefined;

	/**
	 * @param concurrency - worker loops at a time, at least 1
	 * @param faults - what goes wrong while {@link calm} was not called
	 * @param counts - where it is noted how often each fault struck
	 */
	constructor(
		readonly concurrency: number,
		private readonly clock: Clock,
		private readonly random: Random,
		private faults: ResolvedFaults,
		readonly counts: FaultCounts = noCounts(),
	) {}

	add(loop: () => Promise<void>): void {
		if (this.#running === this.concurrency) this.#waiting.push(loop);
		else this.#run(loop);
	}

	#run(loop: () => Promise<void>): void {
		this.#running++;
		const next = (): void => {
			this.#running--;
			const waiting = this.#waiting.shift();
			if (waiting !== undefined) this.#run(waiting);
		};
		void loop().then(next, next);
	}

	/** No more faults from now on; what is lost stays lost. */
	calm(faults: ResolvedFaults): void {
		this.faults = faults;
		this.#release();
	}

	execute(call: () => unknown, arrive: Arrive): void {
		if (this.#strikes("crash")) return;
		// Nothing comes back from a worker in the same moment: not from a function that is not async either.
		new Promise((resolve) => resolve(call())).then(
			(value) => this.#carry(arrive, true, value),
			(error) => this.#carry(arrive, false, error),
		);
	}

	#carry(arrive: Arrive, ok: boolean, value: unknown): void {
		this.onOutcome?.();
		if (this.#strikes("drop")) return;
		const deliver = (): void => {
			arrive(ok, value);
			this.#release();
		};
		if (this.#strikes("duplicate")) this.#later(() => arrive(ok, value));
		if (this.#strikes("delay")) this.#later(deliver);
		else if (this.#overtaken === undefined && this.#strikes("reorder")) {
			this.#overtaken = () => arrive(ok, value);
			// Nothing may ever come to overtake it.
			this.#later(() => this.#release());
		} else deliver();
	}

	#release(): void {
		const overtaken = this.#overtaken;
		this.#overtaken = undefined;
		overtaken?.();
	}

	#later(act: () => void): void {
		this.clock.set(this.clock.now() + 1 + this.random.below(this.faults.maxDelay), act);
	}

	#strikes(fault: keyof FaultCounts): boolean {
		const strikes = this.random.chance(this.faults[fault]);
		if (strikes) this.counts[fault]++;
		return strikes;
	}
}
