import {
	type AnyAgent,
	type BudgetLedger,
	type BudgetPort,
	type BudgetRequest,
	type BudgetVerdict,
	budgetLedger,
	type CriticPort,
	type CriticVerdict,
	defineAgent,
	type NodeSpec,
	type Ports,
	type RunInfo,
	type SwarmOptions,
	type Usage,
	VirtualClock,
} from "dagswarm";
import { faultyPorts, Random, type SimulateOptions, simulate } from "dagswarm/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hold, isFixed } from "../random.js";
import { simulations } from "./cases.js";

/** Books that a child could keep: one measure, one limit. */
class Books implements BudgetPort {
	readonly #ledger: BudgetLedger | undefined;
	readonly #open = new Map<string, { readonly reserved: number; used: number }>();
	#settled = 0;
	#over = 0;
	#next = 0;
	readonly problems: string[] = [];

	/** @param ledger - gives the verdicts, which are then judged by these books */
	constructor(
		private readonly limit: number,
		ledger?: BudgetLedger,
	) {
		this.#ledger = ledger;
	}

	open(run: RunInfo, spent: Usage): void {
		this.#ledger?.open(run, spent);
	}

	close(run: RunInfo, ended: boolean): void {
		this.#ledger?.close(run, ended);
	}

	reserve(request: BudgetRequest): BudgetVerdict {
		const { estimate, approved } = request;
		const reserved = estimate["cost"] ?? 0;
		if (this.#ledger !== undefined) {
			const verdict = this.#ledger.reserve(request) as BudgetVerdict;
			if (verdict.verdict === "blocked") return verdict;
			if (approved) this.#over += reserved;
			this.#open.set(verdict.reservation, { reserved, used: 0 });
			return verdict;
		}
		const held = [...this.#open.values()].reduce((sum, each) => sum + Math.max(each.reserved, each.used), 0);
		if (!approved && this.#settled + held + reserved > this.limit)
			return { verdict: "blocked", reason: "cost is used up" } as const;
		if (approved) this.#over += reserved;
		const reservation = String(++this.#next);
		this.#open.set(reservation, { reserved, used: 0 });
		return { verdict: "allowed", reservation } as const;
	}

	settle(reservation: string, usage: Usage, last: boolean): void {
		this.#ledger?.settle(reservation, usage, last);
		const each = this.#open.get(reservation);
		if (each === undefined) return;
		each.used = usage["cost"] ?? 0;
		this.#over += last ? Math.max(0, each.used - each.reserved) : 0;
		if (last) {
			this.#open.delete(reservation);
			this.#settled += each.used;
		}
		// What was used beyond what was reserved is all that may be above the limit.
		const beyond = [...this.#open.values()].reduce(
			(sum, one) => sum + Math.max(0, one.used - one.reserved),
			this.#over,
		);
		if (this.#settled > this.limit + beyond) this.problems.push(`${this.#settled} of ${this.limit}, ${beyond} beyond`);
	}

	/** Reservations that nobody has settled. */
	get unsettled(): number {
		return this.#open.size;
	}
}

/** Spends by its input: what it expects first, what it really takes after. */
function spenders(clock: VirtualClock): AnyAgent[] {
	const work = async ({ actual, ms }: { actual: number[]; ms: number }, ctx: Parameters<AnyAgent["run"]>[1]) => {
		for (const cost of actual) {
			ctx.usage({ cost });
			await ctx.step(`spent ${cost} ${actual.indexOf(cost)} ${ctx.attempt}`, () => cost).catch(() => {});
			await new Promise<void>((resolve) => clock.set(clock.now() + ms, resolve));
		}
		await ctx.checkpoint.save({ done: actual.length }).catch(() => {});
		return actual.length;
	};
	return [
		defineAgent({
			name: "work",
			...({ estimate: ({ expected }: { expected: number }) => ({ cost: expected }) } as object),
			run: work,
		}) as AnyAgent,
	];
}

const amounts = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 });

const graph: fc.Arbitrary<NodeSpec[]> = fc
	.array(
		fc.record({
			expected: fc.integer({ min: 0, max: 12 }),
			actual: amounts,
			ms: fc.integer({ min: 1, max: 30 }),
			dependsOn: fc.array(fc.nat({ max: 9 }), { maxLength: 2 }),
			retry: fc.integer({ min: 1, max: 2 }),
			timeout: fc.constantFrom(undefined, 25, 60),
			join: fc.constantFrom<NodeSpec["join"]>("settled", "all", "always"),
		}),
		{ minLength: 1, maxLength: 12, size: "max" },
	)
	.map((drafts) =>
		drafts.map(({ expected, actual, ms, dependsOn, retry, timeout, join = "all" }, i) => ({
			id: `n${i}`,
			agent: "work",
			input: { expected, actual, ms },
			retry,
			join,
			...(timeout !== undefined && { timeout }),
			...(i > 0 && { dependsOn: [...new Set(dependsOn.map((dep) => `n${dep % i}`))] }),
		})),
	);

test("37: what is settled is never above the limit by more than what was used beyond its reserve in flight", async () => {
	const statuses = new Set<string>();
	await hold(
		"ports",
		fc.asyncProperty(
			fc.record({
				seed: fc.nat(),
				nodes: graph,
				limit: fc.integer({ min: 0, max: 60 }),
				concurrency: fc.integer({ min: 1, max: 5 }),
				inFlight: fc.constantFrom("finish" as const, "abort" as const),
				delay: fc.constantFrom(0, 300),
				real: fc.boolean(),
				faults: fc.constantFrom({}, { delay: 300, reorder: 300, duplicate: 200 }, { drop: 100, crash: 50 }),
			}),
			async ({ seed, nodes, limit, concurrency, inFlight, delay, real, faults }) => {
				const clock = new VirtualClock(1_000);
				const ledger = real ? budgetLedger({ limits: [{ measure: "cost", limit, of: "run" }], clock }) : undefined;
				const books = new Books(limit, ledger);
				const { ports } = faultyPorts({ budget: books }, { delay }, new Random(seed), clock);
				const { outcome } = await simulate({
					seed,
					clock,
					agents: spenders(clock),
					graph: { nodes },
					faults,
					swarm: { ports, concurrency, budget: { inFlight } },
				});
				statuses.add(outcome.status);
				expect(books.problems).toEqual([]);
				expect(books.unsettled).toBe(0);
			},
		),
		600,
	);
	if (isFixed) expect([...statuses]).toEqual(expect.arrayContaining(["completed", "budget_exceeded"]));
});

/** Ports that do what they should, with something to get wrong in every answer. */
function honest(): Ports {
	const critic: CriticPort = {
		watch: () => ({
			idleAfter: 15,
			softAfter: 40,
			hardFactor: 3,
			activity: () => undefined,
			escalate: ({ before }): CriticVerdict =>
				before > 3 ? { action: "kill", reason: "too long" } : { action: "extend", by: 20 },
			end: () => {},
		}),
	};
	return {
		audit: { startRun: () => ({ record: async () => {}, close: () => {} }) },
		budget: {
			open: async () => {},
			reserve: ({ node, attempt }) => ({ verdict: "allowed", reservation: `${node} ${attempt}` }),
			settle: () => {},
			close: async () => {},
		},
		critic,
		checkpointer: {
			open: () => ({ load: () => new Map(), save: async () => {}, clear: () => {}, close: () => {} }),
		},
		delivery: { deliver: async () => {} },
	};
}

const chance = fc.constantFrom(0, 20, 150);

const hostile: fc.Arbitrary<readonly [SimulateOptions, Parameters<typeof faultyPorts>[1], boolean, number]> = fc.tuple(
	simulations,
	fc.record({ throw: chance, reject: chance, hang: chance, lie: chance, delay: chance }),
	fc.boolean(),
	fc.constantFrom(0, 0, 30),
);

test("7: a swarm whose ports throw, hang, lie and dawdle ends every run, with the right status, and keeps no timer", async () => {
	const statuses = new Set<string>();
	let struck = 0;
	let recorded = 0;
	await hold(
		"ports",
		fc.asyncProperty(hostile, async ([options, chances, warn, restart]) => {
			const clock = new VirtualClock(1_000);
			const good = honest();
			const faulty = faultyPorts(good, chances, new Random(options.seed), clock);
			const { faults } = faulty;
			// Without what it has saved, a run is not recovered: that is no fault of the swarm.
			const ports =
				restart > 0 && good.checkpointer ? { ...faulty.ports, checkpointer: good.checkpointer } : faulty.ports;
			const policy = { deadline: 30, ...(warn && { onFailure: "warn" as const }) };
			const swarm: Partial<SwarmOptions> = {
				...options.swarm,
				ports,
				portPolicies: {
					audit: policy,
					budget: policy,
					critic: policy,
					checkpointer: policy,
					delivery: { deadline: 30, retry: { maxAttempts: 2, delay: 5 } },
				},
				onListenerError: () => {},
			};
			const { runs } = await simulate({
				...options,
				clock,
				swarm: swarm as SimulateOptions["swarm"] & object,
				faults: { ...options.faults, restart },
			});
			struck += faults();
			for (const { outcome, events } of runs) {
				statuses.add(outcome.status);
				recorded += events.filter(({ type }) => type === "run.portFailed").length;
			}
		}),
		600,
	);
	if (!isFixed) return;
	expect(struck).toBeGreaterThan(300);
	expect(recorded).toBeGreaterThan(100);
	expect([...statuses]).toEqual(expect.arrayContaining(["completed", "failed", "cancelled"]));
});
