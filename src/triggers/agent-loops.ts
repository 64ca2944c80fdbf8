import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import type { AutonomousAgent } from "./autonomous.js";
import { OPEN_STATES } from "./occurrence.js";
import type { OccurrenceBook } from "./occurrence-book.js";
import { documentName, rememberedIn } from "./remembered.js";
import type { Store } from "./store.js";
import type { TriggerRecord } from "./trigger.js";
import type { TriggerBook } from "./trigger-book.js";
import { newRecord, restartedRecord } from "./trigger-record.js";

/** How an autonomous agent stands. */
export interface AgentLoop {
	readonly name: string;
	readonly goal: string;
	/** `ticking`: it ticks, or waits for its next tick; `stopped`: by {@link AgentLoops.stop}; `ended`: its goal is reached. */
	readonly state: "ticking" | "stopped" | "ended";
	readonly ticks: { readonly started: number; readonly completed: number; readonly failed: number };
	/** Failures since the last tick that completed: so often the wait has doubled. */
	readonly failures: number;
	/** What it remembers; null before its first tick has completed. */
	readonly memory: unknown;
}

/** What {@link AgentLoops} works with. */
export interface AgentLoopsOptions {
	readonly store: Store;
	readonly triggers: TriggerBook;
	readonly occurrences: OccurrenceBook;
	readonly clock: Clock;
	/** The agents that the swarm of this process has. */
	readonly isKnown: (name: string) => Promise<boolean>;
	/** Cancels an occurrence, wherever it runs. */
	readonly cancel: (key: string, reason: string) => Promise<void>;
	readonly onChange: () => void;
}

/** The autonomous agents of a service: started and stopped by any process, and ticking in the one that leads. */
export class AgentLoops {
	readonly #options: AgentLoopsOptions;

	/** @internal See `service.agents`. */
	constructor(options: AgentLoopsOptions) {
		this.#options = options;
	}

	/**
	 * Has an agent tick. One that was stopped, or has ended by itself, goes on with what it remembers.
	 *
	 * @throws SwarmError `ILLEGAL_STATE` when it ticks already; `UNKNOWN_AGENT` where the swarm does not have its agent
	 */
	async start({ name, trigger }: Pick<AutonomousAgent, "name" | "trigger">): Promise<AgentLoop> {
		const { triggers, clock, isKnown, onChange } = this.#options;
		if (!(await isKnown(name)))
			throw new SwarmError("UNKNOWN_AGENT", `the swarm has no agent "${name}"`, {
				hint: "createSwarm({ agents: [autonomous.agent, …] })",
			});
		const record = await triggers.change(name, (known, revision) => {
			if (known === undefined) return newRecord(trigger, clock.now(), "store", revision);
			if (!isLoop(known))
				throw new SwarmError("ILLEGAL_STATE", `the trigger "${name}" is none of an autonomous agent`, {
					hint: "give the agent another name, or remove the trigger",
				});
			if (!known.paused && known.over === undefined)
				throw new SwarmError("ILLEGAL_STATE", `the agent "${name}" has been started already`, {
					hint: "stop it first; one agent never ticks twice at a time",
				});
			return restartedRecord(known, trigger, clock.now());
		});
		onChange();
		return this.#loopOf(record);
	}

	/**
	 * Has an agent tick no more. What it remembers is kept.
	 *
	 * @param options - `finish`: a tick that goes on may end; by default it is cancelled
	 * @returns false when there is no such agent, or it does not tick
	 */
	async stop(name: string, { finish = false }: { readonly finish?: boolean } = {}): Promise<boolean> {
		const { triggers, occurrences, cancel, onChange } = this.#options;
		const known = await this.#find(name);
		if (known === undefined || known.paused || known.over !== undefined) return false;
		await triggers.pause(name, true);
		const going = await occurrences.list({ trigger: name, states: OPEN_STATES });
		// It may end by itself while this asks.
		for (const { key, state } of going)
			if (!finish || state !== "running") await cancel(key, "the agent was stopped").catch(unlessEnded);
		onChange();
		return true;
	}

	/** By name. */
	async list(): Promise<readonly AgentLoop[]> {
		const records = (await this.#options.triggers.all()).filter(isLoop);
		return Promise.all(records.map((record) => this.#loopOf(record)));
	}

	/** @returns undefined when there is no such agent */
	async get(name: string): Promise<AgentLoop | undefined> {
		const record = await this.#find(name);
		return record && this.#loopOf(record);
	}

	/** Has an agent that does not tick forget what it remembers. @returns false when it ticks, or is not there */
	async forget(name: string): Promise<boolean> {
		const record = await this.#find(name);
		if (record === undefined || (!record.paused && record.over === undefined)) return false;
		await this.#options.store.write({ documents: [{ name: documentName(name), body: undefined }] });
		return true;
	}

	async #find(name: string): Promise<TriggerRecord | undefined> {
		const record = await this.#options.store.trigger(name);
		return record !== undefined && isLoop(record) ? record : undefined;
	}

	async #loopOf({ spec, paused, over, cursor }: TriggerRecord): Promise<AgentLoop> {
		const { started, completed, failed, failures } = cursor;
		return {
			name: spec.id,
			goal: String(spec.metadata?.["goal"] ?? ""),
			state: over !== undefined ? "ended" : paused ? "stopped" : "ticking",
			ticks: { started, completed, failed },
			failures,
			memory: await rememberedIn(this.#options.store, spec.remember?.as ?? ""),
		};
	}
}

/** What {@link defineAutonomous} makes: its own name is what it starts, and remembers under. */
function isLoop({ spec: { id, start, remember, until } }: TriggerRecord): boolean {
	return (
		typeof start === "object" && "call" in start && start.call === id && remember?.as === id && until !== undefined
	);
}

function unlessEnded(error: unknown): void {
	if (SwarmError.is(error) && (error.code === "ILLEGAL_STATE" || error.code === "UNKNOWN_OCCURRENCE")) return;
	throw error;
}
