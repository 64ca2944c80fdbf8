import {
	type BudgetPort,
	budgetLedger,
	type CheckpointerPort,
	combineCritics,
	folderCheckpoints,
	idleCritic,
	loopDetector,
	memoryCheckpoints,
	palette,
	VirtualClock,
} from "dagswarm";
import { budgetConformance, checkpointerConformance, criticConformance, paletteConformance } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { folders } from "./samples.js";

const named = <Check extends { readonly name: string }>(checks: readonly Check[]): (readonly [string, Check])[] =>
	checks.map((check) => [check.name, check]);

/** The budget with every answer a promise that is kept a little later. */
function later(budget: BudgetPort): BudgetPort {
	const turn = () => Promise.resolve();
	return {
		open: (run, spent) => turn().then(() => budget.open?.(run, spent)),
		reserve: (request) => turn().then(() => budget.reserve(request)),
		settle: (reservation, used, last) => turn().then(() => budget.settle(reservation, used, last)),
		close: (run, ended) => turn().then(() => budget.close?.(run, ended)),
	};
}

describe.each([
	["a ledger", (budget: BudgetPort) => budget],
	["a ledger with promises", later],
	["a ledger without open and close", ({ reserve, settle }: BudgetPort): BudgetPort => ({ reserve, settle })],
])("%s", (_, as) => {
	test.each(named(budgetConformance()))("%s", (_, check) =>
		check.run(({ measure, limit }) => {
			const ledger = budgetLedger({
				clock: new VirtualClock(),
				limits: [
					{ measure, limit, of: "all" },
					{ measure: "nodes", limit: 1_000, of: "run", per: "1h" },
				],
			});
			return as({
				open: ledger.open.bind(ledger),
				reserve: ledger.reserve.bind(ledger),
				settle: ledger.settle.bind(ledger),
				close: ledger.close.bind(ledger),
			});
		}),
	);
});

describe.each([
	["an idle critic", () => idleCritic({ idleAfter: "1s", steps: 20, usages: 5, extendBy: 10 })],
	["an idle critic that kills at once", () => idleCritic({ idleAfter: 1, tools: 3, warnings: 0, watch: "attempts" })],
	["an idle critic of runs", () => idleCritic({ softAfter: "1m", maxExtensions: 1, watch: "runs" })],
	["a loop detector", () => loopDetector()],
	["a loop detector with a window", () => loopDetector({ times: 2, window: 5, killAfter: 4 })],
	["several critics", () => combineCritics(idleCritic({ idleAfter: 5, steps: 9 }), loopDetector(), idleCritic())],
])("%s", (_, make) => {
	test.each(named(criticConformance()))("%s", (_, check) => check.run(make));
});

test("critics without an opinion pass, too", async () => {
	for (const check of criticConformance()) await check.run(() => ({ watch: () => null }));
});

const folder = folders();

describe("checkpoints in memory", () => {
	test.each(named(checkpointerConformance()))("%s", (_, check) => check.run(memoryCheckpoints));
});

describe("checkpoints in folders", () => {
	test.each(named(checkpointerConformance({ durable: true })))("%s", async (_, check) => {
		const directory = folder();
		const open = (): CheckpointerPort => folderCheckpoints({ directory });
		await check.run(open, open);
	});

	test("cannot be checked for other processes without a way to open them again", async () => {
		for (const check of checkpointerConformance({ durable: true }).slice(-2))
			await expect(check.run(memoryCheckpoints)).rejects.toThrow("open the place again");
	});
});

describe.each([
	["a palette", () => palette({ allow: { "*": ["search"], plan: "*" }, deny: { "p*": ["write"] } })],
	["a palette by callers", () => palette({ allow: { "*": "*" }, callers: { anna: ["sea*"], "*": ["plan"] } })],
	["an empty palette", () => palette({ allow: {} })],
])("%s", (_, make) => {
	test.each(named(paletteConformance()))("%s", (_, check) => check.run(make));
});
