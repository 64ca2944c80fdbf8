import { type BudgetLimit, type BudgetRequest, budgetLedger, type RunInfo, type Usage, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { asking, reservationOf, runInfo } from "./samples.js";

/** A ledger on a clock of its own, and short ways to ask it. */
function ledgerOf(...limits: BudgetLimit[]) {
	const clock = new VirtualClock(1_000_000);
	const ledger = budgetLedger({ limits, clock });
	const reserve = (estimate: Usage, options?: Partial<BudgetRequest>) => ledger.reserve(asking(estimate, options));
	const spend = (used: Usage, options?: Partial<BudgetRequest>): void =>
		ledger.settle(reservationOf(ledger.reserve(asking(used, { approved: true, ...options }))), used, true);
	return { clock, ledger, reserve, spend };
}

const child = (run: string, ...ancestors: string[]): RunInfo => runInfo(run, { ancestors });

describe("whom a limit is about", () => {
	test("a run is counted by itself, without those that its nodes call", () => {
		const { reserve, spend } = ledgerOf({ measure: "cost", limit: 5, of: "run" });
		spend({ cost: 4 });
		expect(reserve({ cost: 2 }).verdict).toBe("blocked");
		expect(reserve({ cost: 4 }, { run: child("s", "r") }).verdict).toBe("warning");
		expect(reserve({ cost: 4 }, { run: runInfo("t") }).verdict).toBe("warning");
	});

	test("a tree is counted with all below its root", () => {
		const { reserve, spend } = ledgerOf({ measure: "cost", limit: 5, of: "tree" });
		spend({ cost: 2 });
		spend({ cost: 2 }, { run: child("s", "r") });
		expect(reserve({ cost: 2 }, { run: child("t", "s", "r") })).toMatchObject({
			verdict: "blocked",
			reason: 'cost of run "r" and its sub-runs: 4 used and 0 reserved of 5, 2 more asked for',
		});
		expect(reserve({ cost: 1 }, { run: child("t", "s", "r") }).verdict).toBe("warning");
		expect(reserve({ cost: 5 }, { run: runInfo("u") }).verdict).toBe("warning");
	});

	test("callers and channels are counted over their runs, and who has none is not", () => {
		const { reserve, spend } = ledgerOf(
			{ measure: "cost", limit: 5, of: "caller" },
			{ measure: "cost", limit: 7, of: "channel" },
		);
		const anna = runInfo("a", { caller: "anna", channel: "web" });
		spend({ cost: 4 }, { run: anna });
		expect(reserve({ cost: 2 }, { run: { ...anna, run: "b" } })).toMatchObject({
			reason: 'cost of caller "anna": 4 used and 0 reserved of 5, 2 more asked for',
		});
		const bert = { ...anna, run: "c", caller: "bert" };
		expect(reserve({ cost: 4 }, { run: bert }).verdict).toBe("blocked");
		expect(reserve({ cost: 3 }, { run: bert }).verdict).toBe("warning");
		expect(reserve({ cost: 100 }).verdict).toBe("allowed");
	});

	test("a name restricts a limit to one, and others go free", () => {
		const { reserve } = ledgerOf({ measure: "nodes", limit: 1, of: "agent", name: "search" });
		expect(reserve({ nodes: 1 }, { agent: "search" }).verdict).toBe("warning");
		expect(reserve({ nodes: 1 }, { agent: "search", node: "m" }).verdict).toBe("blocked");
		expect(reserve({ nodes: 9 }, { agent: "write" })).toEqual({
			verdict: "allowed",
			reservation: "b2",
			remaining: {},
		});
	});

	test("a node is counted with all its attempts, and is another one in another run", () => {
		const { reserve, spend } = ledgerOf({ measure: "cost", limit: 1, of: "node" });
		spend({ cost: 1 }, { attempt: 1 });
		expect(reserve({ cost: 1 }, { attempt: 2 })).toMatchObject({
			reason: 'cost of node "n" of run "r": 1 used and 0 reserved of 1, 1 more asked for',
		});
		expect(reserve({ cost: 1 }, { node: "m" }).verdict).toBe("warning");
		expect(reserve({ cost: 1 }, { run: runInfo("s") }).verdict).toBe("warning");
	});

	test("all is everything", () => {
		const { reserve, spend } = ledgerOf({ measure: "minutes", limit: 3, of: "all" });
		spend({ minutes: 3 }, { run: runInfo("x") });
		expect(reserve({ minutes: 1 })).toMatchObject({
			measure: "minutes",
			reason: "minutes of all runs: 3 used and 0 reserved of 3, 1 more asked for",
		});
	});
});

describe("measures", () => {
	test("tokens are those in, out and of thinking together, and what the host counts as such", () => {
		const { reserve, spend, ledger } = ledgerOf({ measure: "tokens", limit: 100, of: "all" });
		spend({ inputTokens: 10, outputTokens: 20, thinkingTokens: 30 });
		spend({ tokens: 10 });
		expect(ledger.report().limits[0]?.accounts).toEqual([{ used: 70, reserved: 0, limit: 100 }]);
		expect(reserve({ inputTokens: 31 }).verdict).toBe("blocked");
		expect(reserve({ inputTokens: 10, outputTokens: 20 }).verdict).toBe("warning");
		expect(reserve({ nodes: 1 }).verdict).toBe("blocked");
		expect(reserve({ nodes: 1, outputTokens: 0 }).verdict).toBe("warning");
	});

	test("of a reserve only what is not used is kept, be it in other tokens", () => {
		const { reserve, ledger } = ledgerOf({ measure: "tokens", limit: 100, of: "all" });
		ledger.settle(reservationOf(reserve({ inputTokens: 50 })), { outputTokens: 20 }, false);
		expect(ledger.report().limits[0]?.accounts).toEqual([{ used: 20, reserved: 30, limit: 100 }]);
	});

	test("a retry starts no node, and is not refused for want of nodes", () => {
		const { reserve, spend } = ledgerOf({ measure: "nodes", limit: 1, of: "run" });
		spend({ nodes: 1 });
		expect(reserve({}, { attempt: 2 }).verdict).toBe("warning");
		expect(reserve({ nodes: 1 }, { node: "m" }).verdict).toBe("blocked");
	});

	test("who asks for nothing of what is used up goes on", () => {
		const { reserve, spend } = ledgerOf({ measure: "cost", limit: 1, of: "run" });
		spend({ cost: 2 });
		expect(reserve({ nodes: 1, cost: 0 })).toMatchObject({ verdict: "warning", remaining: { cost: 0 } });
		expect(reserve({ nodes: 1 })).toMatchObject({
			reason: 'cost of run "r": 2 used and 0 reserved of 1, nothing is left',
		});
	});

	test("may have any name", () => {
		const { reserve, ledger } = ledgerOf(
			{ measure: "__proto__", limit: 1, of: "all" },
			{ measure: "constructor", limit: 1, of: "all" },
		);
		const odd = JSON.parse('{ "__proto__": 1, "constructor": 0.5 }') as Usage;
		ledger.open(runInfo("r"), {});
		ledger.settle(reservationOf(reserve(odd)), odd, true);
		expect(reserve(odd)).toMatchObject({ measure: "__proto__" });
		expect(ledger.report().limits.map(({ accounts }) => accounts[0]?.used)).toEqual([1, 0.5]);
	});
});

describe("verdicts", () => {
	test("a warning comes from 80 % on, or whatever is asked for", () => {
		const { reserve } = ledgerOf({ measure: "cost", limit: 10, of: "run" });
		expect(reserve({ cost: 7.9 }).verdict).toBe("allowed");
		expect(reserve({ cost: 0.1 }).verdict).toBe("warning");
		const early = budgetLedger({ limits: [{ measure: "cost", limit: 10, of: "run" }], warnAt: 0.1 });
		expect(early.reserve(asking({ cost: 1 })).verdict).toBe("warning");
	});

	test("all limits are asked, nothing is reserved for what one refuses, and all reasons are given", () => {
		const { reserve, ledger } = ledgerOf(
			{ measure: "cost", limit: 1, of: "all" },
			{ measure: "nodes", limit: 1, of: "run" },
			{ measure: "inputTokens", limit: 9, of: "run" },
		);
		const verdict = reserve({ cost: 2, nodes: 2, inputTokens: 1 });
		expect(verdict).toEqual({
			verdict: "blocked",
			measure: "cost",
			reason:
				"cost of all runs: 0 used and 0 reserved of 1, 2 more asked for; " +
				'nodes of run "r": 0 used and 0 reserved of 1, 2 more asked for',
		});
		expect(ledger.report()).toMatchObject({ limits: [{ accounts: [] }, { accounts: [] }, { accounts: [] }], runs: [] });
	});

	test("what is left is the least that any limit leaves of a measure", () => {
		const { reserve } = ledgerOf(
			{ measure: "cost", limit: 5, of: "run" },
			{ measure: "cost", limit: 3, of: "all" },
			{ measure: "nodes", limit: 9, of: "all" },
		);
		expect(reserve({ cost: 1, nodes: 1 })).toMatchObject({ remaining: { cost: 2, nodes: 8 } });
	});

	test("what only others hold is worth waiting for", () => {
		const { reserve, ledger } = ledgerOf({ measure: "cost", limit: 5, of: "all" });
		const held = reservationOf(reserve({ cost: 3 }));
		expect(reserve({ cost: 3 })).toMatchObject({ verdict: "blocked", whenSettled: true });
		expect(reserve({ cost: 6 })).not.toHaveProperty("whenSettled");
		ledger.settle(held, { cost: 2.5 }, true);
		expect(reserve({ cost: 3 })).not.toHaveProperty("whenSettled");
		expect(reserve({ cost: 2.5 }).verdict).toBe("warning");
	});

	test("what only those hold who wait for the run itself is not: they wait for each other", () => {
		const { reserve, ledger } = ledgerOf({ measure: "cost", limit: 5, of: "tree" });
		const sub = { run: runInfo("sub", { ancestors: ["root"], calledBy: "a" }) };
		const below = { run: runInfo("below", { ancestors: ["sub", "root"], calledBy: "b" }) };
		reserve({ cost: 2 }, { run: runInfo("root"), node: "a" });
		reserve({ cost: 1 }, { ...sub, node: "b" });
		expect(reserve({ cost: 3 }, below)).toMatchObject({ verdict: "blocked" });
		expect(reserve({ cost: 3 }, below)).not.toHaveProperty("whenSettled");
		// Beside it there is one whom nobody keeps.
		const other = reservationOf(reserve({ cost: 1 }, { run: runInfo("root"), node: "c" }));
		expect(reserve({ cost: 2 }, below)).toMatchObject({ verdict: "blocked", whenSettled: true });
		ledger.settle(other, {}, true);
		expect(reserve({ cost: 2 }, below)).toMatchObject({ verdict: "warning" });
	});

	test("approved is counted, and what is beyond the limit is refused to others", () => {
		const { reserve, ledger } = ledgerOf({ measure: "cost", limit: 5, of: "all" });
		expect(reserve({ cost: 9 }, { approved: true })).toMatchObject({ verdict: "warning", remaining: { cost: 0 } });
		expect(reserve({ cost: 0.1 })).toMatchObject({ verdict: "blocked", whenSettled: true });
		expect(ledger.report().limits[0]?.accounts[0]).toMatchObject({ used: 0, reserved: 9 });
	});
});

describe("windows", () => {
	const HOUR = 3_600_000;
	const STEP = HOUR / 60;
	const limit: BudgetLimit = { measure: "cost", limit: 10, of: "all", per: "1h" };

	test("what was used leaves a window after it has passed, at most a step later, and retryAfter says when", () => {
		const { clock, reserve, spend } = ledgerOf(limit);
		spend({ cost: 6 });
		clock.advance(10 * STEP);
		spend({ cost: 4 });
		const verdict = reserve({ cost: 1 });
		const wait = verdict.verdict === "blocked" ? (verdict.retryAfter ?? Number.NaN) : Number.NaN;
		expect(wait).toBeGreaterThanOrEqual(HOUR - 10 * STEP);
		expect(wait).toBeLessThanOrEqual(HOUR - 9 * STEP);
		clock.advance(wait - 1);
		expect(reserve({ cost: 1 }).verdict).toBe("blocked");
		clock.advance(1);
		expect(reserve({ cost: 6 }).verdict).toBe("warning");
	});

	test("it waits until enough is free, not just something", () => {
		const { clock, reserve, spend } = ledgerOf(limit);
		const start = clock.now();
		for (let i = 0; i < 10; i++) {
			spend({ cost: 1 });
			clock.advance(STEP);
		}
		const verdict = reserve({ cost: 3 });
		const wait = verdict.verdict === "blocked" ? (verdict.retryAfter ?? 0) : 0;
		const until = clock.now() + wait - start;
		expect(until).toBeGreaterThan(HOUR + 2 * STEP);
		expect(until).toBeLessThanOrEqual(HOUR + 3 * STEP);
	});

	test("what is reserved has no time: it is asked again when the first of what is used is free", () => {
		const { clock, reserve, spend } = ledgerOf(limit);
		reserve({ cost: 7 });
		expect(reserve({ cost: 4 })).toEqual({
			verdict: "blocked",
			measure: "cost",
			reason: "cost of all runs per 1h: 0 used and 7 reserved of 10, 4 more asked for",
			whenSettled: true,
		});
		clock.advance(HOUR);
		spend({ cost: 2 });
		expect(reserve({ cost: 4 })).toMatchObject({ whenSettled: true, retryAfter: expect.closeTo(HOUR, -5) });
	});

	test("what would not fit into an empty window is not worth a wait", () => {
		const { reserve, spend } = ledgerOf(limit, { ...limit, measure: "free", limit: 0 });
		spend({ cost: 1 });
		expect(reserve({ cost: 11, free: 0 })).not.toHaveProperty("retryAfter");
		expect(reserve({ cost: 1 })).not.toHaveProperty("retryAfter");
	});

	test("the longest wait counts, and there is none where one limit has no window", () => {
		const { spend, reserve, ledger } = ledgerOf(limit, { ...limit, of: "run", per: "2h" });
		spend({ cost: 10 });
		expect(reserve({ cost: 1 })).toMatchObject({ retryAfter: expect.closeTo(2 * HOUR, -6) });
		const both = budgetLedger({
			limits: [limit, { measure: "cost", limit: 1, of: "run" }],
			restore: ledger.snapshot(),
		});
		expect(both.reserve(asking({ cost: 20 }))).not.toHaveProperty("retryAfter");
	});

	test("who does not know what it will need waits, too, until something is left", () => {
		const { clock, spend, reserve } = ledgerOf(limit);
		spend({ cost: 10 });
		const verdict = reserve({});
		expect(verdict).toMatchObject({ verdict: "blocked", retryAfter: expect.any(Number) });
		clock.advance(verdict.verdict === "blocked" ? (verdict.retryAfter ?? 0) : 0);
		expect(reserve({}).verdict).toBe("allowed");
	});

	test("a clock of fractions waits for whole milliseconds, and long enough", () => {
		const clock = new VirtualClock(1_764_000_000_000.125);
		const ledger = budgetLedger({ limits: [{ ...limit, per: 977 }], clock });
		ledger.settle(reservationOf(ledger.reserve(asking({ cost: 10 }))), { cost: 10 }, true);
		const verdict = ledger.reserve(asking({ cost: 10 }));
		const wait = verdict.verdict === "blocked" ? (verdict.retryAfter ?? 0) : 0;
		expect(Number.isInteger(wait)).toBe(true);
		clock.advance(wait);
		expect(ledger.reserve(asking({ cost: 10 })).verdict).toBe("warning");
	});
});

describe("what was used", () => {
	test("may be told again, and less than before counts as before", () => {
		const { reserve, ledger } = ledgerOf({ measure: "cost", limit: 10, of: "all" });
		const reservation = reservationOf(reserve({ cost: 2 }));
		for (const cost of [1, 3, 2, 3]) ledger.settle(reservation, { cost }, false);
		expect(ledger.report().limits[0]?.accounts[0]).toMatchObject({ used: 3, reserved: 0 });
	});

	test("counts also when it is told after the end", () => {
		const { reserve, ledger } = ledgerOf(
			{ measure: "cost", limit: 10, of: "run" },
			{ measure: "cost", limit: 9, of: "all" },
		);
		const reservation = reservationOf(reserve({ cost: 5 }));
		ledger.settle(reservation, { cost: 1 }, true);
		ledger.settle(reservation, { cost: 1 }, true);
		ledger.settle(reservation, { cost: 4 }, false);
		const used = () => ledger.report().limits.map(({ accounts }) => accounts.map((account) => account.used));
		expect(used()).toEqual([[4], [4]]);
		ledger.close(runInfo("r"), true);
		ledger.settle(reservation, { cost: 6 }, true);
		expect(used()).toEqual([[], [6]]);
	});

	test("is refused of a reservation that there never was, and when it is no usage", () => {
		const { reserve, ledger } = ledgerOf();
		expect(() => ledger.settle("b1", { cost: 1 }, true)).toThrow(
			expect.objectContaining({ code: "INVALID_INPUT", message: expect.stringContaining('no reservation "b1"') }),
		);
		const reservation = reservationOf(reserve({}));
		expect(() => ledger.settle(reservation, { cost: -1 }, true)).toThrow(expect.objectContaining({ path: "/cost" }));
		expect(() => reserve({ cost: Number.NaN })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
		expect(() => ledger.open(runInfo("r"), { cost: Number.POSITIVE_INFINITY })).toThrow("Infinity");
	});

	test("is known until ten thousand others have ended, and not for ever", () => {
		const { reserve, ledger } = ledgerOf();
		const first = reservationOf(reserve({}));
		ledger.settle(first, {}, true);
		for (let i = 0; i < 10_000; i++) ledger.settle(reservationOf(reserve({})), {}, true);
		ledger.settle(first, { cost: 1 }, true);
		for (let i = 0; i < 10_000; i++) ledger.settle(reservationOf(reserve({})), {}, true);
		expect(() => ledger.settle(first, { cost: 2 }, true)).toThrow("no reservation");
	});
});

describe("runs that go on", () => {
	const limits: readonly BudgetLimit[] = [
		{ measure: "cost", limit: 10, of: "run" },
		{ measure: "cost", limit: 100, of: "caller" },
		{ measure: "cost", limit: 1_000, of: "tree" },
		{ measure: "cost", limit: 50, of: "node" },
	];
	const run = runInfo("r", { caller: "anna" });
	const used = (ledger: ReturnType<typeof budgetLedger>) =>
		ledger.report().limits.map(({ accounts }) => accounts.map((account) => account.used));

	test("bring what earlier processes have used", () => {
		const { ledger } = ledgerOf(...limits);
		ledger.open({ ...run, resumed: true }, { cost: 7 });
		expect(used(ledger)).toEqual([[7], [7], [7], []]);
		expect(ledger.reserve(asking({ cost: 4 }, { run })).verdict).toBe("blocked");
	});

	test("are counted once where this ledger has seen them", () => {
		const { ledger } = ledgerOf(...limits);
		ledger.open(run, {});
		ledger.settle(reservationOf(ledger.reserve(asking({ cost: 3 }, { run }))), { cost: 3 }, true);
		ledger.close(run, false);
		ledger.open({ ...run, resumed: true }, { cost: 3 });
		ledger.open({ ...run, resumed: true }, { cost: 3 });
		expect(used(ledger)).toEqual([[3], [3], [3], [3]]);
		ledger.close(run, false);
		ledger.open({ ...run, resumed: true }, { cost: 5 });
		expect(used(ledger)).toEqual([[5], [5], [5], [3]]);
		ledger.close(run, false);
		// The ledger knows of more than the run has written down.
		ledger.open({ ...run, resumed: true }, { cost: 4 });
		expect(used(ledger)).toEqual([[5], [5], [5], [3]]);
	});

	test("free what they had reserved when they are closed, and keep what they have used", () => {
		const { ledger } = ledgerOf(...limits);
		ledger.open(run, {});
		const reservation = reservationOf(ledger.reserve(asking({ cost: 8 }, { run })));
		ledger.settle(reservation, { cost: 2 }, false);
		ledger.close(run, false);
		expect(ledger.report().limits[1]?.accounts).toEqual([{ name: "anna", used: 2, reserved: 0, limit: 100 }]);
		ledger.settle(reservation, { cost: 3 }, true);
		expect(used(ledger)[1]).toEqual([3]);
		ledger.close(runInfo("nobody"), true);
	});
});
