import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type AnyAgent,
	countingIds,
	createSwarm,
	type Journal,
	memoryJournal,
	type RecoverOptions,
	type RunAppend,
	type RunEvent,
	type RunHandle,
	type Swarm,
	type SwarmOptions,
	sqliteJournal,
	VirtualClock,
} from "dagswarm";
import { afterAll } from "vitest";
import { readEvents } from "../../src/journal/reader.js";
import { elsewhere, outlivingJournal } from "./outliving-journal.js";

/** Longer than a writer without a heartbeat is taken for alive. */
export const DEAD_MS = 20_000;

/** The journals that durable runs are tested with. */
export function journals(): readonly (readonly [string, () => Journal])[] {
	let folder: string | undefined;
	let files = 0;
	const open: Journal[] = [];
	afterAll(async () => {
		for (const journal of open) await journal.close();
		if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
	});
	return [
		// A writer says that it is alive only where somebody else could read it.
		["memory", () => outlivingJournal()],
		[
			"sqlite",
			() => {
				folder ??= mkdtempSync(join(tmpdir(), "dagswarm-durability-"));
				const journal = sqliteJournal(join(folder, `${files++}.db`));
				open.push(journal);
				return elsewhere(journal);
			},
		],
	];
}

/** A journal that can be cut off: then nothing of it ever answers any more, as if its process had died. */
export function mortal(journal: Journal): { readonly journal: Journal; readonly kill: () => void } {
	let dead = false;
	const proxy = new Proxy(journal, {
		get(target, key) {
			const member: unknown = Reflect.get(target, key, target);
			if (typeof member !== "function") return member;
			return (...given: unknown[]) => (dead ? new Promise(() => {}) : member.apply(target, given));
		},
	});
	return {
		journal: proxy,
		kill: () => {
			dead = true;
		},
	};
}

/** When a process dies: with its n-th append, which is written or not. */
export interface Death {
	readonly appends: number;
	readonly written: boolean;
}

/** A journal whose process dies in one of its appends: nobody hears of anything any more. */
export function dying(
	inner: Journal,
	death: Death | undefined,
): { readonly journal: Journal; readonly isDead: () => boolean } {
	const { journal, kill } = mortal(inner);
	let appends = 0;
	let dead = false;
	const proxy = new Proxy(journal, {
		get(target, key) {
			const member: unknown = Reflect.get(target, key, target);
			if (key !== "append" || typeof member !== "function") return member;
			return (...given: unknown[]) => {
				if (++appends !== death?.appends) return member.apply(target, given);
				if (death.written) member.apply(target, given);
				dead = true;
				kill();
				return new Promise(() => {});
			};
		},
	});
	return { journal: proxy, isDead: () => dead };
}

/** A journal that answers by promises only, a turn of the event loop later. */
export function promised(inner: Journal): Journal {
	return new Proxy(inner, {
		get(target, key) {
			const member: unknown = Reflect.get(target, key, target);
			if (typeof member !== "function") return member;
			if (key === "read")
				return async function* (...given: unknown[]) {
					for (const record of member.apply(target, given) as Iterable<unknown>) {
						await new Promise(setImmediate);
						yield record;
					}
				};
			return async (...given: unknown[]) => {
				// What is handed over has to be taken at once, as it may change.
				const taken = key === "append" ? [[...(given[0] as Iterable<RunAppend>)]] : given;
				await new Promise(setImmediate);
				return member.apply(target, taken);
			};
		},
	});
}

/** What a journal is asked to append. */
export interface AppendCall {
	readonly entries: readonly RunAppend[];
	/** Lets it be written, and answers. */
	readonly pass: () => void;
	/** Writes nothing, and fails. */
	readonly fail: (error: unknown) => void;
}

/** A journal whose appends wait for the test. */
export function heldJournal(inner: Journal = memoryJournal()): {
	readonly journal: Journal;
	readonly calls: AppendCall[];
	/** From now on appends pass by themselves, in a turn of the event loop. */
	readonly letPass: () => void;
} {
	const calls: AppendCall[] = [];
	let passing = false;
	const journal = new Proxy(inner, {
		get(target, key) {
			const member: unknown = Reflect.get(target, key, target);
			if (typeof member !== "function") return member;
			if (key !== "append") return member.bind(target);
			return (given: Iterable<RunAppend>) => {
				const entries = [...given];
				const { promise, resolve, reject } = Promise.withResolvers<unknown>();
				const pass = (): void => resolve(target.append(entries));
				if (passing) setImmediate(pass);
				else calls.push({ entries, pass, fail: reject });
				return promise;
			};
		},
	});
	return {
		journal,
		calls,
		letPass: () => {
			passing = true;
			for (const { pass } of calls.splice(0)) pass();
		},
	};
}

/** A journal that counts what it is asked, and may break. */
export function watchedJournal(inner: Journal = memoryJournal()): {
	readonly journal: Journal;
	readonly appends: (readonly RunAppend[])[];
	breaks: (entries: readonly RunAppend[]) => boolean;
} {
	const watched = {
		appends: [] as (readonly RunAppend[])[],
		breaks: (_: readonly RunAppend[]): boolean => false,
		journal: new Proxy(inner, {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (typeof member !== "function") return member;
				if (key !== "append") return member.bind(target);
				return (given: Iterable<RunAppend>) => {
					const entries = [...given];
					if (watched.breaks(entries)) throw new Error("disk full");
					watched.appends.push(entries);
					return target.append(entries);
				};
			},
		}),
	};
	return watched;
}

/** A swarm over a journal, on a clock of its own. */
export interface Life {
	readonly swarm: Swarm;
	readonly clock: VirtualClock;
}

/** Swarms over one journal, one after the other: each dies when the next is born, long enough after it. */
export class Lives {
	readonly journal: Journal;
	/** The time at which the next one is born. */
	now = 1_000_000;
	readonly #ids = countingIds();
	readonly #options: Partial<SwarmOptions>;
	#agents: readonly AnyAgent[];
	#kill: (() => void) | undefined;
	#clock: VirtualClock | undefined;

	constructor(agents: readonly AnyAgent[], options: Partial<SwarmOptions> = {}, journal = outlivingJournal()) {
		this.#agents = agents;
		this.#options = options;
		this.journal = journal;
	}

	/** The process dies at once, whatever it is doing. */
	die(): void {
		this.#kill?.();
		this.#kill = undefined;
		if (this.#clock !== undefined) this.now = this.#clock.now() + DEAD_MS;
	}

	next(options: Partial<SwarmOptions> = {}, agents = this.#agents): Life {
		this.die();
		this.#agents = agents;
		const { journal, kill } = mortal(this.journal);
		this.#kill = kill;
		const life = this.over(journal, new VirtualClock(this.now), options);
		this.#clock = life.clock;
		return life;
	}

	/** A swarm over a journal given for it, which nobody lets die. */
	over(journal: Journal, clock = new VirtualClock(this.now), options: Partial<SwarmOptions> = {}): Life {
		const swarm = createSwarm<AnyAgent>({
			agents: this.#agents,
			clock,
			ids: this.#ids,
			check: "full",
			durability: "strict",
			...this.#options,
			...options,
			journal,
		});
		return { swarm, clock };
	}

	async recover(
		run: string,
		how: RecoverOptions & { readonly options?: Partial<SwarmOptions>; readonly agents?: readonly AnyAgent[] } = {},
	): Promise<Life & { readonly run: RunHandle }> {
		const { options, agents, ...given } = how;
		const life = this.next(options, agents);
		return { ...life, run: await life.swarm.recover(run, given) };
	}
}

/** All events that a journal has of a run. */
export async function stored(journal: Journal, run: string): Promise<RunEvent[]> {
	const events: RunEvent[] = [];
	await readEvents(journal, run, 1, (event) => events.push(event));
	return events;
}
