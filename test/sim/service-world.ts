import {
	type AnyAgent,
	type Clock,
	countingIds,
	createService,
	createSwarm,
	defineAgent,
	memoryStore,
	type OccurrenceInfo,
	type Service,
	type Store,
	SwarmError,
	type TriggerSpec,
	VirtualClock,
} from "dagswarm";
import { outlivingJournal } from "../durability/outliving-journal.js";
import { ServiceWrites } from "./service-writes.js";

export const LEASE = 1_000;
const GRACE = 300;

/** Where a process dies: between two steps, or in its next write to the store or to the journal, which is made or not. */
export type Death = "now" | "in a write" | "after a write" | "in an append" | "after an append";

/** An agent function that was called. */
export interface Execution {
	readonly key: string;
	readonly attempt: number;
	readonly member: number;
	readonly start: number;
	/** When it returned, or its process died. */
	end: number | undefined;
	how: "returned" | "threw" | "aborted" | "died" | undefined;
}

/** How an occurrence behaves that is run, by its key and attempt. */
export type Behaviour = (key: string, attempt: number) => { readonly ms: number; readonly fails: boolean };

/** A process of the service. */
interface Process {
	readonly id: number;
	readonly service: Service;
	readonly errors: unknown[];
	death: Death | undefined;
	alive: boolean;
	/** It cannot renew its lease until then. */
	cutUntil: number;
	/** What it asks of the store is done then, whatever has become of the others meanwhile. */
	haltedUntil: number;
}

const NEVER = new Promise<never>(() => {});

/** Processes of a service on one store, in virtual time, which die and come. */
export class ServiceWorld {
	readonly clock = new VirtualClock(Date.parse("2026-03-02T12:00:00Z"));
	readonly store: Store = memoryStore(outlivingJournal());
	readonly writes = new ServiceWrites(this.store);
	readonly executions: Execution[] = [];
	/** Keys that were put, and how often that was told to be new. */
	readonly fresh = new Map<string, number>();
	/** What went wrong outside of what was done to the processes. */
	readonly problems: string[] = [];
	/** When processes died, or let go of what had not ended when they were told to stop. */
	readonly lefts = new Map<number, number>();
	readonly #ids = countingIds();
	readonly #processes: Process[] = [];
	readonly #behaviour: Behaviour;
	readonly #triggers: readonly TriggerSpec[];

	constructor(triggers: readonly TriggerSpec[], behaviour: Behaviour) {
		this.#triggers = triggers;
		this.#behaviour = behaviour;
	}

	get living(): readonly Process[] {
		return this.#processes.filter(({ alive }) => alive);
	}

	/** Whether anything is kept back that may yet come. */
	get isHalted(): boolean {
		return this.living.some(({ haltedUntil }) => haltedUntil >= this.clock.now());
	}

	begin(): void {
		const id = this.#processes.length;
		const errors: unknown[] = [];
		const process: Process = {
			id,
			errors,
			death: undefined,
			alive: true,
			cutUntil: 0,
			haltedUntil: 0,
			// Its store asks whether it is alive, and its agents note for whom they work.
			get service(): Service {
				return service;
			},
		};
		const store = this.#storeOf(process);
		const swarm = createSwarm({
			agents: [this.#agentOf(process)],
			journal: store.journal,
			clock: this.clock,
			durability: "strict",
			grace: 100,
		});
		const service = createService({
			store,
			swarm,
			clock: this.clock,
			ids: this.#ids,
			lease: LEASE,
			triggers: this.#triggers,
			onError: (error) => errors.push(error),
			onWarning: (text) => errors.push(new Error(text)),
		});
		this.#processes.push(process);
		void service.start().catch((error) => {
			if (process.alive) this.problems.push(`start: ${String(error)}`);
		});
	}

	/** One of those that live, if any does. */
	pick(number: number): Process | undefined {
		const { living } = this;
		return living[number % living.length];
	}

	kill(process: Process, death: Death): void {
		if (death === "now") this.#die(process);
		else process.death = death;
	}

	/** Ends a process as a signal would. */
	stop(process: Process): void {
		this.lefts.set(process.id, this.clock.now() + GRACE);
		void process.service.stop({ grace: GRACE }).then(
			() => {
				process.alive = false;
			},
			(error) => this.problems.push(`stop: ${String(error)}`),
		);
	}

	/** Keeps a process from renewing its lease. */
	cut(process: Process, ms: number): void {
		process.cutUntil = this.clock.now() + ms;
	}

	/** Keeps what a process asks of the store back: it does not know that others go on without it. */
	halt(process: Process, ms: number): void {
		process.haltedUntil = Math.max(process.haltedUntil, this.clock.now() + ms);
	}

	/** @param put - told whether the key was new */
	put(process: Process, put: (service: Service) => Promise<{ readonly key: string; readonly isNew: boolean }>): void {
		put(process.service).then(
			({ key, isNew }) => this.fresh.set(key, (this.fresh.get(key) ?? 0) + (isNew ? 1 : 0)),
			(error) => this.#refused(error),
		);
	}

	/** @param does - may be refused */
	ask(process: Process, does: (service: Service) => Promise<unknown>): void {
		does(process.service).catch((error) => this.#refused(error));
	}

	/** What people do may come too late, and that is told. */
	#refused(error: unknown): void {
		const isToldOff =
			SwarmError.is(error) && ["ILLEGAL_STATE", "UNKNOWN_OCCURRENCE", "UNKNOWN_TRIGGER"].includes(error.code);
		if (!isToldOff) this.problems.push(String(error));
	}

	/** Moves time on, and lets everything happen that follows. */
	async pass(ms: number, step: number): Promise<void> {
		for (let passed = 0; passed < ms; passed += step) {
			this.clock.advance(step);
			for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
		}
	}

	/** Errors that the processes met with, but for those that were done to them. */
	errors(): string[] {
		const all = this.#processes.flatMap(({ errors }) => errors);
		return all.filter((error) => !(error instanceof Error && error.message === "cut off")).map(String);
	}

	#die(process: Process): void {
		process.alive = false;
		this.lefts.set(process.id, this.clock.now());
		for (const execution of this.executions)
			if (execution.member === process.id && execution.end === undefined) {
				execution.end = this.clock.now();
				execution.how = "died";
			}
	}

	#storeOf(process: Process): Store {
		const { store, writes } = this;
		const journal = this.#mortal(store.journal, process, "append");
		const acquire: Store["acquire"] = (name, holder, expiresAt, now) => {
			if (this.clock.now() < process.cutUntil) throw new Error("cut off");
			writes.asks(process.id, holder.id);
			return store.acquire(name, holder, expiresAt, now);
		};
		const write: Store["write"] = (change) => writes.write(process.id, change);
		const own = new Proxy(store, {
			get: (inner, name) => {
				if (name === "acquire") return acquire;
				if (name === "write") return write;
				const member: unknown = Reflect.get(inner, name);
				return typeof member === "function" ? member.bind(inner) : member;
			},
		});
		const mortal = this.#mortal(own, process, "write");
		return new Proxy(mortal, {
			get: (inner, name) => {
				if (name === "journal") return journal;
				const member: unknown = Reflect.get(inner, name);
				if ((name !== "acquire" && name !== "write") || typeof member !== "function") return member;
				return (...given: unknown[]) =>
					this.clock.now() < process.haltedUntil
						? this.#at(process.haltedUntil).then(() => member(...given))
						: member(...given);
			},
		});
	}

	#at(time: number): Promise<void> {
		return new Promise((resolve) => void this.clock.set(time, resolve));
	}

	/** What answers only as long as the process lives, which may die in one of its writes. */
	#mortal<Target extends object>(target: Target, process: Process, writing: "write" | "append"): Target {
		return new Proxy(target, {
			get: (inner, name) => {
				const member: unknown = Reflect.get(inner, name);
				if (typeof member !== "function") return member;
				return (...given: unknown[]) => {
					if (!process.alive) return NEVER;
					// Who is dead hears nothing, either.
					if (name === "watch") given[0] = this.#whileAlive(process, given[0] as () => void);
					if (name !== writing || process.death?.endsWith(writing === "write" ? "write" : "append") !== true)
						return member.apply(inner, given);
					if (process.death.startsWith("after")) member.apply(inner, given);
					this.#die(process);
					return NEVER;
				};
			},
		});
	}

	#whileAlive(process: Process, listen: () => void): () => void {
		return () => {
			if (process.alive) listen();
		};
	}

	#agentOf(process: Process): AnyAgent {
		return defineAgent({
			name: "work",
			run: (info: OccurrenceInfo, ctx) => this.#execute(process, ctx.runId, info, ctx.signal),
		});
	}

	async #execute(process: Process, run: string, { key }: OccurrenceInfo, signal: AbortSignal): Promise<string> {
		const attempt = Number(/#(\d+)$/.exec(run)?.[1] ?? 1);
		const { ms, fails } = this.#behaviour(key, attempt);
		const execution: Execution = {
			key,
			attempt,
			member: process.id,
			start: this.clock.now(),
			end: undefined,
			how: undefined,
		};
		if (process.alive) this.executions.push(execution);
		const ends = (how: Execution["how"]): void => {
			if (!process.alive) return;
			execution.end = this.clock.now();
			execution.how = how;
		};
		try {
			await wait(this.clock, ms, signal);
		} catch (error) {
			ends("aborted");
			throw error;
		}
		ends(fails ? "threw" : "returned");
		if (fails) throw new Error("it fails");
		return key;
	}
}

function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const timer = clock.set(clock.now() + ms, resolve);
		signal.addEventListener("abort", () => {
			clock.clear(timer);
			reject(signal.reason);
		});
	});
}
