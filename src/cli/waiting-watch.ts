import type { Clock } from "../core/clock.js";
import type { RunId } from "../core/ids.js";
import type { RunHandle } from "../run.js";
import type { Swarm } from "../swarm.js";
import type { WaitingNode } from "../waiting-list.js";

/** Tells when a node of a run waits for a person, or for a signal; those of runs that it has called, too. */
export class WaitingWatch {
	readonly #followed = new Set<RunId>();

	constructor(
		private readonly swarm: Swarm,
		private readonly clock: Clock,
		private readonly tell: (waiting: WaitingNode) => void,
	) {}

	/** Follows a run until it has ended, or is let go of. */
	follow(run: RunHandle): void {
		if (this.#followed.has(run.id)) return;
		this.#followed.add(run.id);
		for (const each of run.waiting()) this.#told(each);
		void this.#listen(run).finally(() => this.#followed.delete(run.id));
	}

	async #listen(run: RunHandle): Promise<void> {
		try {
			const from = run.snapshot().seq + 1;
			for await (const event of run.events({ from, types: ["node.parked", "run.waiting"] })) {
				if (event.type === "run.waiting" || event.wait.kind === "child") this.#followCalled();
				else for (const each of run.waiting()) if (each.node === event.node) this.#told(each);
			}
		} catch {
			// How the run ends is told elsewhere.
		}
	}

	#followCalled(): void {
		const follow = (): void => {
			for (const run of this.swarm.runs()) if (run.parent !== undefined) this.follow(run);
		};
		follow();
		// What was called may begin only after that.
		this.clock.yield(follow);
	}

	#told(waiting: WaitingNode): void {
		if (waiting.kind === "approval" || waiting.kind === "signal") this.tell(waiting);
	}
}
