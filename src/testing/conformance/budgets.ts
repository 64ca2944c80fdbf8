import assert from "node:assert/strict";
import type { Usage } from "../../core/usage.js";
import type { BudgetPort, BudgetRequest, BudgetVerdict } from "../../ports/budget.js";
import type { PortAnswer } from "../../ports/port.js";
import { Random } from "../random.js";
import { attemptOf, runOf } from "./port-samples.js";

/** Makes a budget that lets all runs together use so much of one measure, ever, and no more. */
export type MakeBudget = (limit: { readonly measure: string; readonly limit: number }) => PortAnswer<BudgetPort>;

const RUN = runOf("r", { caller: "anna", channel: "web" });
const COST = { measure: "cost", limit: 10 };

/** What is asked for with an estimate of the cost. */
function request(cost: number, options: Partial<BudgetRequest> = {}): BudgetRequest {
	return { ...attemptOf("n"), run: RUN, estimate: { nodes: 1, cost }, approved: false, ...options };
}

/** The verdict, which has to be one. */
async function ask(budget: BudgetPort, cost: number, options?: Partial<BudgetRequest>): Promise<BudgetVerdict> {
	const verdict = await budget.reserve(request(cost, options));
	if (verdict.verdict === "blocked") {
		assert.ok(verdict.reason.length > 0, "a refusal says why");
		if (verdict.retryAfter !== undefined) assert.ok(verdict.retryAfter > 0 && Number.isFinite(verdict.retryAfter));
	} else {
		assert.ok(["allowed", "warning"].includes(verdict.verdict), `a verdict is "${verdict.verdict}"`);
		assert.equal(typeof verdict.reservation, "string");
	}
	return verdict;
}

/** The reservation for so much, which has to be granted. */
async function granted(budget: BudgetPort, cost: number, options?: Partial<BudgetRequest>): Promise<string> {
	const verdict = await ask(budget, cost, options);
	assert.notEqual(verdict.verdict, "blocked", `${cost} is refused, and there is room for it`);
	return (verdict as { readonly reservation: string }).reservation;
}

async function refused(budget: BudgetPort, cost: number, why: string): Promise<void> {
	assert.equal((await ask(budget, cost)).verdict, "blocked", why);
}

function usage(cost: number): Usage {
	return { nodes: 1, cost };
}

/** What {@link BudgetPort} promises. */
export const budgets: Readonly<Record<string, (make: MakeBudget) => Promise<void>>> = {
	"allows what there is room for, and gives every reservation an id of its own": async (make) => {
		const budget = await make(COST);
		await budget.open?.(RUN, {});
		const ids = [await granted(budget, 2), await granted(budget, 2), await granted(budget, 6)];
		assert.equal(new Set(ids).size, 3);
	},

	"refuses what attempts in flight have reserved, also when all ask at once": async (make) => {
		const budget = await make(COST);
		const verdicts = await Promise.all(Array.from({ length: 8 }, () => ask(budget, 3)));
		assert.equal(verdicts.filter(({ verdict }) => verdict !== "blocked").length, 3);
	},

	"counts all runs": async (make) => {
		const budget = await make(COST);
		await granted(budget, 6, { run: runOf("a", { caller: "anna" }) });
		await refused(budget, 5, "another run has reserved it");
	},

	"reserves nothing for what it refuses": async (make) => {
		const budget = await make(COST);
		await granted(budget, 4);
		await refused(budget, 7, "4 of 10 are reserved");
		await granted(budget, 6);
	},

	"frees what an attempt has reserved and not used when it is over": async (make) => {
		const budget = await make(COST);
		const reservation = await granted(budget, 10);
		await budget.settle(reservation, usage(3), true);
		await refused(budget, 7.5, "3 of 10 are used");
		await granted(budget, 7);
	},

	"counts the larger of what is reserved and what is used until it is over": async (make) => {
		const budget = await make(COST);
		const reservation = await granted(budget, 5);
		await budget.settle(reservation, usage(2), false);
		await refused(budget, 6, "5 of 10 are still reserved");
		await budget.settle(reservation, usage(8), false);
		await refused(budget, 3, "8 of 10 are used");
		await granted(budget, 2);
	},

	"takes what it is told for all that was used so far, however often it is told": async (make) => {
		const budget = await make(COST);
		const reservation = await granted(budget, 2);
		for (const cost of [1, 3, 3]) await budget.settle(reservation, usage(cost), false);
		await budget.settle(reservation, usage(4), true);
		await refused(budget, 6.5, "4 of 10 are used");
		await granted(budget, 6);
	},

	"counts what was used beyond what was reserved": async (make) => {
		const budget = await make(COST);
		await budget.settle(await granted(budget, 1), usage(12), true);
		await refused(budget, 0.01, "12 of 10 are used");
	},

	"refuses who does not know what it will need when nothing is left": async (make) => {
		const budget = await make(COST);
		await granted(budget, 0, { estimate: { nodes: 1 } });
		await budget.settle(await granted(budget, 10), usage(10), true);
		const verdict = await budget.reserve(request(0, { estimate: { nodes: 1 } }));
		assert.equal(verdict.verdict, "blocked");
	},

	"never refuses what a person has approved, and counts it": async (make) => {
		const budget = await make(COST);
		await granted(budget, 9);
		const reservation = await granted(budget, 5, { approved: true });
		await budget.settle(reservation, usage(5), true);
		await refused(budget, 0.5, "9 are reserved, and 5 are used of 10");
	},

	"counts what earlier processes of a run have used": async (make) => {
		const budget = await make(COST);
		if (budget.open === undefined) return;
		await budget.open(runOf("r", { resumed: true }), usage(7));
		await refused(budget, 4, "7 of 10 are used");
		await granted(budget, 3);
	},

	"frees what a run had reserved that this process is done with, and keeps what it has used": async (make) => {
		const budget = await make(COST);
		if (budget.close === undefined) return;
		await budget.open?.(RUN, {});
		const reservation = await granted(budget, 9);
		await budget.settle(reservation, usage(4), false);
		await budget.close(RUN, true);
		await refused(budget, 7, "4 of 10 are used");
		await granted(budget, 6, { run: runOf("s") });
	},

	"warns when all of it is reserved, and not at the beginning": async (make) => {
		const budget = await make(COST);
		assert.equal((await ask(budget, 1)).verdict, "allowed");
		assert.equal((await ask(budget, 9)).verdict, "warning");
	},

	"says what is left, if it says so at all": async (make) => {
		const budget = await make(COST);
		for (const left of [7, 4, 1]) {
			const verdict = await ask(budget, 3);
			const remaining = verdict.verdict === "blocked" ? {} : (verdict.remaining ?? {});
			assert.ok(
				Math.abs((remaining["cost"] ?? left) - left) < 1e-6,
				`${String(remaining["cost"])} is left, not ${left}`,
			);
		}
	},

	"adds up tenths without a remainder": async (make) => {
		const budget = await make(COST);
		for (let i = 0; i < 100; i++) await budget.settle(await granted(budget, 0.1), usage(0.1), true);
		await refused(budget, 0.1, "10 of 10 are used");
		const tenths = await make({ measure: "cost", limit: 0.3 });
		for (let i = 0; i < 3; i++) await granted(tenths, 0.1);
		await refused(tenths, 0.001, "0.3 of 0.3 are reserved");
	},

	"exceeds its limit by no more than what attempts in flight use beyond what they reserved": async (make) => {
		for (let seed = 1; seed <= 20; seed++) await neverOvershoots(await make({ measure: "cost", limit: 50 }), seed);
	},
};

/** Many attempts side by side, with whatever use: what is used and what is reserved together is recounted. */
async function neverOvershoots(budget: BudgetPort, seed: number): Promise<void> {
	const random = new Random(seed);
	const inFlight = new Map<string, { readonly reserved: number; used: number }>();
	let settled = 0;
	for (let step = 0; step < 60; step++) {
		const counted = [...inFlight.values()].reduce((sum, { reserved, used }) => sum + Math.max(reserved, used), settled);
		const [reservation, attempt] = random.pick([...inFlight]) ?? [];
		if (reservation === undefined || attempt === undefined || random.chance(500)) {
			const cost = 1 + random.below(10);
			const verdict = await ask(budget, cost);
			assert.equal(
				verdict.verdict !== "blocked",
				counted + cost <= 50,
				`${counted} of 50 count, ${cost} more asked for`,
			);
			if (verdict.verdict !== "blocked") inFlight.set(verdict.reservation, { reserved: cost, used: 0 });
		} else {
			const last = random.chance(500);
			attempt.used += random.below(8);
			await budget.settle(reservation, usage(attempt.used), last);
			if (!last) continue;
			settled += attempt.used;
			inFlight.delete(reservation);
		}
	}
}
