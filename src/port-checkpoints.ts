import { SwarmError } from "./core/errors.js";
import type { NodeId, RunId } from "./core/ids.js";
import { show } from "./graph/spec.js";
import type { CheckpointerPort, CheckpointerStore } from "./ports/checkpointer.js";
import { type Guarded, PortGuard } from "./ports/guard.js";
import type { RunInfo } from "./ports/port.js";
import type { TakenOver } from "./recovery.js";
import { optionsOf } from "./run-settings.js";
import type { Origin, SwarmParts } from "./swarm-parts.js";
import { runInfo } from "./swarm-ports.js";

/** The progress of a run's nodes, where the host keeps it itself. What is asked of its store is asked in order. */
export class PortCheckpoints {
	readonly #guard: PortGuard;
	/** What was asked last. */
	#last: Promise<unknown>;
	#store: CheckpointerStore | undefined;
	/** How often it did not answer in time, and what was said of it then. */
	#hung = 0;
	#error: SwarmError | undefined;

	/** @param store - where it is open already: of a run that goes on */
	constructor(port: CheckpointerPort, guard: PortGuard, run: RunInfo, store?: CheckpointerStore) {
		this.#guard = guard;
		this.#store = store;
		this.#last = store === undefined ? this.#open(() => guard.ask("open", () => port.open(run))) : Promise.resolve();
	}

	async #open(ask: () => Guarded<CheckpointerStore> | Promise<Guarded<CheckpointerStore>>): Promise<void> {
		const answer = await ask();
		if (answer.ok) this.#store = answer.value;
	}

	/** @returns when it is kept; rejects with `PORT_FAILED` when it is not */
	save(node: NodeId, state: unknown): Promise<void> {
		return this.#do("save", (store) => (state === undefined ? store.clear(node) : store.save(node, state)));
	}

	clear(node: NodeId): void {
		this.#do("clear", (store) => store.clear(node)).catch(reported);
	}

	async close(ended: boolean): Promise<void> {
		await this.#do("close", (store) => store.close?.(ended)).catch(reported);
	}

	#do(operation: string, ask: (store: CheckpointerStore) => void | PromiseLike<void>): Promise<void> {
		const hung = this.#hung;
		const done = this.#last.then(async () => {
			// Those that wait behind one that hangs do not wait for their turns to hang, too.
			if (this.#hung > hung && operation !== "close") throw this.#error;
			const store = this.#store;
			if (store === undefined) throw new SwarmError("PORT_FAILED", "checkpointer: it could not be opened");
			const answer = await this.#guard.ask(operation, () => ask(store));
			if (answer.ok) return;
			if (answer.hangs === true) this.#hung++;
			this.#error = answer.error;
			throw answer.error;
		});
		this.#last = done.catch(reported);
		return done;
	}
}

/**
 * Reads what the host has kept of a run that goes on, before it does.
 *
 * @returns undefined where the host keeps nothing itself
 * @throws SwarmError `PORT_FAILED`
 */
export async function openProgress(
	{ options, clock }: Pick<SwarmParts, "options" | "clock">,
	{ run, taken }: { readonly run: RunId; readonly taken: TakenOver },
): Promise<Origin["progress"]> {
	const port = options.ports?.checkpointer;
	if (port === undefined) return undefined;
	// There is no run yet that could record it: whoever recovers it is told.
	const guard = new PortGuard("checkpointer", options.portPolicies?.checkpointer ?? {}, clock, reported);
	const info = runInfo(run, optionsOf(taken.state.settings), { startedAt: taken.createdAt, resumed: true });
	const store = given(await guard.ask("open", () => port.open(info)));
	const loaded: unknown = given(await guard.ask("load", () => store.load()));
	if (loaded instanceof Map) return { store, loaded };
	throw guard.failed("load", new Error(`${show(loaded)} is no map of what nodes have saved`)).error;
}

function given<Value>(answer: Guarded<Value>): Value {
	if (answer.ok) return answer.value;
	throw answer.error;
}

/** The guard has told the run. */
function reported(): void {}
