import type { BudgetLimit, RunInfo } from "dagswarm";

/** A usage in tenths: whole numbers, so that sums are exact. */
export type Tenths = Readonly<Record<string, number>>;

/** An attempt, its figures in tenths. */
export interface NaiveAttempt {
	readonly run: RunInfo;
	readonly node: string;
	readonly agent: string;
	readonly estimate: Tenths;
	readonly approved: boolean;
	used: Tenths;
	open: boolean;
}

interface Spending {
	readonly at: number;
	/** Nothing where only the run is known. */
	readonly attempt: Pick<NaiveAttempt, "run"> & Partial<NaiveAttempt>;
	readonly amounts: Tenths;
}

/** What a limit of one spender may be exceeded by: what happened since something was last granted below it. */
interface Slack {
	/** In flight then, or since. */
	readonly attempts: Set<NaiveAttempt>;
	/** Told after the end of an attempt, or by another process. */
	unreserved: number;
}

const STEPS = 60;

/**
 * The books of a budget as a list of all that was ever spent, added up anew for each question. Windows are whole
 * milliseconds that can be divided by 60.
 */
export class NaiveBudget {
	readonly spendings: Spending[] = [];
	readonly attempts: NaiveAttempt[] = [];
	readonly #slack = new Map<string, Slack>();

	constructor(readonly limits: readonly BudgetLimit[]) {}

	used(limit: BudgetLimit, key: string, now: number): number {
		return this.#counting(limit, key)
			.filter(({ expiry }) => expiry > now)
			.reduce((sum, { amount }) => sum + amount, 0);
	}

	reserved(limit: BudgetLimit, key: string): number {
		return this.attempts
			.filter((attempt) => attempt.open && keyOf(limit, attempt) === key)
			.reduce((sum, { estimate, used }) => sum + Math.max(0, amountOf(estimate, limit) - amountOf(used, limit)), 0);
	}

	/** Whose accounts there are. */
	keys(limit: BudgetLimit): string[] {
		const spenders = [...this.spendings.map(({ attempt }) => attempt), ...this.attempts];
		return [...new Set(spenders.map((spender) => keyOf(limit, spender)).filter((key) => key !== undefined))];
	}

	/**
	 * Whether an attempt may start.
	 *
	 * @returns undefined when it may; else when it is worth asking again, infinite when time changes nothing
	 */
	refusal(attempt: NaiveAttempt, now: number): number | undefined {
		if (attempt.approved) return undefined;
		const waits: number[] = [];
		for (const limit of this.limits) {
			const key = keyOf(limit, attempt);
			if (key === undefined || isNothing(attempt.estimate, limit)) continue;
			const asked = amountOf(attempt.estimate, limit);
			const fits = (counted: number) =>
				isVague(attempt.estimate, limit) ? counted < top(limit) : counted + asked <= top(limit);
			const reserved = this.reserved(limit, key);
			if (fits(this.used(limit, key, now) + reserved)) continue;
			const times = this.#counting(limit, key)
				.map(({ expiry }) => expiry)
				.filter((expiry) => expiry > now && expiry < Number.POSITIVE_INFINITY)
				.sort((a, b) => a - b);
			const enough = times.find((time) => fits(this.used(limit, key, time) + reserved)) ?? times[0];
			waits.push(fits(0) ? (enough ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY);
		}
		return waits.length === 0 ? undefined : Math.max(...waits);
	}

	grant(attempt: NaiveAttempt): void {
		this.attempts.push(attempt);
		for (const limit of this.limits) {
			const slack = this.#slackOf(limit, keyOf(limit, attempt));
			if (slack === undefined) continue;
			if (!attempt.approved && !isNothing(attempt.estimate, limit)) {
				// It fitted: whatever is beyond the limit from now on is beyond what was reserved.
				slack.unreserved = 0;
				for (const old of slack.attempts) if (!old.open) slack.attempts.delete(old);
			}
			slack.attempts.add(attempt);
		}
	}

	spend(attempt: Spending["attempt"], amounts: Tenths, now: number): void {
		this.spendings.push({ at: now, attempt, amounts });
		if (attempt.open === true) return;
		for (const limit of this.limits) {
			const slack = this.#slackOf(limit, keyOf(limit, attempt));
			if (slack !== undefined) slack.unreserved += amountOf(amounts, limit);
		}
	}

	/** limit + Σ max(0, used − reserved) of what was in flight; what nobody asked for counts in full. */
	bound(limit: BudgetLimit, key: string): number {
		const slack = this.#slackOf(limit, key);
		let bound = top(limit) + (slack?.unreserved ?? 0);
		for (const { approved, used, estimate } of slack?.attempts ?? [])
			bound += approved ? amountOf(used, limit) : Math.max(0, amountOf(used, limit) - amountOf(estimate, limit));
		return bound;
	}

	/** What of a run's own nodes was used. */
	ofRun(run: string): Tenths {
		return this.spendings
			.filter(({ attempt }) => attempt.run.run === run)
			.reduce((sum: Tenths, { amounts }) => plus(sum, amounts), {});
	}

	#counting(limit: BudgetLimit, key: string): { readonly amount: number; readonly expiry: number }[] {
		return this.spendings
			.filter(({ attempt }) => keyOf(limit, attempt) === key)
			.map(({ at, amounts }) => ({ amount: amountOf(amounts, limit), expiry: expiryOf(limit, at) }))
			.filter(({ amount }) => amount > 0);
	}

	#slackOf(limit: BudgetLimit, key: string | undefined): Slack | undefined {
		if (key === undefined) return undefined;
		const of = JSON.stringify([this.limits.indexOf(limit), key]);
		const slack = this.#slack.get(of) ?? { attempts: new Set<NaiveAttempt>(), unreserved: 0 };
		this.#slack.set(of, slack);
		return slack;
	}
}

export function plus(a: Tenths, b: Tenths): Tenths {
	const sum: Record<string, number> = { ...a };
	for (const [measure, amount] of Object.entries(b)) sum[measure] = (sum[measure] ?? 0) + amount;
	return sum;
}

/** A limit in tenths. */
function top({ limit }: BudgetLimit): number {
	return Math.round(limit * 10);
}

function expiryOf({ per }: BudgetLimit, at: number): number {
	if (per === undefined) return Number.POSITIVE_INFINITY;
	const step = Number(per) / STEPS;
	return (Math.floor(at / step) + 1) * step + Number(per);
}

function kinds(measure: string): readonly string[] {
	return measure === "tokens" ? ["inputTokens", "outputTokens"] : [measure];
}

function amountOf(tenths: Tenths, { measure }: BudgetLimit): number {
	return kinds(measure).reduce((sum, kind) => sum + (tenths[kind] ?? 0), 0);
}

function isVague(estimate: Tenths, { measure }: BudgetLimit): boolean {
	return measure !== "nodes" && kinds(measure).every((kind) => estimate[kind] === undefined);
}

function isNothing(estimate: Tenths, limit: BudgetLimit): boolean {
	return amountOf(estimate, limit) === 0 && !isVague(estimate, limit);
}

function keyOf({ of, name }: BudgetLimit, { run, node, agent }: Spending["attempt"]): string | undefined {
	if (of === "all") return "all";
	if (of === "run") return run.run;
	if (of === "tree") return run.ancestors.at(-1) ?? run.run;
	if (of === "node") return node === undefined ? undefined : `${run.run} ${node}`;
	const own = of === "agent" ? agent : run[of];
	return name === undefined || own === name ? own : undefined;
}
