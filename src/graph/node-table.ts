import { CHUNK, RowTable } from "./rows.js";

// The states of core/lifecycle as numbers: their place in NODE_STATES (a test compares them).
export const PENDING = 0;
export const READY = 1;
export const RUNNING = 2;
export const WAITING = 3;
export const SPECULATIVE = 4;
export const COMPLETED = 5;
export const FAILED = 6;
export const SKIPPED = 7;
export const ABANDONED = 8;
export const CANCELLED = 9;

/** Joins as numbers. `any` is `atLeast` with need 1; `always` is counted like `settled`. */
export const JOIN_ALL = 0;
export const JOIN_AT_LEAST = 1;
export const JOIN_SETTLED = 2;
export const JOIN_FAILED = 3;
export const JOIN_ALWAYS = 4;

// Flags of a node.
/** Has had a lease. */
export const STARTED = 1 << 9;
/** Runs, but its outcome is withheld. */
export const EAGER = 1 << 10;
/** Its outcome is withheld right now. */
export const WITHHELD = 1 << 11;
/** Its input refers to outputs of dependencies. */
export const HAS_REFS = 1 << 12;
/** Waits for its join to be evaluated at the end of the command. */
export const TOUCHED = 1 << 13;
/** Skipped because of a failure. */
export const FAILURE_CAUSE = 1 << 14;
/** Failed, and its dependents stay pending. */
export const BLOCKS = 1 << 15;
/** Changed since the last snapshot. */
export const CHANGED = 1 << 16;
/** Some edges into it carry an alias. */
export const HAS_ALIASES = 1 << 17;
/** Waits for a person or a signal. */
export const AWAITS = 1 << 18;
/** Its patches were committed early, so attempts have to be told apart. */
export const COMMITTED_EARLY = 1 << 19;

/** Timers may be set for it. */
export const HAS_TIMERS = 1 << 20;

// The counters in which a dependency can stand; see counterOf.
export const OPEN = 1;
export const OK = 2;
export const BAD_BY_FAILURE = 3;
export const LOST = 4;
export const BLOCK_FAILED = 5;

const STATE_BITS = 15;
const JOIN_SHIFT = 4;
const JOIN_BITS = 7;

/** The attempt stands above the flags: 11 bits, enough for the thousand that a retry policy may ask for. */
const ATTEMPT_SHIFT = 21;
const FLAG_BITS = (1 << ATTEMPT_SHIFT) - 1;

/** Sixteen integers: a node is one cache line. */
const STRIDE = 16;

/** The fixed-size part of every node. Nodes and edges are numbers here, and nowhere outside `graph/`. */
export class NodeTable extends RowTable {
	/** The largest number that an attempt can have. */
	static readonly maxAttempt = (1 << (32 - ATTEMPT_SHIFT)) - 1;

	constructor() {
		super(STRIDE, true);
	}

	add(): number {
		return this.append();
	}

	state(n: number): number {
		return this.get(n, 0) & STATE_BITS;
	}

	setState(n: number, state: number): void {
		this.set(n, 0, (this.get(n, 0) & ~STATE_BITS) | state);
	}

	join(n: number): number {
		return (this.get(n, 0) >> JOIN_SHIFT) & JOIN_BITS;
	}

	setJoin(n: number, join: number, need: number): void {
		this.set(n, 0, (this.get(n, 0) & ~(JOIN_BITS << JOIN_SHIFT)) | (join << JOIN_SHIFT));
		this.set(n, 6, need);
	}

	has(n: number, flag: number): boolean {
		return (this.get(n, 0) & flag) !== 0;
	}

	flag(n: number, flag: number): void {
		this.set(n, 0, this.get(n, 0) | flag);
	}

	unflag(n: number, flag: number): void {
		this.set(n, 0, this.get(n, 0) & ~flag);
	}

	/** Dependencies that have not ended (or whose outcome is withheld). */
	open(n: number): number {
		return this.get(n, 1);
	}

	/** Dependencies that completed. */
	ok(n: number): number {
		return this.get(n, 2);
	}

	/** Dependencies that failed, or were skipped because of a failure. */
	failed(n: number): number {
		return this.get(n, 3);
	}

	/** Dependencies that ended in another bad way. */
	lost(n: number): number {
		return this.get(n, 4);
	}

	/** Dependencies that failed with `onFailure: "block"`. */
	blockFailed(n: number): number {
		return this.get(n, 5);
	}

	/** Counts a dependency; `counter` is what {@link counterOf} says of it. */
	count(n: number, counter: number, by: number): void {
		this.set(n, counter, this.get(n, counter) + by);
	}

	/** The counter of its dependents in which this node is counted. */
	counterOf(n: number): number {
		const flags = this.get(n, 0);
		const state = flags & STATE_BITS;
		if (state < COMPLETED) return OPEN;
		if (state === COMPLETED) return OK;
		if (state === FAILED) return (flags & BLOCKS) === 0 ? BAD_BY_FAILURE : BLOCK_FAILED;
		return state === SKIPPED && (flags & FAILURE_CAUSE) !== 0 ? BAD_BY_FAILURE : LOST;
	}

	/** Whether all counters are as counted: four bits for each, at the place of its number. */
	agrees(n: number, counted: number): boolean {
		const row = this.chunk(n);
		const at = (n & (CHUNK - 1)) * STRIDE;
		return (
			row[at + OPEN] === ((counted >> 4) & 15) &&
			row[at + OK] === ((counted >> 8) & 15) &&
			row[at + BAD_BY_FAILURE] === ((counted >> 12) & 15) &&
			row[at + LOST] === ((counted >> 16) & 15) &&
			row[at + BLOCK_FAILED] === ((counted >> 20) & 15)
		);
	}

	/**
	 * Whether a node is one of the many whose fields plainly agree: an `all` join that is right about the state, or a
	 * state that says all. False means that it needs a closer look. It reads the row at one go, as it is asked so often.
	 */
	looksRight(n: number, seq: number): boolean {
		const row = this.chunk(n);
		const at = (n & (CHUNK - 1)) * STRIDE;
		const flags = row[at] as number;
		if ((flags & TOUCHED) !== 0 || ((flags & STARTED) !== 0) !== flags >>> ATTEMPT_SHIFT > 0) return false;
		const state = flags & STATE_BITS;
		if (state >= COMPLETED) return state === COMPLETED;
		if (state > RUNNING || (flags & (JOIN_BITS << JOIN_SHIFT)) !== 0) return false;
		if ((row[at + BAD_BY_FAILURE] as number) + (row[at + LOST] as number) !== 0) return false;
		const met = (row[at + OPEN] as number) + (row[at + BLOCK_FAILED] as number) === 0;
		if (state === PENDING) return !met;
		if (state === READY) return met;
		const lease = this.lease(n);
		return met && lease > 0 && lease <= seq;
	}

	degree(n: number): number {
		return this.open(n) + this.ok(n) + this.failed(n) + this.lost(n) + this.blockFailed(n);
	}

	/** Until it starts or ends: how many completed dependencies an `atLeast` join asks for. */
	need(n: number): number {
		return this.get(n, 6);
	}

	/** Once skipped: where the chain of skips began, plus one. */
	root(n: number): number {
		return this.get(n, 6);
	}

	setRoot(n: number, root: number): void {
		this.set(n, 6, root);
	}

	firstIn(n: number): number {
		return this.get(n, 7);
	}

	setFirstIn(n: number, edge: number): void {
		this.set(n, 7, edge);
	}

	lastIn(n: number): number {
		return this.get(n, 8);
	}

	setLastIn(n: number, edge: number): void {
		this.set(n, 8, edge);
	}

	firstOut(n: number): number {
		return this.get(n, 9);
	}

	setFirstOut(n: number, edge: number): void {
		this.set(n, 9, edge);
	}

	lastOut(n: number): number {
		return this.get(n, 10);
	}

	setLastOut(n: number, edge: number): void {
		this.set(n, 10, edge);
	}

	attempt(n: number): number {
		return this.get(n, 0) >>> ATTEMPT_SHIFT;
	}

	setAttempt(n: number, attempt: number): void {
		this.set(n, 0, (this.get(n, 0) & FLAG_BITS) | (attempt << ATTEMPT_SHIFT));
	}

	/** The node that added it plus one, 0 for the caller of the run. */
	creator(n: number): number {
		return this.get(n, 11);
	}

	setCreator(n: number, creator: number): void {
		this.set(n, 11, creator);
	}

	/** While ready: the next node in the list of ready ones plus one, 0 at its end. */
	nextReady(n: number): number {
		return this.get(n, 12);
	}

	setNextReady(n: number, next: number): void {
		this.set(n, 12, next);
	}

	prevReady(n: number): number {
		return this.get(n, 13);
	}

	setPrevReady(n: number, prev: number): void {
		this.set(n, 13, prev);
	}

	/** While running: the `seq` of the event that granted the lease. A ready node has its place in the list there. */
	lease(n: number): number {
		return this.getDouble(n, 12);
	}

	setLease(n: number, seq: number): void {
		this.setDouble(n, 12, seq);
	}

	/** The place in the maintained topological order: every edge goes from a smaller label to a larger one. */
	label(n: number): number {
		return this.getDouble(n, 14);
	}

	setLabel(n: number, label: number): void {
		this.setDouble(n, 14, label);
	}
}
