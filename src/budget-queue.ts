import type { Attempt } from "./executor/attempt.js";
import type { GraphActor } from "./graph/actor.js";
import type { BudgetPort } from "./ports/budget.js";

/** The queues of all runs that share a budget: what one gives back may be enough for another. */
const sharing = new WeakMap<BudgetPort, Set<BudgetQueue>>();

/**
 * Attempts of a run that wait, without a slot, until others have given back what they reserved. One a run is woken each
 * time; when that is enough for it, it wakes the next.
 */
export class BudgetQueue {
	/** By node: until when it sleeps at most. */
	readonly #waiting = new Map<string, number>();
	readonly #queues: Set<BudgetQueue>;
	#actor: GraphActor | undefined;

	/** @param name - of the wait */
	constructor(
		port: BudgetPort,
		private readonly name: string,
	) {
		this.#queues = sharing.get(port) ?? new Set();
		sharing.set(port, this.#queues);
		this.#queues.add(this);
	}

	/** Resolves when something was given back, or at that time. */
	async wait(attempt: Attempt, until: number): Promise<void> {
		const { node } = attempt.lease;
		this.#actor = attempt.run.actor;
		this.#waiting.set(node, until);
		try {
			await attempt.park({ kind: "sleep", until, name: this.name });
		} finally {
			this.#waiting.delete(node);
		}
	}

	/** Something was given back. */
	settled(): void {
		for (const queue of this.#queues) queue.wakeOne();
	}

	/** The one that has waited longest asks again. */
	wakeOne(): void {
		for (const [node, until] of this.#waiting) {
			this.#waiting.delete(node);
			this.#actor?.post({ type: "timer", node, kind: "wait", fence: until }, ignore);
			return;
		}
	}

	close(): void {
		this.#queues.delete(this);
	}
}

/**
 * Lets go on what waited for a budget when its process died: what others had reserved then is gone.
 *
 * @param name - of the wait
 */
export function wakeAll(actor: GraphActor, name: string): void {
	const { graph } = actor.state;
	for (const [n, { wait }] of graph.extras)
		if (wait?.kind === "sleep" && wait.name === name)
			actor.post({ type: "timer", node: graph.id(n), kind: "wait", fence: wait.until }, ignore);
}

function ignore(): void {}
