import type { Clock, Timer } from "../core/clock.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import type { Ask, LimitWaiter, Turn } from "./limit-ask.js";
import { LimitLines, type Line } from "./limit-lines.js";
import type { LimitSettings } from "./limit-options.js";
import type { ReadyEntry, ReadyQueue } from "./ready-queue.js";
import { SlidingWindow } from "./sliding-window.js";

/** Whom a key tells about itself. */
export interface KeyOwner {
	readonly clock: Clock;
	/** A run has begun to wait at a key, or does not any more. */
	joined(waiter: LimitWaiter, key: LimitKey): void;
	left(waiter: LimitWaiter, key: LimitKey): void;
	/** Nobody holds it or waits for it. */
	unused(key: LimitKey): void;
}

/**
 * One named limit: what is taken of it, who waits for it, and whose turn it is. Whoever is woken has its room kept
 * until it tries, and whoever comes later waits behind those who wait, so nobody is overtaken for ever. Every change
 * ends in {@link settle}, which leaves nobody asleep who could go: what time will bring is one timer, kept only while
 * somebody waits whom it can help.
 */
export class LimitKey {
	/** Attempts that hold a unit. */
	used = 0;
	/** Attempts that have taken it and have not ended, parked ones too. */
	attempts = 0;
	/** Until when nobody gets through, because somebody was asked for patience. */
	closedUntil = Number.NEGATIVE_INFINITY;
	readonly requests: SlidingWindow | undefined;
	readonly tokens: SlidingWindow | undefined;
	readonly breaker: CircuitBreaker | undefined;
	readonly #lines = new LimitLines();
	#promised = 0;
	#promisedCalls = 0;
	#promisedTokens = 0;
	/** How many wait to go on after a wait. */
	#resuming = 0;
	/** A new call is the next, and has to wait: others may not overtake it. */
	#blocked = false;
	#timer: Timer | undefined;

	/** @param isMember - of a family: it is forgotten when nobody uses it */
	constructor(
		readonly name: string,
		readonly settings: LimitSettings,
		readonly isMember: boolean,
		private readonly owner: KeyOwner,
	) {
		const { requests, tokens, breaker } = settings;
		if (requests !== undefined) this.requests = new SlidingWindow(requests.limit, requests.per);
		if (tokens !== undefined) this.tokens = new SlidingWindow(tokens.limit, tokens.per);
		if (breaker !== undefined) this.breaker = new CircuitBreaker(breaker);
	}

	/** Whether more than units is counted. */
	get isMetered(): boolean {
		return this.requests !== undefined || this.tokens !== undefined || this.breaker !== undefined;
	}

	/** How many nodes wait. */
	get waiting(): number {
		return this.#lines.waiting;
	}

	/** Whether anybody waits here, or was promised room. */
	get isWatched(): boolean {
		return !this.#lines.isEmpty;
	}

	/** Whether nobody holds it or waits for it. */
	get isUnused(): boolean {
		return this.used === 0 && this.attempts === 0 && this.#lines.isEmpty;
	}

	/** From when on nothing about it need be remembered, as long as nobody uses it. */
	restsAt(now: number): number {
		return Math.max(
			this.closedUntil,
			this.requests?.emptyAt(now) ?? 0,
			this.tokens?.emptyAt(now) ?? 0,
			this.breaker?.restsAt() ?? 0,
		);
	}

	/**
	 * Whether a node gets what it asks for. One that has a turn may take what was promised to others: two nodes that each
	 * have the turn that the other one needs would else wait for each other.
	 *
	 * @param turn - the name of the key where it has its turn
	 */
	admits(ask: Ask, now: number, turn: string | undefined): boolean {
		const heeds = turn === undefined;
		if (this.used + (heeds ? this.#promised : 0) >= this.settings.concurrency) return false;
		if (!ask.calls) return true;
		return (turn === this.name || !this.#blocked) && this.#admitsCall(ask.tokens, now, heeds);
	}

	/** @param heeds - what is promised to others */
	#admitsCall(tokens: number, now: number, heeds: boolean): boolean {
		const calls = heeds ? this.#promisedCalls : 0;
		return (
			now >= this.closedUntil &&
			(this.breaker?.admits(now, calls) ?? true) &&
			(this.requests?.hasRoom(now, 1, calls) ?? true) &&
			(tokens === 0 || (this.tokens?.hasRoom(now, tokens, heeds ? this.#promisedTokens : 0) ?? true))
		);
	}

	/**
	 * Lets a node wait for its turn.
	 *
	 * @param again - it had its turn here, and somebody else took its room: its run is the next one
	 */
	wait(waiter: LimitWaiter, entry: ReadyEntry, ask: Ask, again: boolean): void {
		let line = this.#lines.get(waiter);
		if (line === undefined) {
			line = this.#lines.add(waiter);
			this.owner.joined(waiter, this);
		}
		if (again) this.#lines.rob(line);
		if (ask.calls) line.fresh.push(entry);
		else {
			line.resuming.push(entry);
			this.#resuming++;
		}
	}

	/** A node that was woken tries, or never will: its room is kept no longer. */
	redeem(waiter: LimitWaiter, turn: Turn): void {
		const line = this.#lines.get(waiter);
		if (line === undefined || !turn.kept) return;
		this.#breakPromise(line, turn);
		this.#dropEmpty(line);
	}

	/** Gives the turns that a run holds to others: it cannot use them now. */
	revoke(waiter: LimitWaiter): void {
		const line = this.#lines.get(waiter);
		if (line === undefined) return;
		for (const turn of line.turns) this.#breakPromise(line, turn);
		this.#dropEmpty(line);
	}

	/** Forgets what waits for a run. */
	forget(waiter: LimitWaiter): void {
		const line = this.#lines.get(waiter);
		if (line === undefined) return;
		this.#resuming -= line.resuming.size;
		for (const turn of line.turns) this.#breakPromise(line, turn);
		this.#remove(waiter);
	}

	/** Wakes whoever can go, and sees to it that the next one is woken when time alone lets it go. */
	settle(): void {
		let due: number | undefined;
		this.#blocked = false;
		if (!this.#lines.isEmpty) {
			const now = this.owner.clock.now();
			let next = this.#wakeOne(now);
			while (next === "woken") next = this.#wakeOne(now);
			this.#blocked = next !== undefined;
			if (next !== undefined) due = this.#opensAt(next.ask?.tokens ?? 0, now);
		}
		this.#arm(due);
		if (this.isUnused) this.owner.unused(this);
	}

	/** @returns where nobody could be woken: the new call that is the next and has to wait, if it is not for want of a unit */
	#wakeOne(now: number): "woken" | ReadyEntry | undefined {
		if (this.used + this.#promised >= this.settings.concurrency) return undefined;
		let blocked: ReadyEntry | undefined;
		for (const lines of this.#lines.inOrder()) {
			for (const line of lines.values()) {
				if (blocked !== undefined && this.#resuming === 0) return blocked;
				if (!line.waiter.isOpen) continue;
				if (line.resuming.size > 0) {
					this.#resuming--;
					this.#wake(line, line.resuming);
					return "woken";
				}
				const first = line.fresh.first;
				if (first === undefined || blocked !== undefined) continue;
				if (this.#admitsCall(first.ask?.tokens ?? 0, now, true)) {
					this.#wake(line, line.fresh);
					return "woken";
				}
				blocked = first;
			}
		}
		return blocked;
	}

	#wake(line: Line, queue: ReadyQueue): void {
		const entry = queue.pop();
		this.#lines.pass(line);
		const ask = entry?.ask;
		if (entry === undefined || ask === undefined) return;
		const turn: Turn = { key: this.name, ask, kept: true };
		line.turns.add(turn);
		this.#promise(ask, 1);
		entry.turn = turn;
		line.waiter.retry(entry);
	}

	#breakPromise(line: Line, turn: Turn): void {
		turn.kept = false;
		line.turns.delete(turn);
		this.#promise(turn.ask, -1);
	}

	#promise({ calls, tokens }: Ask, sign: 1 | -1): void {
		this.#promised += sign;
		if (!calls) return;
		this.#promisedCalls += sign;
		// Sums of fractions leave a rest.
		this.#promisedTokens = this.#promisedCalls === 0 ? 0 : this.#promisedTokens + sign * tokens;
	}

	#dropEmpty({ waiter, resuming, fresh, turns }: Line): void {
		if (resuming.size + fresh.size + turns.size === 0) this.#remove(waiter);
	}

	#remove(waiter: LimitWaiter): void {
		this.#lines.remove(waiter);
		this.owner.left(waiter, this);
	}

	/** When a new call gets through if nothing but time passes; undefined where time alone does not help. */
	#opensAt(tokens: number, now: number): number | undefined {
		if (this.breaker !== undefined && !this.breaker.admits(now, 0) && this.breaker.openUntil(now) === undefined)
			return undefined;
		const at = Math.max(
			this.closedUntil,
			this.breaker?.openUntil(now) ?? now,
			this.requests?.roomAt(now, 1) ?? now,
			tokens === 0 ? now : (this.tokens?.roomAt(now, tokens) ?? now),
		);
		// What could go now but for a promise is seen to when that is kept or broken.
		return at > now ? at : undefined;
	}

	#arm(due: number | undefined): void {
		if (this.#timer?.due === due) return;
		const { clock } = this.owner;
		if (this.#timer !== undefined) clock.clear(this.#timer);
		this.#timer = due === undefined ? undefined : clock.set(due, () => this.#passed());
	}

	/** The time has come that the first in line waited for. */
	#passed(): void {
		this.#timer = undefined;
		this.settle();
	}
}
