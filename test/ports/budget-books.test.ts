import { type BudgetLimit, budgetLedger, type RunInfo, type SavedBooks, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { asking, reservationOf, runInfo } from "./samples.js";

const child = (run: string, ...ancestors: string[]): RunInfo => runInfo(run, { ancestors });

function spending(limits: readonly BudgetLimit[], clock = new VirtualClock(0), restore?: SavedBooks) {
	const ledger = budgetLedger({ limits, clock, ...(restore !== undefined && { restore }) });
	const spend = (cost: number, run: RunInfo, node = "n"): void =>
		ledger.settle(reservationOf(ledger.reserve(asking({ cost }, { run, node, approved: true }))), { cost }, true);
	return { ledger, clock, spend };
}

describe("the report", () => {
	test("says of each limit who has used and reserved how much", () => {
		const { ledger, spend } = spending([
			{ measure: "cost", limit: 10, of: "run" },
			{ measure: "cost", limit: 20, of: "caller" },
			{ measure: "cost", limit: 30, of: "node" },
			{ measure: "cost", limit: 40, of: "all" },
		]);
		spend(0.25, runInfo("r", { caller: "anna" }));
		spend(0.5, runInfo("r", { caller: "anna" }));
		ledger.reserve(asking({ cost: 4 }, { run: runInfo("s") }));
		expect(ledger.report().limits.map(({ accounts }) => accounts)).toEqual([
			[
				{ run: "r", used: 0.75, reserved: 0, limit: 10 },
				{ run: "s", used: 0, reserved: 4, limit: 10 },
			],
			[{ name: "anna", used: 0.75, reserved: 0, limit: 20 }],
			[
				{ run: "r", node: "n", used: 0.75, reserved: 0, limit: 30 },
				{ run: "s", node: "n", used: 0, reserved: 4, limit: 30 },
			],
			[{ used: 0.75, reserved: 4, limit: 40 }],
		]);
	});

	test("shows runs below the node's run that called them, and what ended ones have left", () => {
		const { ledger, spend } = spending([]);
		ledger.open(runInfo("r", { caller: "anna", channel: "web" }), {});
		spend(1, runInfo("r"), "plan");
		spend(2, child("s", "r"));
		spend(4, child("t", "s", "r"), "deep");
		spend(8, child("u", "r"));
		const held = reservationOf(ledger.reserve(asking({ cost: 3 }, { run: child("s", "r"), node: "held" })));
		ledger.settle(held, { cost: 1 }, false);
		ledger.close(child("t", "s", "r"), true);
		ledger.close(child("u", "r"), true);
		expect(ledger.report().runs).toEqual([
			{
				run: "r",
				caller: "anna",
				channel: "web",
				used: { cost: 1 },
				reserved: {},
				total: { cost: 16 },
				nodes: [{ node: "plan", agent: "writer", used: { cost: 1 }, reserved: {} }],
				runs: [
					{
						run: "s",
						used: { cost: 3 },
						reserved: { cost: 2 },
						total: { cost: 7 },
						nodes: [
							{ node: "n", agent: "writer", used: { cost: 2 }, reserved: {} },
							{ node: "held", agent: "writer", used: { cost: 1 }, reserved: { cost: 2 } },
						],
						runs: [],
					},
				],
			},
		]);
	});
});

describe("what is forgotten", () => {
	test("a run that has ended, with its nodes, and not what its caller has used", () => {
		const { ledger, spend } = spending([
			{ measure: "cost", limit: 9, of: "run" },
			{ measure: "cost", limit: 9, of: "node" },
			{ measure: "cost", limit: 9, of: "tree" },
			{ measure: "cost", limit: 9, of: "caller" },
		]);
		const run = runInfo("r", { caller: "anna" });
		for (const node of ["a", "b"]) spend(1, run, node);
		ledger.close(run, false);
		expect(ledger.snapshot().accounts).toHaveLength(5);
		ledger.open(run, { cost: 2 });
		ledger.close(run, true);
		expect(ledger.snapshot()).toEqual({
			version: 1,
			reservations: 2,
			accounts: [{ limit: '["cost","caller",null,null]', key: "anna", used: 2 }],
			runs: [],
		});
	});

	test("a root only after the runs below it: its tree keeps its limit", () => {
		const { ledger, spend } = spending([{ measure: "cost", limit: 5, of: "tree" }]);
		spend(3, runInfo("r"));
		spend(1, child("s", "r"));
		ledger.close(runInfo("r"), true);
		expect(ledger.reserve(asking({ cost: 2 }, { run: child("s", "r") })).verdict).toBe("blocked");
		ledger.close(child("s", "r"), true);
		expect(ledger.snapshot()).toMatchObject({ accounts: [], runs: [] });
	});

	test("whoever has nothing in a window any more", () => {
		const clock = new VirtualClock(0);
		const { ledger, spend } = spending([{ measure: "cost", limit: 5, of: "caller", per: "1m" }], clock);
		for (let i = 0; i < 1_000; i++) {
			const run = runInfo(`r${i}`, { caller: `caller ${i}` });
			spend(1, run);
			ledger.close(run, true);
			clock.advance(1_000);
		}
		// A minute of them, and the step that is not over yet.
		expect(ledger.report().limits[0]?.accounts.length).toBeLessThanOrEqual(61);
		expect(ledger.snapshot().accounts.length).toBeLessThanOrEqual(61);
	});

	test("the oldest of runs that are in nobody's hands", () => {
		const { ledger } = spending([{ measure: "cost", limit: 5, of: "run" }]);
		const runs = Array.from({ length: 10_005 }, (_, i) => runInfo(`r${i}`));
		for (const run of runs) {
			ledger.open(run, { cost: 1 });
			ledger.close(run, false);
		}
		const kept = ledger.report();
		expect(kept.runs).toHaveLength(10_000);
		expect(kept.runs[0]?.run).toBe("r5");
		expect(kept.limits[0]?.accounts).toHaveLength(10_000);
	});
});

describe("books that are kept", () => {
	const limits: readonly BudgetLimit[] = [
		{ measure: "cost", limit: 10, of: "caller" },
		{ measure: "cost", limit: 10, of: "caller", per: "1h" },
		{ measure: "cost", limit: 10, of: "node" },
	];
	const run = runInfo("r", { caller: "anna" });

	test("go on in another ledger as they were, through JSON", () => {
		const { ledger, spend, clock } = spending(limits);
		spend(3, run, "a");
		clock.advance(1_800_000);
		spend(4, run, "b");
		ledger.reserve(asking({ cost: 1 }, { run, node: "a" }));
		const books = JSON.parse(JSON.stringify(ledger.snapshot())) as SavedBooks;
		const { ledger: later } = spending(limits, clock, books);
		expect(later.snapshot()).toEqual(books);
		expect(later.report().limits.map(({ accounts }) => accounts.map(({ used, reserved }) => [used, reserved]))).toEqual(
			[
				[[7, 0]],
				[[7, 0]],
				[
					[3, 0],
					[4, 0],
				],
			],
		);
		later.open({ ...run, resumed: true }, { cost: 7 });
		expect(later.report().runs[0]).toMatchObject({ used: { cost: 7 }, caller: "anna" });
		clock.advance(1_900_000);
		expect(later.report().limits[1]?.accounts[0]?.used).toBe(4);
		// Ids are not used twice.
		expect(later.reserve(asking({ cost: 1 }, { run }))).toMatchObject({ reservation: "b4" });
		later.close(run, true);
		expect(later.report().limits[2]?.accounts).toEqual([]);
	});

	test("go on under limits that were raised, and start at nothing under new ones", () => {
		const { ledger, spend, clock } = spending(limits);
		spend(9, run);
		const { ledger: later } = spending(
			[
				{ measure: "cost", limit: 20, of: "caller" },
				{ measure: "cost", limit: 20, of: "caller", per: "2h" },
				{ measure: "cost", limit: 20, of: "caller", per: 3_600_000 },
			],
			clock,
			ledger.snapshot(),
		);
		expect(later.report().limits.map(({ accounts }) => accounts.map(({ used }) => used))).toEqual([[9], [], [9]]);
	});

	test.each([
		["nothing", null],
		["another version", { version: 2, reservations: 0, accounts: [], runs: [] }],
		["parts", { version: 1, reservations: 0, accounts: [] }],
		["an account of text", { version: 1, reservations: 0, accounts: [{ limit: "x", key: "y", used: "1" }], runs: [] }],
		["an account without an amount", { version: 1, reservations: 0, accounts: [{ limit: "x", key: "y" }], runs: [] }],
		["a run that is none", { version: 1, reservations: 0, accounts: [], runs: [{}] }],
	])("are refused when they are %s", (_, restore) => {
		expect(() => budgetLedger({ limits: [], restore: restore as unknown as SavedBooks })).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION" }),
		);
	});
});

describe("options", () => {
	const limit: BudgetLimit = { measure: "cost", limit: 1, of: "run" };

	test.each([
		["a measure without a name", { ...limit, measure: "" }, "measure"],
		["a negative limit", { ...limit, limit: -1 }, "limits[0].limit is -1"],
		["a limit without end", { ...limit, limit: Number.POSITIVE_INFINITY }, "Infinity"],
		["nobody's limit", { ...limit, of: "user" }, "user"],
		["a run by name", { ...limit, name: "r" }, "have a name"],
		["a window of nothing", { ...limit, per: 0 }, "less than a millisecond"],
		["a window that is none", { ...limit, per: "soon" }, "soon"],
	])("refuse %s", (_, wrong, message) => {
		expect(() => budgetLedger({ limits: [wrong as BudgetLimit] })).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(message) }),
		);
	});

	test("refuse the same limit twice, and a warning that is never or always", () => {
		expect(() => budgetLedger({ limits: [limit, { ...limit, limit: 2 }] })).toThrow("twice: cost of each run");
		for (const warnAt of [0, 1.1, Number.NaN])
			expect(() => budgetLedger({ limits: [], warnAt })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});
});
