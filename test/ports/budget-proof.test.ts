import {
	type AccountReport,
	BudgetLedger,
	type BudgetLimit,
	type RunInfo,
	type RunReport,
	type Usage,
	VirtualClock,
} from "dagswarm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runsOf, SEED } from "../random.js";
import { type NaiveAttempt, NaiveBudget, plus, type Tenths } from "./naive-budget.js";
import { runInfo } from "./samples.js";

/** A run that calls another, which calls a third; and two more. */
const RUNS: readonly RunInfo[] = [
	runInfo("root", { caller: "anna", channel: "web" }),
	runInfo("sub", { ancestors: ["root"], caller: "anna", channel: "web" }),
	runInfo("subsub", { ancestors: ["sub", "root"], caller: "anna" }),
	runInfo("other", { caller: "bert", channel: "web" }),
	runInfo("nobody's"),
];

const MEASURES = ["cost", "nodes", "inputTokens", "outputTokens", "pages"];

const tenths = fc.dictionary(fc.constantFrom(...MEASURES), fc.nat(30), { maxKeys: 3, noNullPrototype: true });

const limits: fc.Arbitrary<BudgetLimit[]> = fc.uniqueArray(
	fc
		.record({
			measure: fc.constantFrom("cost", "cost", "tokens", "nodes", "pages"),
			limit: fc.integer({ min: 0, max: 100 }).map((limit) => limit / 10),
			of: fc.constantFrom(...(["run", "tree", "caller", "channel", "node", "agent", "all"] as const)),
			name: fc.constantFrom(undefined, undefined, "anna", "web", "search"),
			per: fc.constantFrom(undefined, undefined, 600, 6_000),
		})
		.map(({ name, per, ...limit }) => ({
			...limit,
			...(name !== undefined && ["caller", "channel", "agent"].includes(limit.of) && { name }),
			...(per !== undefined && { per }),
		})),
	{ minLength: 1, maxLength: 4, selector: ({ measure, of, name, per }) => JSON.stringify([measure, of, name, per]) },
);

type Step =
	| {
			readonly does: "reserve";
			readonly run: number;
			readonly node: string;
			readonly agent: string;
			readonly estimate: Tenths;
			readonly approved: boolean;
	  }
	| { readonly does: "settle"; readonly which: number; readonly more: Tenths; readonly last: boolean }
	| { readonly does: "wait"; readonly ms: number }
	| { readonly does: "reopen"; readonly run: number; readonly more: Tenths }
	| { readonly does: "restart" };

const steps: fc.Arbitrary<Step[]> = fc.array(
	fc.oneof(
		{
			weight: 6,
			arbitrary: fc.record({
				does: fc.constant("reserve" as const),
				run: fc.nat(RUNS.length - 1),
				node: fc.constantFrom("a", "b"),
				agent: fc.constantFrom("search", "write"),
				estimate: tenths,
				approved: fc.nat(9).map((dice) => dice === 9),
			}),
		},
		{
			weight: 6,
			arbitrary: fc.record({ does: fc.constant("settle" as const), which: fc.nat(), more: tenths, last: fc.boolean() }),
		},
		{ weight: 3, arbitrary: fc.record({ does: fc.constant("wait" as const), ms: fc.nat(1_000) }) },
		{
			weight: 1,
			arbitrary: fc.record({ does: fc.constant("reopen" as const), run: fc.nat(RUNS.length - 1), more: tenths }),
		},
		{ weight: 1, arbitrary: fc.constant({ does: "restart" as const }) },
	),
	{ minLength: 1, maxLength: 60, size: "max" },
);

/** A ledger and the naive books beside it: both are told the same, and asked the same. */
class Books {
	readonly clock = new VirtualClock(10_000);
	readonly #naive: NaiveBudget;
	#ledger: BudgetLedger;
	/** The attempts that were granted, by reservation. */
	readonly #granted = new Map<string, NaiveAttempt>();
	/** So many reservations this ledger has not given itself. */
	#foreign = new Set<string>();

	constructor(readonly limits: readonly BudgetLimit[]) {
		this.#naive = new NaiveBudget(limits);
		this.#ledger = new BudgetLedger({ limits, clock: this.clock });
	}

	do(step: Step): void {
		switch (step.does) {
			case "reserve":
				return this.#reserve(step);
			case "settle":
				return this.#settle(step);
			case "wait":
				return this.clock.advance(step.ms);
			case "reopen":
				return this.#reopen(RUNS[step.run] as RunInfo, step.more);
			case "restart":
				this.#endAll(() => true);
				for (const reservation of this.#granted.keys()) this.#foreign.add(reservation);
				this.#ledger = new BudgetLedger({
					limits: this.limits,
					clock: this.clock,
					restore: JSON.parse(JSON.stringify(this.#ledger.snapshot())),
				});
		}
	}

	#reserve({ run, node, agent, estimate, approved }: Step & { readonly does: "reserve" }): void {
		const now = this.clock.now();
		const attempt: NaiveAttempt = { run: RUNS[run] as RunInfo, node, agent, estimate, approved, used: {}, open: true };
		const refusal = this.#naive.refusal(attempt, now);
		const verdict = this.#ledger.reserve({ ...attempt, attempt: 1, estimate: usageOf(estimate) });
		expect(verdict.verdict === "blocked").toBe(refusal !== undefined);
		if (verdict.verdict === "blocked") {
			expect(now + (verdict.retryAfter ?? Number.POSITIVE_INFINITY)).toBe(refusal);
		} else {
			this.#naive.grant(attempt);
			expect(this.#granted.has(verdict.reservation)).toBe(false);
			this.#granted.set(verdict.reservation, attempt);
		}
	}

	#settle({ which, more, last }: Step & { readonly does: "settle" }): void {
		// Those that have ended, too: what they have used may be told late.
		const known = [...this.#granted].filter(([reservation]) => !this.#foreign.has(reservation));
		const [reservation, attempt] = known[which % known.length] ?? [];
		if (reservation === undefined || attempt === undefined) return;
		attempt.used = plus(attempt.used, more);
		this.#naive.spend(attempt, more, this.clock.now());
		for (let told = 0; told < 2; told++) this.#ledger.settle(reservation, usageOf(attempt.used), last);
		if (last) attempt.open = false;
	}

	/** A run is let go of, uses something in another process, and is back. */
	#reopen(run: RunInfo, more: Tenths): void {
		this.#ledger.close(run, false);
		this.#endAll((attempt) => attempt.run === run);
		this.#naive.spend({ run }, more, this.clock.now());
		for (let told = 0; told < 2; told++)
			this.#ledger.open({ ...run, resumed: true }, usageOf(this.#naive.ofRun(run.run)));
	}

	#endAll(which: (attempt: NaiveAttempt) => boolean): void {
		for (const attempt of this.#granted.values()) if (which(attempt)) attempt.open = false;
	}

	check(): void {
		const now = this.clock.now();
		const report = this.#ledger.report();
		for (const [index, limit] of this.limits.entries()) {
			const accounts = report.limits[index]?.accounts ?? [];
			const sums = new Map(accounts.map((account) => [keyOf(account), account]));
			for (const key of this.#naive.keys(limit)) {
				const used = this.#naive.used(limit, key, now);
				same(sums.get(key)?.used, used, `used under limit ${index} by ${key}`);
				same(sums.get(key)?.reserved, this.#naive.reserved(limit, key), `reserved under limit ${index} by ${key}`);
				if (used > this.#naive.bound(limit, key)) expect.fail(`limit ${index} of ${key} is exceeded by too much`);
				sums.delete(key);
			}
			for (const [key, { used, reserved }] of sums) same(used + reserved, 0, `of ${key}, whom nobody knows,`);
		}
		const all = report.runs.flatMap(function below(above): RunReport[] {
			return [above, ...above.runs.flatMap(below)];
		});
		for (const { run } of RUNS) this.#checkRun(run, all.find((known) => known.run === run)?.used ?? {});
	}

	#checkRun(run: string, used: Usage): void {
		for (const [measure, amount] of Object.entries(this.#naive.ofRun(run)))
			same(used[measure], amount, `${measure} used by run ${run}`);
	}
}

function keyOf({ run, node, name }: AccountReport): string {
	return node === undefined ? (run ?? name ?? "all") : `${run} ${node}`;
}

/** Whether a sum is what the tenths say. Without `expect`, which takes longer than all else. */
function same(actual = 0, tenths: number, what: string): void {
	if (Math.abs(actual - tenths / 10) > 1e-9) expect.fail(`${actual} ${what}, not ${tenths / 10}`);
}

/** Tenths as what agents use: fractions that binary numbers do not have. */
function usageOf(amounts: Tenths): Usage {
	return Object.fromEntries(Object.entries(amounts).map(([measure, amount]) => [measure, amount / 10]));
}

test("books equal a naive recount, and no limit is exceeded by more than what was used beyond reserves (mistake 37)", () => {
	fc.assert(
		fc.property(limits, steps, (chosen, script) => {
			const books = new Books(chosen);
			for (const step of script) {
				books.do(step);
				books.check();
			}
		}),
		{ seed: SEED, numRuns: runsOf(80) },
	);
});

test("sums of tenths do not drift, however many there are", () => {
	const clock = new VirtualClock();
	const ledger = new BudgetLedger({ limits: [{ measure: "cost", limit: 3_000, of: "all" }], clock });
	const run = runInfo("r");
	for (let i = 0; i < 10_000; i++) {
		const estimate = { cost: 0.1 };
		const verdict = ledger.reserve({ run, node: "n", agent: "a", attempt: 1, estimate, approved: false });
		if (verdict.verdict === "blocked") throw new Error(`refused after ${i}: ${verdict.reason}`);
		ledger.settle(verdict.reservation, { cost: 0.3 }, true);
	}
	expect(ledger.report().limits[0]?.accounts).toEqual([{ used: 3_000, reserved: 0, limit: 3_000 }]);
	const verdict = ledger.reserve({ run, node: "n", agent: "a", attempt: 1, estimate: { cost: 0.1 }, approved: false });
	expect(verdict.verdict).toBe("blocked");
});
