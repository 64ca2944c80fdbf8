import { type BudgetPort, type BudgetRequest, type BudgetScope, budgetLedger, type Usage } from "dagswarm";
import { budgetConformance } from "dagswarm/testing";
import { proves } from "./wrong-ports.js";

/** Something wrong about a right budget, which allows so much. */
type Fault = (right: BudgetPort, limit: number) => Partial<BudgetPort>;

const costOf = (usage: Usage): number => usage.cost ?? 0;

/** A budget that sums up costs as naively as it can: what is used, without reserves. */
function checked(limit: number): BudgetPort {
	let used = 0;
	let count = 0;
	const known = new Map<string, number>();
	return {
		reserve: () =>
			used >= limit
				? { verdict: "blocked", reason: "used up" }
				: { verdict: used > 0.8 * limit ? "warning" : "allowed", reservation: String(count++) },
		settle(reservation, { cost = 0 }) {
			used += cost - (known.get(reservation) ?? 0);
			known.set(reservation, cost);
		},
	};
}

/** What somebody asked for, asked for in another way. */
function asking(change: (request: BudgetRequest) => Partial<BudgetRequest>): Fault {
	return (right) => ({ reserve: (request) => right.reserve({ ...request, ...change(request) }) });
}

const faults: Readonly<Record<string, Fault>> = {
	"is a check before, and no reservation (mistake 37)": (_, limit) => checked(limit),
	"gives everybody the same reservation": (right) => ({
		reserve: async (request) => {
			const verdict = await right.reserve(request);
			return verdict.verdict === "blocked" ? verdict : { ...verdict, reservation: "the one" };
		},
		settle: () => {},
	}),
	"refuses everything": () => ({ reserve: () => ({ verdict: "blocked", reason: "no" }) }),
	"gives no reasons": (right) => ({
		reserve: async (request) => {
			const verdict = await right.reserve(request);
			return verdict.verdict === "blocked" ? { ...verdict, reason: "" } : verdict;
		},
	}),
	"counts every run by itself": (_, limit) => ledgerOf(limit, "run"),
	"keeps what it has refused": (right) => ({
		reserve: async (request) => {
			const verdict = await right.reserve(request);
			if (verdict.verdict === "blocked") await right.reserve({ ...request, approved: true });
			return verdict;
		},
	}),
	"never frees what was not used": (right) => ({
		settle: (reservation, used) => right.settle(reservation, used, false),
	}),
	"frees a reserve at the first report": (right) => ({
		settle: (reservation, used) => right.settle(reservation, used, true),
	}),
	"adds up reports that are totals": (right) => {
		const totals = new Map<string, number>();
		return {
			settle: (reservation, used, last) => {
				const cost = (totals.get(reservation) ?? 0) + costOf(used);
				totals.set(reservation, cost);
				return right.settle(reservation, { ...used, cost }, last);
			},
		};
	},
	"counts no more than what was reserved": (right) => {
		const estimates = new Map<string, number>();
		return {
			reserve: async (request) => {
				const verdict = await right.reserve(request);
				if (verdict.verdict !== "blocked") estimates.set(verdict.reservation, costOf(request.estimate));
				return verdict;
			},
			settle: (reservation, used, last) =>
				right.settle(reservation, { cost: Math.min(costOf(used), estimates.get(reservation) ?? 0) }, last),
		};
	},
	"takes no estimate for one of nothing": asking(({ estimate }) => ({ estimate: { cost: 0, ...estimate } })),
	"refuses what was approved": asking(() => ({ approved: false })),
	"does not count what was approved": (right) => ({
		reserve: (request) => (request.approved ? { verdict: "allowed", reservation: "approved" } : right.reserve(request)),
		settle: (reservation, used, last) =>
			reservation === "approved" ? undefined : right.settle(reservation, used, last),
	}),
	"knows nothing of earlier processes": (right) => ({ open: (run) => right.open?.(run, {}) }),
	"keeps what closed runs had reserved": () => ({ close: () => {} }),
	"forgets what closed runs have used": (right, limit) => {
		let current = right;
		return {
			reserve: (request) => current.reserve(request),
			settle: (reservation, used, last) => current.settle(reservation, used, last),
			close: () => {
				current = ledgerOf(limit);
			},
		};
	},
	"never warns": (right) => ({
		reserve: async (request) => {
			const verdict = await right.reserve(request);
			return verdict.verdict === "warning" ? { ...verdict, verdict: "allowed" } : verdict;
		},
	}),
	"says that more is left than is": (right, limit) => ({
		reserve: async (request) => {
			const verdict = await right.reserve(request);
			return verdict.verdict === "blocked" ? verdict : { ...verdict, remaining: { cost: limit } };
		},
	}),
	"lets rounding decide": (_, limit) => {
		let counted = 0;
		return {
			reserve: ({ estimate }) => {
				if (counted + costOf(estimate) > limit) return { verdict: "blocked", reason: "too much" };
				counted += costOf(estimate);
				return { verdict: counted === limit ? "warning" : "allowed", reservation: String(counted) };
			},
			settle: () => {},
		};
	},
	"is used up too early": asking(({ estimate }) => ({ estimate: { ...estimate, cost: 1.1 * costOf(estimate) } })),
};

type Make = (limit: number) => BudgetPort;

const wrong = Object.fromEntries(
	Object.entries(faults).map(([name, fault]): [string, Make] => [
		name,
		(limit) => {
			const ledger = ledgerOf(limit);
			return { ...ledger, ...fault(ledger, limit) };
		},
	]),
);

/** A right budget, as an object of functions. */
function ledgerOf(limit: number, of: BudgetScope = "all"): BudgetPort {
	const ledger = budgetLedger({ limits: [{ measure: "cost", limit, of }] });
	return {
		open: ledger.open.bind(ledger),
		reserve: ledger.reserve.bind(ledger),
		settle: ledger.settle.bind(ledger),
		close: ledger.close.bind(ledger),
	};
}

proves(
	budgetConformance().map(({ name, run }) => ({ name, run: (make: Make) => run(({ limit }) => make(limit)) })),
	(limit) => ledgerOf(limit),
	wrong,
);
