import { ListScheduler } from "./list-scheduler.js";
import { makespanBounds } from "./makespan-bounds.js";
import { criticalPathRule, type PriorityRule, priorityRules } from "./priority-rules.js";
import type { TaskGraph } from "./task-graph.js";

/** The best schedule that was found. */
export interface Plan {
	/** In milliseconds, when every task takes as long as it is expected to. */
	readonly makespan: number;
	/** The tasks in the order in which they start. */
	readonly sequence: Int32Array;
	/** How many schedules were tried. */
	readonly tries: number;
}

/** Tasks times tries, about: what planning may cost. */
const EFFORT = 600_000;
const MOST_TRIES = 400;
/** First come first served, the critical path, and one improvement: what a plan of any size has. */
const LEAST_TRIES = 4;
const MOST_FOR_BOUND = 20_000;
/** How often a schedule is turned round and back before it is left. */
const MOST_PASSES = 8;
/** How far ranks are shaken, as a share of themselves, in turns. */
const SHAKES = [0.02, 0.05, 0.1, 0.3, 1];

/**
 * Looks for a short schedule of a task graph: priority rules, then forward-backward improvement of what
 * they give (Li and Willis, "An iterative scheduling technique for resource-constrained project scheduling",
 * EJOR 56, 1992), then the same from ranks that are shaken a little. Every schedule is made by the rule that
 * the runtime follows, first come first served and the critical path among them, so the plan is
 * never longer than either. Deterministic: the randomness is a fixed sequence.
 *
 * @param slots - how many tasks may run at a time
 */
export function planSchedule(graph: TaskGraph, slots: number): Plan {
	return new Planner(graph, slots).plan();
}

class Planner {
	#best = Number.POSITIVE_INFINITY;
	#sequence = new Int32Array(0);
	#bestStarts = new Float64Array(0);
	#tries = 0;
	readonly #most: number;
	readonly #enough: number;
	readonly #forward: ListScheduler;
	readonly #backward: ListScheduler;
	readonly #scratch: Float64Array;

	constructor(
		private readonly graph: TaskGraph,
		slots: number,
	) {
		this.#most = Math.max(LEAST_TRIES, Math.min(MOST_TRIES, Math.floor(EFFORT / (graph.size + 1))));
		// Of a large graph few schedules are tried, so a better reason to stop would cost more than it saves.
		const bound = graph.size <= MOST_FOR_BOUND ? makespanBounds(graph, slots).tighter : graph.work / slots;
		this.#enough = bound * (1 + 1e-12);
		this.#forward = new ListScheduler(graph, slots);
		this.#backward = new ListScheduler(graph.reversed(), slots);
		this.#scratch = new Float64Array(graph.size);
	}

	plan(): Plan {
		this.#try();
		const levels = criticalPathRule(this.graph);
		this.#improve(levels);
		for (const rule of Object.values<PriorityRule>(priorityRules)) {
			if (this.#isOver) break;
			this.#improve(rule(this.graph));
		}
		const random = new Sequence(0x9e3779b9);
		for (let round = 0; !this.#isOver; round++) {
			// In turns from the levels, and from the best so far.
			const from = round % 2 === 0 ? levels : this.#bestStarts.map((start) => this.#best - start);
			const shake = SHAKES[(round >> 1) % SHAKES.length] as number;
			this.#improve(from.map((rank) => rank * (1 + shake * (2 * random.next() - 1))));
		}
		return { makespan: this.#best, sequence: this.#sequence, tries: this.#tries };
	}

	get #isOver(): boolean {
		return this.#best <= this.#enough || this.#tries >= this.#most;
	}

	/** One schedule, kept when it is the best. */
	#try(ranks?: Float64Array): number {
		this.#tries++;
		const makespan = this.#forward.schedule(ranks);
		if (makespan < this.#best) {
			this.#best = makespan;
			this.#sequence = this.#forward.sequence.slice();
			this.#bestStarts = this.#forward.starts.slice();
		}
		return makespan;
	}

	/**
	 * Schedules by ranks, then backwards from the end, the last to end first, then forwards again, the
	 * first to start of that one first; as long as it gets shorter.
	 */
	#improve(ranks: Float64Array): void {
		const { size, durations } = this.graph;
		const { starts } = this.#forward;
		const scratch = this.#scratch;
		let makespan = this.#try(ranks);
		for (let pass = 0; pass < MOST_PASSES && !this.#isOver; pass++) {
			// A task is the other way round at the mirrored place.
			for (let i = 0; i < size; i++) scratch[size - 1 - i] = (starts[i] as number) + (durations[i] as number);
			this.#tries++;
			this.#backward.schedule(scratch);
			// What starts late seen from the end starts early.
			for (let i = 0; i < size; i++) {
				scratch[i] = (this.#backward.starts[size - 1 - i] as number) + (durations[i] as number);
			}
			const shorter = this.#try(scratch);
			if (shorter >= makespan) return;
			makespan = shorter;
		}
	}
}

/** Numbers from 0 to below 1 that look random, from whole-number arithmetic alone (Marsaglia, "Xorshift RNGs", 2003). */
class Sequence {
	#state: number;

	/** @param seed - a 32-bit integer other than 0 */
	constructor(seed: number) {
		this.#state = seed;
	}

	next(): number {
		let x = this.#state;
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		this.#state = x;
		return (x >>> 0) / 4_294_967_296;
	}
}
