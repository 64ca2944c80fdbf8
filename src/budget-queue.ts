import type { Attempt } from "./executor/attempt.js";
import type { GraphActor } from "./graph/actor.js";
import type { BudgetPort } from "./ports/budget.js";

/** The queues of all runs that share a budget: what one gives back may be enough for another. */
const sharing = new WeakMap<BudgetPort, Sharing>();

interface Sharing {
	readonly queues: Set<BudgetQueue>;
	/** How often something was given back. */
	settlements: number;
}

/**
 * Attempts of a run that wait, without a slot, until others have given back what they reserved. One a run is woken each
 * time; when that is enough for it, it wakes the next.
 */
export class BudgetQueue {
	/** By node: until when it sleeps at most. */
	readonly #waiting = new Map<string, number>();
	readonly #sharing: Sharing;
	#actor: GraphActor | undefined;

	/** @param name - of the wait */
	constructor(
		port: BudgetPort,
		private readonly name: string,
	) {
		this.#sharing = sharing.get(port) ?? { queues: new Set(), settlements: 0 };
		sharing.set(port, this.#sharing);
		this.#sharing.queues.add(this);
	}

	/** How often something was given back until now. */
	get settlements(): number {
		return this.#sharing.settlements;
	}

	/**
	 * Resolves when something was given back, or at that time.
	 *
	 * @param asOf - how often something had been given back when the attempt asked
	 */
	async wait(attempt: Attempt, until: number, asOf: number): Promise<void> {
		// Nobody would wake it for what was given back while it was being refused.
		if (this.#sharing.settlements !== asOf) return;
		const { node } = attempt.lease;
		this.#actor = attempt.run.actor;
		this.#waiting.set(node, until);
		try {
			await attempt.park({ kind: "sleep", until, name: this.name });
			this.#waiting.delete(node);
		} catch (over) {
			this.#waiting.delete(node);
			// It may have been its turn.
			this.wakeOne();
			throw over;
		}
	}

	/** Something was given back. */
	settled(): void {
		this.#sharing.settlements++;
		for (const queue of this.#sharing.queues) queue.wakeOne();
	}

	/** The one that has waited longest asks again. */
	wakeOne(): void {
		for (const [node, until] of this.#waiting) {
			this.#waiting.delete(node);
			this.#actor?.post({ type: "timer", node, kind: "wait", fence: until });
			return;
		}
	}

	close(): void {
		this.#sharing.queues.delete(this);
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
			actor.post({ type: "timer", node: graph.id(n), kind: "wait", fence: wait.until });
}
