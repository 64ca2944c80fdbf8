import { type Clock, systemClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import type { BreakerState } from "./circuit-breaker.js";
import type { Ask, LimitWaiter, Turn } from "./limit-ask.js";
import { LimitGrant } from "./limit-grant.js";
import { type KeyOwner, LimitKey } from "./limit-key.js";
import { LimitNames, type LimitOptions, type LimitSettings, limitSettings } from "./limit-options.js";
import type { ReadyEntry } from "./ready-queue.js";

/** How a limit stands. */
export interface LimitView {
	/** Its name; of an agent's own concurrency that of the agent. */
	readonly name: string;
	/** Whether it is a named limit, or the `concurrency` of an agent. */
	readonly of: "swarm" | "agent";
	/** Attempts that hold a unit, and how many may; undefined for any number. */
	readonly inUse: number;
	readonly concurrency?: number;
	/** Nodes that wait for it. */
	readonly waiting: number;
	/** Calls within the window that ends now. */
	readonly requests?: { readonly used: number; readonly limit: number };
	/** Tokens reserved or reported within the window that ends now. */
	readonly tokens?: { readonly used: number; readonly limit: number };
	/** Nobody gets through before this time, in the clock's milliseconds. */
	readonly closedUntil?: number;
	readonly breaker?: { readonly state: BreakerState; readonly failures: number };
}

/** So many members of families that nobody uses are looked at when another one is made. */
const SWEEP = 4;

/**
 * Named limits, shared by all runs of a swarm. Several keys are taken all or none; a node that finds one used up waits
 * in that key's queue, out of the way. Members of a family are made when they are first asked for, and forgotten when
 * nobody uses them and their windows are empty.
 */
export class Limits implements KeyOwner {
	readonly clock: Clock;
	readonly #names: LimitNames<LimitSettings>;
	readonly #keys = new Map<string, LimitKey>();
	/** Members that nobody uses and that still have something to remember. */
	readonly #unused = new Map<string, LimitKey>();
	/** The keys that each run waits at, or has turns of. */
	readonly #waits = new Map<LimitWaiter, Set<LimitKey>>();

	/**
	 * @param limits - by name; a bare number is the concurrency, and a name that ends in `*` stands for a family
	 * @throws SwarmError `INVALID_OPTION`
	 */
	constructor(limits: Iterable<readonly [string, number | LimitOptions]>, clock: Clock = systemClock) {
		this.clock = clock;
		const entries = [...limits].map(([name, given]) => [name, limitSettings(name, given)] as const);
		this.#names = new LimitNames(entries);
		for (const [name, settings] of this.#names.exact()) this.#keys.set(name, new LimitKey(name, settings, false, this));
	}

	has(name: string): boolean {
		return this.#names.of(name) !== undefined;
	}

	/**
	 * Takes what a node asks for of every key, or nothing of any: then the node waits, and its run is told when it may
	 * try again.
	 *
	 * @param entry - with what it asks; its turn is used up
	 * @param grant - of an attempt that goes on after a wait
	 * @throws SwarmError `INVALID_SPEC` for a name that is no limit
	 */
	take(waiter: LimitWaiter, entry: ReadyEntry, ask: Ask, grant?: LimitGrant): LimitGrant | undefined {
		const { turn } = entry;
		const now = this.clock.now();
		const keys = ask.names.map((name) => this.#key(name));
		entry.ask = ask;
		entry.turn = undefined;
		const inTurn = turn?.kept === true ? turn.key : undefined;
		if (turn !== undefined) this.#keys.get(turn.key)?.redeem(waiter, turn);
		const full = keys.find((key) => !key.admits(ask, now, inTurn));
		if (full !== undefined) {
			full.wait(waiter, entry, ask, full.name === inTurn);
			if (inTurn !== undefined && inTurn !== full.name) this.#keys.get(inTurn)?.settle();
			full.settle();
			for (const key of keys) if (key.isUnused) this.unused(key);
			return undefined;
		}
		const taken = grant ?? new LimitGrant(keys, ask, this.clock, now);
		taken.hold();
		if (inTurn !== undefined && !ask.names.includes(inTurn)) this.#keys.get(inTurn)?.settle();
		// Who was promised room has taken it: from now on time counts for the next one.
		for (const key of keys) if (key.isMetered && key.isWatched) key.settle();
		return taken;
	}

	/** Hands a turn on that a node will not use: it has gone, or asks for something else by now. */
	passOn(waiter: LimitWaiter, turn: Turn): void {
		const key = this.#keys.get(turn.key);
		if (key === undefined || !turn.kept) return;
		key.redeem(waiter, turn);
		key.settle();
	}

	/** A run can start nodes again, or cannot any more: turns go to who can use them. */
	settle(waiter: LimitWaiter): void {
		for (const key of [...(this.#waits.get(waiter) ?? [])]) {
			if (!waiter.isOpen) key.revoke(waiter);
			key.settle();
		}
	}

	/** Gives the turns that a run holds to others who wait, as it starts something else. */
	yieldTurns(waiter: LimitWaiter): void {
		for (const key of [...(this.#waits.get(waiter) ?? [])]) {
			key.revoke(waiter);
			key.settle();
		}
	}

	/** Forgets a run's waiting nodes, and lets others have the turns that it held. */
	forget(waiter: LimitWaiter): void {
		for (const key of [...(this.#waits.get(waiter) ?? [])]) {
			key.forget(waiter);
			key.settle();
		}
	}

	/** How every limit stands that there is, families by those members that are remembered. */
	view(): LimitView[] {
		this.#sweep(this.#unused.size);
		const now = this.clock.now();
		return [...this.#keys.values()].map((key) => viewOf(key, now));
	}

	joined(waiter: LimitWaiter, key: LimitKey): void {
		const keys = this.#waits.get(waiter);
		if (keys === undefined) this.#waits.set(waiter, new Set([key]));
		else keys.add(key);
	}

	left(waiter: LimitWaiter, key: LimitKey): void {
		const keys = this.#waits.get(waiter);
		keys?.delete(key);
		if (keys?.size === 0) this.#waits.delete(waiter);
	}

	unused(key: LimitKey): void {
		if (!key.isMember || this.#keys.get(key.name) !== key) return;
		const now = this.clock.now();
		if (key.restsAt(now) > now) this.#unused.set(key.name, key);
		else this.#keys.delete(key.name);
	}

	/** Looks at members that nobody uses, those first that were not looked at for longest. */
	#sweep(most: number): void {
		const now = this.clock.now();
		let looked = 0;
		for (const [name, key] of this.#unused) {
			if (looked++ === most) return;
			this.#unused.delete(name);
			if (key.restsAt(now) > now) this.#unused.set(name, key);
			else this.#keys.delete(name);
		}
	}

	#key(name: string): LimitKey {
		const key = this.#keys.get(name);
		if (key !== undefined) {
			if (key.isMember) this.#unused.delete(name);
			return key;
		}
		const settings = this.#names.familyOf(name);
		if (settings === undefined)
			throw new SwarmError("INVALID_SPEC", `there is no limit "${name}"`, {
				hint: "add it to createSwarm({ limits })",
			});
		this.#sweep(SWEEP);
		const member = new LimitKey(name, settings, true, this);
		this.#keys.set(name, member);
		return member;
	}
}

function viewOf(key: LimitKey, now: number): LimitView {
	const { name, settings, requests, tokens, breaker, used: inUse, waiting, closedUntil } = key;
	const own = name.startsWith("agent\0");
	return {
		name: own ? name.slice("agent\0".length) : name,
		of: own ? "agent" : "swarm",
		inUse,
		...(settings.concurrency !== Number.POSITIVE_INFINITY && { concurrency: settings.concurrency }),
		waiting,
		...(requests && { requests: { used: requests.total(now), limit: requests.limit } }),
		...(tokens && { tokens: { used: tokens.total(now), limit: tokens.limit } }),
		...(closedUntil > now && { closedUntil }),
		...(breaker && { breaker: { state: breaker.state(now), failures: breaker.failures } }),
	};
}
