import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/core/clock.js";
import type { Ask, LimitWaiter } from "../../src/scheduler/limit-ask.js";
import type { LimitGrant } from "../../src/scheduler/limit-grant.js";
import { agentKey, type LimitOptions } from "../../src/scheduler/limit-options.js";
import { Limits } from "../../src/scheduler/limits.js";
import type { ReadyEntry } from "../../src/scheduler/ready-queue.js";

/** A run whose nodes try as soon as they are woken, or when they are told to. */
class Waiter implements LimitWaiter {
	readonly woken: ReadyEntry[] = [];
	isOpen = true;

	constructor(
		private readonly limits: Limits,
		readonly root: string,
	) {}

	retry(entry: ReadyEntry): void {
		this.woken.push(entry);
	}

	/** @returns the grant, or undefined: it waits */
	ask(n: number, names: readonly string[], { tokens = 0, priority = 0 } = {}): LimitGrant | undefined {
		return this.limits.take(this, { n, priority, rank: 0, order: n }, asks(names, tokens));
	}

	/** The woken node that was not looked at before tries again. */
	go(): LimitGrant | undefined {
		const entry = this.woken.shift();
		return entry?.ask && this.limits.take(this, entry, entry.ask);
	}

	get names(): number[] {
		return this.woken.map(({ n }) => n);
	}
}

function asks(names: readonly string[], tokens = 0): Ask {
	return { names, calls: true, tokens };
}

function setUp(given: Readonly<Record<string, number | LimitOptions>>): {
	limits: Limits;
	clock: VirtualClock;
	waiter: Waiter;
	other: Waiter;
} {
	const clock = new VirtualClock(1_000);
	const limits = new Limits(Object.entries(given), clock);
	return { limits, clock, waiter: new Waiter(limits, "r1"), other: new Waiter(limits, "r2") };
}

function finish(grant: LimitGrant | undefined, error?: { code: string; retryAfter?: number; name?: string }): void {
	grant?.called(1);
	grant?.end(error === undefined ? undefined : { message: "", ...error });
	grant?.release();
}

/** @returns who was woken, in order, where each that ends lets the next one go */
function serve(first: LimitGrant | undefined, runs: readonly Waiter[]): number[] {
	const order: number[] = [];
	for (let running = first; running !== undefined; ) {
		finish(running);
		const next = runs.find(({ woken }) => woken.length > 0);
		order.push(...(next?.names ?? []));
		running = next?.go();
	}
	return order;
}

describe("the options of a limit", () => {
	test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuse a capacity of %d", (capacity) => {
		expect(() => new Limits([["cpu", capacity]])).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});

	test.each([
		[{ concurrency: 0 }, "concurrency"],
		[{ requests: { limit: 0, per: "1s" } }, "requests.limit"],
		[{ requests: { limit: 1.5, per: "1s" } }, "requests.limit"],
		[{ requests: { limit: 1, per: 0 } }, "requests.per"],
		[{ requests: { limit: 1, per: "soon" } }, "requests.per"],
		[{ tokens: { limit: -1, per: "1s" } }, "tokens.limit"],
		[{ tokens: { limit: Number.POSITIVE_INFINITY, per: "1s" } }, "tokens.limit"],
		[{ breaker: { failures: 0, coolDown: "1s" } }, "breaker.failures"],
		[{ breaker: { failures: 1, coolDown: "1s", probes: 0 } }, "breaker.probes"],
		[{ breaker: { failures: 1, coolDown: 0 } }, "breaker.coolDown"],
		[{ breaker: { failures: 1, coolDown: 1, counts: "all" } }, "breaker.counts"],
		[{ gate: "shut" }, "gate"],
		[{ rate: 3 }, '"rate"'],
		[null, "neither"],
		["many", "neither"],
	])("refuse %j", (given, named) => {
		expect(() => new Limits([["api", given as LimitOptions]])).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(named) }),
		);
	});

	test("make names known, and no others", () => {
		const { limits, waiter } = setUp({ cpu: 1, "tenant:*": 2, "tenant:big:*": 3, "tenant:own": 4 });
		expect(["cpu", "gpu", "toString", "tenant:a", "tenant", "tenant:"].map((name) => limits.has(name))).toEqual([
			...[true, false, false, true, false, true],
		]);
		expect(() => waiter.ask(1, ["gpu"])).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
		expect(agentKey("a")).not.toBe(agentKey("b"));
		for (const [n, name] of ["tenant:a", "tenant:big:a", "tenant:own"].entries()) waiter.ask(n, [name]);
		expect(limits.view().map(({ name, concurrency }) => [name, concurrency])).toEqual([
			["cpu", 1],
			["tenant:own", 4],
			["tenant:a", 2],
			["tenant:big:a", 3],
		]);
	});
});

describe("limits", () => {
	test("are taken all or none", () => {
		const { waiter } = setUp({ a: 2, b: 1 });
		const both = waiter.ask(1, ["a", "b"]);
		expect(both).toBeDefined();
		expect(waiter.ask(2, ["a", "b"])).toBeUndefined();
		// The unit of a was not kept by the one that has to wait.
		expect(waiter.ask(3, ["a"])).toBeDefined();
		expect(waiter.ask(4, ["a"])).toBeUndefined();
		finish(both);
		expect(waiter.names.sort()).toEqual([2, 4]);
	});

	test("wake one waiting node for each unit that is given back, the best first", () => {
		const { waiter } = setUp({ a: 1 });
		const first = waiter.ask(0, ["a"]);
		for (const [n, priority] of [
			[1, 0],
			[2, 5],
			[3, 5],
		] as const)
			waiter.ask(n, ["a"], { priority });
		expect(waiter.names).toEqual([]);
		finish(first);
		expect(waiter.names).toEqual([2]);
		finish(waiter.go());
		expect(waiter.names).toEqual([3]);
	});

	test("let runs take turns", () => {
		const { waiter, other } = setUp({ a: 1 });
		let running = waiter.ask(0, ["a"]);
		for (const n of [1, 2, 3]) waiter.ask(n, ["a"]);
		for (const n of [4, 5]) other.ask(n, ["a"]);
		const order: number[] = [];
		for (let i = 0; i < 5; i++) {
			finish(running);
			const next = waiter.woken.length > 0 ? waiter : other;
			order.push(...next.names);
			running = next.go();
		}
		expect(order).toEqual([1, 4, 2, 5, 3]);
	});

	test("let roots take turns, and within a root its runs", () => {
		const { limits, waiter, other } = setUp({ a: 1 });
		const running = waiter.ask(0, ["a"]);
		const called = [1, 2, 3].map(() => new Waiter(limits, "r1"));
		for (const [i, run] of called.entries()) for (const n of [11, 12]) run.ask(10 * i + n, ["a"]);
		for (const n of [1, 2]) waiter.ask(n, ["a"]);
		for (const n of [91, 92, 93]) other.ask(n, ["a"]);
		expect(serve(running, [waiter, other, ...called])).toEqual([11, 91, 21, 92, 31, 93, 1, 12, 22, 32, 2]);
	});

	test("give a run that lost its turn the next one, although another root comes before its own", () => {
		const { limits, waiter, other } = setUp({ a: 1, b: 1 });
		const called = [1, 2].map(() => new Waiter(limits, "r1")) as [Waiter, Waiter];
		const [a, b] = [waiter.ask(1, ["a"]), other.ask(2, ["b"])];
		waiter.ask(3, ["a", "b"]);
		called[0].ask(4, ["b", "a"]);
		called[1].ask(6, ["b"]);
		other.ask(5, ["b"]);
		finish(a);
		finish(b);
		const both = waiter.go();
		expect(called[0].go()).toBeUndefined();
		expect(serve(both, [waiter, other, ...called])).toEqual([4, 5, 6]);
	});

	test("keep nothing of a root whose last run does not wait any more", () => {
		const { limits, waiter, other } = setUp({ "tenant:*": 1 });
		const called = new Waiter(limits, "r1");
		const running = other.ask(0, ["tenant:a"]);
		for (const [n, run] of [waiter, called].entries()) run.ask(n, ["tenant:a"]);
		limits.forget(waiter);
		expect(limits.view()).toMatchObject([{ inUse: 1, waiting: 1 }]);
		limits.forget(called);
		finish(running);
		expect(limits.view()).toEqual([]);
	});

	test("keep the room of who was woken from who comes later", () => {
		const { waiter, other } = setUp({ a: 1 });
		const first = waiter.ask(0, ["a"]);
		other.ask(1, ["a"]);
		finish(first);
		expect(waiter.ask(2, ["a"])).toBeUndefined();
		expect(other.go()).toBeDefined();
	});

	test("hand a turn on that could not be used", () => {
		const { waiter, other } = setUp({ a: 1, b: 1 });
		const [a, b] = [waiter.ask(0, ["a"]), waiter.ask(1, ["b"])];
		waiter.ask(2, ["a", "b"]);
		other.ask(3, ["a"]);
		finish(a);
		expect(waiter.names).toEqual([2]);
		expect(waiter.go()).toBeUndefined();
		// It waits for b now, and a goes to the other one.
		expect(other.names).toEqual([3]);
		finish(b);
		expect(waiter.names).toEqual([2]);
		finish(other.go());
		expect(waiter.go()).toBeDefined();
	});

	test("let one of two nodes go that each have the turn that the other one needs, and then the other run's next", () => {
		const { waiter, other } = setUp({ a: 1, b: 1 });
		const first = waiter.ask(0, ["a", "b"]);
		waiter.ask(1, ["a", "b"]);
		other.ask(2, ["b", "a"]);
		waiter.ask(3, ["b", "a"]);
		finish(first);
		expect([waiter.names, other.names]).toEqual([[1], [2]]);
		const second = waiter.go();
		expect(second).toBeDefined();
		expect(other.go()).toBeUndefined();
		finish(second);
		// It lost its turn at b to the one that took both, and is the next there.
		expect([waiter.names, other.names]).toEqual([[], [2]]);
		expect(other.go()).toBeDefined();
	});

	test("offer no unit to a run that cannot use it now, and offer it when it can", () => {
		const { limits, waiter: paused, other } = setUp({ a: 1 });
		const first = paused.ask(0, ["a"]);
		paused.ask(1, ["a"]);
		other.ask(2, ["a"]);
		paused.isOpen = false;
		limits.settle(paused);
		finish(first);
		expect([paused.names, other.names]).toEqual([[], [2]]);
		finish(other.go());
		paused.isOpen = true;
		limits.settle(paused);
		expect(paused.names).toEqual([1]);
	});

	test("give the turns of a run that is paused to others, and those nodes try like anybody else later", () => {
		const { limits, waiter: paused, other } = setUp({ a: 1 });
		const first = paused.ask(0, ["a"]);
		paused.ask(1, ["a"]);
		other.ask(2, ["a"]);
		finish(first);
		expect(paused.names).toEqual([1]);
		paused.isOpen = false;
		limits.settle(paused);
		expect(other.names).toEqual([2]);
		const second = other.go();
		paused.isOpen = true;
		limits.settle(paused);
		expect(paused.go()).toBeUndefined();
		finish(second);
		expect(paused.names).toEqual([1]);
		expect(paused.go()).toBeDefined();
	});

	test("take the turns of a run that starts something else", () => {
		const { limits, waiter, other } = setUp({ a: 1 });
		const first = waiter.ask(0, ["a"]);
		waiter.ask(1, ["a"]);
		other.ask(2, ["a"]);
		finish(first);
		limits.yieldTurns(waiter);
		expect(other.names).toEqual([2]);
		expect(waiter.go()).toBeUndefined();
		expect(other.go()).toBeDefined();
	});

	test("forget a run, and let others have the turns it held", () => {
		const { limits, waiter: gone, other } = setUp({ a: 1 });
		const first = gone.ask(0, ["a"]);
		for (const n of [1, 2]) gone.ask(n, ["a"]);
		other.ask(3, ["a"]);
		finish(first);
		expect(gone.names).toEqual([1]);
		// It ends before it has used its turn.
		limits.forget(gone);
		expect(other.names).toEqual([3]);
		finish(other.go());
		expect(gone.names).toEqual([1]);
		expect(limits.view()).toEqual([{ name: "a", of: "swarm", inUse: 0, concurrency: 1, waiting: 0 }]);
	});

	test("let attempts that go on after a wait pass new ones that are held up by time", () => {
		const { limits, waiter } = setUp({ a: { concurrency: 1, requests: { limit: 1, per: "1m" } } });
		const parked = waiter.ask(0, ["a"]);
		parked?.called(1);
		parked?.release();
		expect(waiter.ask(1, ["a"])).toBeUndefined();
		const again: Ask = { names: ["a"], calls: false, tokens: 0 };
		expect(limits.take(waiter, { n: 0, priority: 0, rank: 0, order: 9 }, again, parked)).toBe(parked);
		expect(limits.view()).toEqual([
			{ name: "a", of: "swarm", inUse: 1, concurrency: 1, waiting: 1, requests: { used: 1, limit: 1 } },
		]);
	});

	test("count a lease once more where the attempt goes on before its slot was seen to be free", () => {
		const { limits, waiter } = setUp({ a: 2 });
		const grant = waiter.ask(0, ["a"]);
		limits.take(waiter, { n: 0, priority: 0, rank: 0, order: 0 }, { names: ["a"], calls: false, tokens: 0 }, grant);
		expect(limits.view()[0]?.inUse).toBe(2);
		grant?.release();
		grant?.end(undefined);
		grant?.release();
		grant?.release();
		expect([limits.view()[0]?.inUse, grant?.isOver]).toEqual([0, true]);
	});

	test("leave nobody asleep on a free unit, however takers, waiters, givers and pauses come", () => {
		const names = ["a", "b", "c"];
		const room = [1, 1, 2];
		const take = fc.record({ run: fc.nat(2), need: fc.shuffledSubarray(names, { minLength: 1 }) });
		const step = fc.oneof(take, fc.nat(), fc.record({ flip: fc.nat(2) }), fc.record({ yields: fc.nat(2) }));
		fc.assert(
			fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
				const { limits } = setUp({ a: 1, b: 1, c: 2 });
				const runs = ["r1", "r1", "r2"].map((root) => new Waiter(limits, root));
				const needs = new Map<number, { need: readonly string[]; run: Waiter }>();
				const running = new Map<number, LimitGrant>();
				const asleep = new Set<number>();
				const used = (name: string): number =>
					[...running.keys()].filter((n) => needs.get(n)?.need.includes(name)).length;
				const note = (n: number, grant: LimitGrant | undefined): void => {
					if (grant === undefined) asleep.add(n);
					else {
						asleep.delete(n);
						running.set(n, grant);
					}
				};
				const settle = (): void => {
					for (const run of runs)
						for (let n = run.names[0]; run.isOpen && n !== undefined; n = run.names[0]) note(n, run.go());
					if (runs.some((run) => run.isOpen && run.woken.length > 0)) settle();
				};
				for (const [n, given] of steps.entries()) {
					if (typeof given === "number") {
						const done = [...running.keys()][given % Math.max(1, running.size)];
						if (done !== undefined) {
							finish(running.get(done));
							running.delete(done);
						}
					} else if ("flip" in given) {
						const run = runs[given.flip] as Waiter;
						run.isOpen = !run.isOpen;
						limits.settle(run);
					} else if ("yields" in given) limits.yieldTurns(runs[given.yields] as Waiter);
					else {
						const run = runs[given.run] as Waiter;
						needs.set(n, { need: given.need, run });
						note(n, run.ask(n, given.need));
					}
					settle();
					for (const [i, name] of names.entries()) {
						expect(used(name)).toBeLessThanOrEqual(room[i] as number);
						expect(limits.view()[i]?.inUse).toBe(used(name));
					}
					for (const sleeper of asleep) {
						const { need, run } = needs.get(sleeper) as { need: readonly string[]; run: Waiter };
						expect(!run.isOpen || need.some((name) => used(name) === room[names.indexOf(name)])).toBe(true);
					}
				}
			}),
		);
	});
});

describe("windows", () => {
	test("hold calls back until there is room, with one timer while somebody waits", () => {
		const { clock, waiter } = setUp({ api: { requests: { limit: 2, per: "1s" } } });
		for (const n of [1, 2]) finish(waiter.ask(n, ["api"]));
		expect(clock.pending).toBe(0);
		for (const n of [3, 4, 5]) expect(waiter.ask(n, ["api"])).toBeUndefined();
		expect([clock.pending, clock.nextDue]).toEqual([1, 2_000]);
		clock.advance(999);
		expect(waiter.names).toEqual([]);
		clock.advance(1);
		expect(waiter.names).toEqual([3, 4]);
		for (let i = 0; i < 2; i++) finish(waiter.go());
		expect([clock.pending, clock.nextDue]).toEqual([1, 3_000]);
		clock.advance(1_000);
		finish(waiter.go());
		expect(clock.pending).toBe(0);
	});

	test("set no timer where time alone does not help", () => {
		const { limits, clock, waiter } = setUp({ api: { concurrency: 1, requests: { limit: 1, per: "1s" } } });
		const first = waiter.ask(1, ["api"]);
		waiter.ask(2, ["api"]);
		expect(clock.pending).toBe(0);
		finish(first);
		expect(clock.nextDue).toBe(2_000);
		waiter.isOpen = false;
		limits.settle(waiter);
		expect(clock.pending).toBe(0);
		waiter.isOpen = true;
		limits.settle(waiter);
		expect(clock.nextDue).toBe(2_000);
		limits.forget(waiter);
		expect(clock.pending).toBe(0);
	});

	test("count a call when its function is called, not when it was decided", () => {
		const { clock, waiter } = setUp({ api: { requests: { limit: 1, per: "1s" } } });
		const first = waiter.ask(1, ["api"]);
		clock.advance(300);
		finish(first);
		waiter.ask(2, ["api"]);
		expect(clock.nextDue).toBe(2_300);
	});

	test("give back what was taken for a function that was never called", () => {
		const { limits, waiter } = setUp({
			api: {
				requests: { limit: 1, per: "1s" },
				tokens: { limit: 10, per: "1s" },
				breaker: { failures: 1, coolDown: 1 },
			},
		});
		const first = waiter.ask(1, ["api"], { tokens: 7 });
		waiter.ask(2, ["api"], { tokens: 10 });
		first?.end({ code: "EBUSY", message: "", retryAfter: 60_000 });
		first?.release();
		expect(waiter.names).toEqual([2]);
		expect(limits.view()[0]).toMatchObject({
			requests: { used: 0 },
			tokens: { used: 0 },
			breaker: { state: "closed", failures: 0 },
		});
		expect(limits.view()[0]).not.toHaveProperty("closedUntil");
	});

	test("reserve tokens by estimate, grow with what is reported, and get back what was too much", () => {
		const { limits, clock, waiter } = setUp({ api: { tokens: { limit: 100, per: "1s" } } });
		const used = (): number | undefined => limits.view()[0]?.tokens?.used;
		const under = waiter.ask(1, ["api"], { tokens: 30 });
		under?.called(1);
		under?.used(1, 20);
		expect(used()).toBe(30);
		under?.used(1, 25);
		expect(used()).toBe(45);
		under?.end(undefined);
		under?.release();
		expect(used()).toBe(45);
		const over = waiter.ask(2, ["api"], { tokens: 50 });
		waiter.ask(3, ["api"], { tokens: 40 });
		over?.called(1);
		over?.used(1, 10);
		expect([used(), waiter.names]).toEqual([95, []]);
		over?.end({ code: "EBUSY", message: "" });
		over?.release();
		expect([used(), waiter.names]).toEqual([55, [3]]);
		// One that reports nothing is taken to have used what it said.
		finish(waiter.go());
		expect(used()).toBe(95);
		over?.used(1, 1_000);
		expect(used()).toBe(95);
		clock.advance(1_000);
		expect(used()).toBe(0);
	});

	test("let one through that asks for more than the whole limit, alone, and nobody past it meanwhile", () => {
		const { clock, waiter } = setUp({ api: { tokens: { limit: 100, per: "1s" } } });
		finish(waiter.ask(1, ["api"], { tokens: 1 }));
		expect(waiter.ask(2, ["api"], { tokens: 500 })).toBeUndefined();
		expect(waiter.ask(3, ["api"], { tokens: 1 })).toBeUndefined();
		clock.advance(1_000);
		expect(waiter.names).toEqual([2]);
		finish(waiter.go());
		expect(waiter.names).toEqual([]);
		clock.advance(1_000);
		expect(waiter.names).toEqual([3]);
	});
});

describe("gates", () => {
	const busy = { code: "EBUSY", retryAfter: 5_000 };

	test("close for everybody until the time that an error asks for", () => {
		const { limits, clock, waiter, other } = setUp({ api: { requests: { limit: 100, per: "1s" } }, cpu: 9 });
		finish(waiter.ask(1, ["api", "cpu"]), busy);
		expect(limits.view().map(({ closedUntil }) => closedUntil)).toEqual([6_000, undefined]);
		expect(other.ask(2, ["api"])).toBeUndefined();
		expect(other.ask(3, ["cpu"])).toBeDefined();
		// A shorter one does not open it.
		clock.advance(1_000);
		clock.advance(3_999);
		expect(other.names).toEqual([]);
		clock.advance(1);
		expect(other.names).toEqual([2]);
	});

	test.each([
		[{ concurrency: 4 }, false],
		[{ concurrency: 4, gate: true }, true],
		[{ tokens: { limit: 1, per: 1 } }, true],
		[{ breaker: { failures: 9, coolDown: 1 } }, true],
		[{ requests: { limit: 9, per: 1 }, gate: false }, false],
	] as [LimitOptions, boolean][])("%j has one: %s", (given, has) => {
		const { limits, waiter } = setUp({ api: given });
		finish(waiter.ask(1, ["api"]), busy);
		expect(limits.view()[0]?.closedUntil !== undefined).toBe(has);
	});
});

describe("members of a family", () => {
	test("are forgotten when nobody uses them and nothing is left to remember", () => {
		const { limits, clock, waiter } = setUp({
			"tenant:*": { concurrency: 2 },
			"rate:*": { requests: { limit: 1, per: "1s" } },
		});
		for (let n = 0; n < 1_000; n++) finish(waiter.ask(n, [`tenant:${n}`]));
		expect(limits.view()).toEqual([]);
		for (let n = 0; n < 50; n++) finish(waiter.ask(n, [`rate:${n}`]));
		expect(limits.view()).toHaveLength(50);
		clock.advance(1_000);
		for (let n = 0; n < 20; n++) finish(waiter.ask(n, [`rate:new-${n}`]));
		expect(limits.view()).toHaveLength(20);
		clock.advance(1_000);
		expect(limits.view()).toEqual([]);
	});

	test("are not left behind by nodes that wait elsewhere", () => {
		const { limits, waiter } = setUp({ cpu: 1, "tenant:*": 1 });
		const first = waiter.ask(0, ["cpu"]);
		waiter.ask(1, ["tenant:a", "cpu"]);
		waiter.ask(2, ["cpu", "tenant:b"]);
		expect(limits.view().map(({ name }) => name)).toEqual(["cpu"]);
		finish(first);
		expect(waiter.names).toEqual([1]);
	});

	test("are one limit for all that ask, however they come", () => {
		const { waiter, other } = setUp({ "tenant:*": 1 });
		const first = waiter.ask(0, ["tenant:a"]);
		expect(other.ask(1, ["tenant:a"])).toBeUndefined();
		expect(other.ask(2, ["tenant:b"])).toBeDefined();
		finish(first);
		expect(waiter.ask(3, ["tenant:a"])).toBeUndefined();
		expect(other.go()).toBeDefined();
	});

	test("remember a streak of failures for a while", () => {
		const { limits, clock, waiter } = setUp({ "host:*": { breaker: { failures: 2, coolDown: "1s" } } });
		finish(waiter.ask(1, ["host:a"]), { code: "EBUSY" });
		clock.advance(5_000);
		finish(waiter.ask(2, ["host:a"]), { code: "EBUSY" });
		expect(limits.view()[0]?.breaker).toEqual({ state: "open", failures: 2 });
		clock.advance(10_000);
		expect(limits.view()).toEqual([]);
	});
});
