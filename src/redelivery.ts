import { warnOf } from "./core/emitter.js";
import { SwarmError } from "./core/errors.js";
import { type RunId, randomIds } from "./core/ids.js";
import type { DeliveryResult } from "./ports/delivery-loop.js";
import { giveBack, type TakenOver } from "./recovery.js";
import { endedRun, type RunHandle } from "./run.js";
import { deliveryOf, failedBuild, RunDelivery } from "./run-delivery.js";
import { optionsOf } from "./run-settings.js";
import type { StartOptions } from "./swarm-options.js";
import type { SwarmParts } from "./swarm-parts.js";
import { runInfo } from "./swarm-ports.js";

/** Deliveries of a swarm that none of its runs looks after: of runs that ended in another process, or that never began. */
export class Redeliveries {
	readonly #parts: Omit<SwarmParts, "onEnd">;
	readonly #underWay = new Map<RunDelivery, Promise<unknown>>();
	readonly #runs = new Set<RunId>();

	constructor(parts: Omit<SwarmParts, "onEnd">) {
		this.#parts = parts;
	}

	/** Whether this process is about to deliver the run. */
	has(run: RunId): boolean {
		return this.#runs.has(run);
	}

	/** A run that has ended and was not delivered: this process does it. */
	deliver(run: RunId, taken: TakenOver): RunHandle {
		const { options, clock, writer, journal } = this.#parts;
		const { state, epoch, createdAt } = taken;
		const port = options.ports?.delivery;
		const sink = writer?.open(run, epoch, state.seq, state.status);
		if (sink !== undefined) sink.staysOpen = true;
		this.#runs.add(run);
		const settle = async (result: DeliveryResult | undefined): Promise<DeliveryResult | undefined> => {
			if (result?.error?.code !== "CANCELLED") await sink?.end().catch((error) => this.#report(error));
			sink?.close();
			if (journal !== undefined) await giveBack(journal, run, epoch);
			this.#runs.delete(run);
			return result;
		};
		return endedRun(state, { createdAt }, this.#parts, (actor, outcome) => {
			// Nobody wants it any more: it counts as done.
			if (port === undefined) return settle(undefined);
			const info = runInfo(run, optionsOf(state.settings), { startedAt: createdAt, resumed: true });
			const policy = options.portPolicies?.delivery ?? {};
			const delivery = new RunDelivery(port, deliveryOf(actor, info, outcome), policy, clock, (error) =>
				this.#report(error),
			);
			return this.#watch(delivery, delivery.result.then(settle));
		});
	}

	/** A run that could not even begin is delivered, too: whoever waits for it hears why. */
	refused(run: RunId, options: StartOptions, error: unknown): void {
		const { options: swarm, clock } = this.#parts;
		const port = swarm.ports?.delivery;
		// What there is already is delivered when it has ended.
		if (port === undefined || (SwarmError.is(error) && error.code === "RUN_EXISTS")) return;
		const info = runInfo(run, options, { startedAt: clock.now(), resumed: false });
		// Another try to begin with the same id is another delivery.
		const delivery = new RunDelivery(
			port,
			failedBuild(`${run}/${(swarm.ids ?? randomIds).run()}`, info, error),
			swarm.portPolicies?.delivery ?? {},
			clock,
			(failure) => this.#report(failure),
		);
		void this.#watch(delivery, delivery.result);
	}

	#watch<Value>(delivery: RunDelivery, done: Promise<Value>): Promise<Value> {
		this.#underWay.set(delivery, done);
		void done.finally(() => this.#underWay.delete(delivery));
		return done;
	}

	#report(error: unknown): void {
		(this.#parts.options.onListenerError ?? warnOf)(error, "port delivery");
	}

	/** Tries that are under way may end; no other comes. */
	async close(): Promise<void> {
		const done = [...this.#underWay.values()];
		for (const delivery of this.#underWay.keys()) delivery.close();
		await Promise.all(done);
	}
}
