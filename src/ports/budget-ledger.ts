import { type Clock, systemClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import { nameOf } from "../core/plain.js";
import { addUsage, checkUsage, emptyUsage, type Usage, type UsageTotal } from "../core/usage.js";
import type { BudgetPort, BudgetRequest, BudgetVerdict } from "./budget.js";
import {
	accountKey,
	amountOf,
	type BudgetLimit,
	checkLimits,
	isOfRun,
	limitIdentity,
	nodeKey,
	ownerOf,
	type Spender,
} from "./budget-limit.js";
import { LimitBook, type Shortage } from "./budget-limit-book.js";
import {
	accountName,
	type BudgetReport,
	checkSavedBooks,
	runReports,
	type SavedBooks,
	savedRun,
} from "./budget-report.js";
import { type RunBook, RunBooks, type UsageSum } from "./budget-run.js";
import type { RunInfo } from "./port.js";

/** What a {@link BudgetLedger} is made of. */
export interface BudgetLedgerOptions {
	/** None: everything is allowed, and counted. */
	readonly limits: readonly BudgetLimit[];
	/** From which part of a limit on the verdict is `warning`; above 0, at most 1, default 0.8. */
	readonly warnAt?: number;
	/** For windows. By default that of the machine. */
	readonly clock?: Clock;
	/** The books of an earlier ledger, as its {@link BudgetLedger.snapshot} gave them. */
	readonly restore?: SavedBooks;
}

/** What an attempt may use, and has. */
interface Reservation {
	readonly spender: Spender;
	readonly estimate: Usage;
	readonly used: UsageTotal;
}

/** At least so many attempts that are over are kept, for what is said to have been used afterwards. */
const FINISHED = 10_000;

/**
 * A budget that keeps its books in memory: what runs, callers, channels, nodes and agents have used and reserved, under
 * any number of limits.
 *
 * What an attempt asks for is reserved before it starts, under all limits or none; until it has ended the larger of that
 * and of what it has used counts. So what is used exceeds a limit at most by what attempts in flight use beyond what
 * they asked for. An attempt that says nothing about a measure is refused when nothing of it is left; one that asks for
 * 0 of it is not.
 *
 * Windows slide, in sixty steps: what is used leaves the window at most a sixtieth of it too late, and never too early.
 *
 * @example
 * ```ts
 * import { budgetLedger, VirtualClock } from "dagswarm";
 *
 * const clock = new VirtualClock();
 * const budget = budgetLedger({ limits: [{ measure: "cost", limit: 5, of: "caller", per: "1h" }], clock });
 * const run = { run: "r", ancestors: [], metadata: {}, caller: "anna", startedAt: 0, resumed: false };
 * const ask = { run, node: "n", agent: "search", attempt: 1, estimate: { nodes: 1, cost: 3 }, approved: false };
 *
 * const first = budget.reserve(ask);
 * first; // { verdict: "allowed", reservation: "b1", remaining: { cost: 2 } }
 * if (first.verdict !== "blocked") budget.settle(first.reservation, { nodes: 1, cost: 4.5 }, true);
 * const second = budget.reserve(ask);
 * second; // { verdict: "blocked", measure: "cost", retryAfter: 3_660_000, … }
 * clock.advance(3_660_000);
 * budget.reserve(ask).verdict; // "allowed"
 * ```
 */
export class BudgetLedger implements BudgetPort {
	readonly #clock: Clock;
	readonly #warnAt: number;
	readonly #limits: readonly LimitBook[];
	readonly #runs = new RunBooks((book) => this.#forget(book));
	readonly #inFlight = new Map<string, Reservation>();
	/** The latest, and as many before them: the oldest go all at once. */
	#finished = new Map<string, Reservation>();
	#finishedBefore = new Map<string, Reservation>();
	#reservations = 0;

	/** @throws SwarmError `INVALID_OPTION` for a malformed option, `INVALID_INPUT` for usages that are none to restore */
	constructor({ limits, warnAt = 0.8, clock = systemClock, restore }: BudgetLedgerOptions) {
		if (!(warnAt > 0 && warnAt <= 1))
			throw new SwarmError("INVALID_OPTION", `warnAt is ${nameOf(warnAt)}, not a number above 0 and at most 1`);
		this.#clock = clock;
		this.#warnAt = warnAt;
		this.#limits = checkLimits(limits).map((limit) => new LimitBook(limit));
		if (restore !== undefined) this.#restore(restore);
	}

	/**
	 * A run begins, or goes on. What earlier processes have used is counted once, even if this ledger has seen it or has
	 * restored it; as used now, as nobody knows when that was. Limits of nodes and agents know nothing of it.
	 *
	 * @throws SwarmError `INVALID_INPUT` when `spent` is no usage
	 */
	open(run: RunInfo, spent: Usage): void {
		checkUsage(spent, `what run "${run.run}" has used`);
		const book = this.#runs.open(run);
		const unknown = growth(book.used.value, spent);
		book.used.add(unknown);
		const now = this.#clock.now();
		for (const limit of this.#limits) {
			if (limit.limit.of === "node" || limit.limit.of === "agent") continue;
			const key = accountKey(limit.limit, { run, node: "", agent: "" });
			if (key !== undefined) limit.spend(key, unknown, now);
		}
	}

	/**
	 * Reserves what an attempt asks for, under every limit that is about it, or under none.
	 *
	 * @throws SwarmError `INVALID_INPUT` when the estimate is no usage
	 */
	reserve({ run, node, agent, estimate: asked, approved }: BudgetRequest): BudgetVerdict {
		checkUsage(asked, "an estimate");
		const estimate = addUsage(emptyUsage(), asked);
		const spender: Spender = { run, node, agent };
		const now = this.#clock.now();
		const concerned = this.#accountsOf(spender);
		if (!approved) {
			const short = concerned.flatMap(([limit, key]) => {
				const held = (): number => this.#heldByCallers(limit, key, run);
				return limit.shortage(key, estimate, now, held) ?? [];
			});
			if (short.length > 0) return blocked(short, now);
		}
		const book = this.#runs.open(run);
		book.node(node, agent);
		const reservation = `b${++this.#reservations}`;
		this.#inFlight.set(reservation, { spender: { run: book.name, node, agent }, estimate, used: emptyUsage() });
		const remaining = emptyUsage();
		let warning = false;
		for (const [limit, key] of concerned) {
			const { measure } = limit.limit;
			const left = limit.hold(key, amountOf(estimate, measure), now);
			remaining[measure] = Math.min(remaining[measure] ?? Number.POSITIVE_INFINITY, Math.max(0, left));
			warning ||= limit.isLow(left, this.#warnAt);
		}
		return { verdict: warning ? "warning" : "allowed", reservation, remaining: { ...remaining } };
	}

	/**
	 * Counts what an attempt has used in all; telling it again counts nothing twice, and less than before counts as
	 * before. What is told after the last time is money spent, too: it is counted.
	 *
	 * @throws SwarmError `INVALID_INPUT` when it is no usage, or there is no such reservation: there never was, or ten
	 * thousand attempts have ended since it did
	 */
	settle(reservation: string, used: Usage, last: boolean): void {
		checkUsage(used, "what an attempt has used");
		const open = this.#inFlight.get(reservation);
		const found = open ?? this.#finished.get(reservation) ?? this.#finishedBefore.get(reservation);
		if (found === undefined) {
			throw new SwarmError("INVALID_INPUT", `there is no reservation "${reservation}"`, {
				hint: "settle what reserve() of this ledger gave, at the latest soon after the attempt has ended",
			});
		}
		const more = growth(found.used, used);
		const { spender, estimate } = found;
		const before = open === undefined ? emptyUsage() : addUsage(emptyUsage(), found.used);
		for (const measure of Object.keys(more)) found.used[measure] = used[measure] ?? 0;
		const book = this.#runs.get(spender.run.run);
		book?.used.add(more);
		book?.node(spender.node, spender.agent).used.add(more);
		const now = this.#clock.now();
		for (const [limit, key] of this.#accountsOf(spender)) {
			// The account has gone with its run, and nobody would take a new one away.
			if (isOfRun(limit.limit) && this.#runs.get(ownerOf(limit.limit, spender.run)) === undefined) continue;
			limit.spend(key, more, now);
			if (open === undefined) continue;
			const { measure } = limit.limit;
			limit.rehold(key, unusedOf(estimate, before, measure), unusedOf(estimate, found.used, measure), last);
		}
		if (last && open !== undefined) this.#finish(reservation, found);
	}

	/** A run is over in this process: what its attempts had reserved is free, what they have used stays counted. */
	close(run: RunInfo, ended: boolean): void {
		const book = this.#runs.get(run.run);
		if (book === undefined) return;
		for (const [reservation, { spender }] of this.#inFlight)
			if (spender.run.run === run.run) this.settle(reservation, {}, true);
		this.#runs.close(book, ended);
	}

	/** What was spent under each limit, and by the runs that have not ended. */
	report(): BudgetReport {
		const now = this.#clock.now();
		return {
			limits: this.#limits.map((book) => ({
				limit: book.limit,
				accounts: [...book.accounts(now)].map(({ key, used, reserved }) => ({
					...accountName(book.limit, key),
					used,
					reserved,
					limit: book.limit.limit,
				})),
			})),
			runs: runReports(this.#runs, this.#reserved()),
		};
	}

	/**
	 * The books as plain data, for the option `restore` of a ledger in another process, which may have other limits: those
	 * of the same measure, scope, name and window go on. What is reserved now is not part of it.
	 */
	snapshot(): SavedBooks {
		const now = this.#clock.now();
		return {
			version: 1,
			reservations: this.#reservations,
			accounts: this.#limits.flatMap((book) =>
				[...book.saved(now)].map((saved) => ({ limit: limitIdentity(book.limit), ...saved })),
			),
			runs: [...this.#runs.values()].map(savedRun),
		};
	}

	#restore(books: SavedBooks): void {
		checkSavedBooks(books);
		const now = this.#clock.now();
		this.#reservations = books.reservations;
		const limits = new Map(this.#limits.map((book) => [limitIdentity(book.limit), book]));
		for (const { limit, key, used } of books.accounts) limits.get(limit)?.restore(key, used, now);
		for (const { used, usedBelow, nodes, ...name } of books.runs) {
			const book = this.#runs.keep(name);
			book.used.add(used);
			book.usedBelow.add(usedBelow);
			for (const { node, agent, used: usedBy } of nodes) book.node(node, agent).used.add(usedBy);
		}
	}

	/** The limits that are about a spender, and whose accounts it uses. */
	#accountsOf(spender: Spender): (readonly [limit: LimitBook, key: string])[] {
		const found: (readonly [LimitBook, string])[] = [];
		for (const book of this.#limits) {
			const key = accountKey(book.limit, spender);
			if (key !== undefined) found.push([book, key]);
		}
		return found;
	}

	/** What the nodes have reserved under a limit that wait for a run: nothing of it is free before the run is over. */
	#heldByCallers(limit: LimitBook, key: string, run: RunInfo): number {
		let held = 0;
		let { calledBy } = run;
		for (const above of run.ancestors) {
			for (const { spender, estimate, used } of this.#inFlight.values()) {
				if (spender.run.run !== above || spender.node !== calledBy || accountKey(limit.limit, spender) !== key)
					continue;
				held += unusedOf(estimate, used, limit.limit.measure);
			}
			calledBy = this.#runs.get(above)?.name.calledBy;
		}
		return held;
	}

	#finish(reservation: string, found: Reservation): void {
		this.#inFlight.delete(reservation);
		if (this.#finished.size === FINISHED) {
			this.#finishedBefore = this.#finished;
			this.#finished = new Map();
		}
		this.#finished.set(reservation, found);
	}

	#forget(book: RunBook): void {
		const { run } = book.name;
		for (const limit of this.#limits) {
			if (limit.limit.of === "run" || limit.limit.of === "tree") limit.forget(run);
			else if (limit.limit.of === "node") for (const node of book.nodes.keys()) limit.forget(nodeKey(run, node));
		}
	}

	#reserved(): Map<RunId, Map<NodeId, UsageSum>> {
		const reserved = new Map<RunId, Map<NodeId, UsageSum>>();
		for (const { spender, estimate, used } of this.#inFlight.values()) {
			const { run } = spender.run;
			const nodes = reserved.get(run) ?? new Map<NodeId, UsageSum>();
			const sum = (nodes.get(spender.node) ?? this.#runs.sum()).add(growth(used, estimate));
			reserved.set(run, nodes.set(spender.node, sum));
		}
		return reserved;
	}
}

/**
 * A {@link BudgetLedger}: a budget in memory, under any number of limits.
 *
 * @throws SwarmError `INVALID_OPTION` for a malformed option, `INVALID_INPUT` for usages that are none to restore
 */
export function budgetLedger(options: BudgetLedgerOptions): BudgetLedger {
	return new BudgetLedger(options);
}

/** By how much a usage is more than what is known of it. */
function growth(known: Usage, usage: Usage): UsageTotal {
	const more = emptyUsage();
	for (const [measure, amount] of Object.entries(usage)) {
		const difference = (amount ?? 0) - (known[measure] ?? 0);
		if (difference > 0) more[measure] = difference;
	}
	return more;
}

/** What is still reserved of an estimate when so much was used. */
function unusedOf(estimate: Usage, used: Usage, measure: string): number {
	return Math.max(0, amountOf(estimate, measure) - amountOf(used, measure));
}

function blocked(shortages: readonly Shortage[], now: number): BudgetVerdict {
	const freedAt = shortages.map((shortage) => shortage.freedAt ?? Number.POSITIVE_INFINITY);
	const latest = Math.max(...freedAt);
	return {
		verdict: "blocked",
		reason: shortages.map(({ reason }) => reason).join("; "),
		// There is at least one.
		measure: (shortages[0] as Shortage).measure,
		// Whole milliseconds: a fraction may be lost when it is added to the time again.
		...(latest < Number.POSITIVE_INFINITY && { retryAfter: Math.ceil(latest - now) }),
		...(shortages.every(({ isHeld }) => isHeld) && { whenSettled: true }),
	};
}
