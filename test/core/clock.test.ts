import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock, type Timer, VirtualClock } from "../../src/core/clock.js";

describe("VirtualClock", () => {
	test("stands still until it is told to move", () => {
		const clock = new VirtualClock(1_000);
		let fired = 0;
		clock.set(1_000, () => fired++);
		expect([clock.now(), clock.pending, clock.nextDue, fired]).toEqual([1_000, 1, 1_000, 0]);
	});

	test("fires by deadline, and timers of one deadline in the order in which they were set", () => {
		const clock = new VirtualClock();
		const order: string[] = [];
		for (const [name, due] of [
			["late", 30],
			["early", 10],
			["middle, first", 20],
			["middle, second", 20],
		] as const) {
			clock.set(due, () => order.push(name));
		}
		clock.advance(100);
		expect(order).toEqual(["early", "middle, first", "middle, second", "late"]);
	});

	test("shows each timer exactly its own deadline as now", () => {
		const clock = new VirtualClock(5);
		const seen: number[] = [];
		for (const due of [40, 7, 7.25, 19]) clock.set(due, () => seen.push(clock.now()));
		clock.advance(100);
		expect(seen).toEqual([7, 7.25, 19, 40]);
		expect(clock.now()).toBe(105);
	});

	test("fires a timer set by a timer at its own moment within the same advance", () => {
		const clock = new VirtualClock();
		const seen: [string, number][] = [];
		clock.set(10, () => {
			seen.push(["outer", clock.now()]);
			clock.set(clock.now() + 10, () => seen.push(["nested", clock.now()]));
			clock.set(clock.now(), () => seen.push(["at once", clock.now()]));
		});
		clock.set(15, () => seen.push(["between", clock.now()]));
		clock.set(25, () => seen.push(["after", clock.now()]));
		clock.advance(22);
		expect(seen).toEqual([
			["outer", 10],
			["at once", 10],
			["between", 15],
			["nested", 20],
		]);
		expect([clock.now(), clock.nextDue]).toEqual([22, 25]);
	});

	test("includes the end of an advance and nothing beyond", () => {
		const clock = new VirtualClock();
		const seen: number[] = [];
		clock.set(10, () => seen.push(10));
		clock.set(10.5, () => seen.push(10.5));
		clock.advance(10);
		expect(seen).toEqual([10]);
	});

	test("fires an overdue timer at the next step without moving time back", () => {
		const clock = new VirtualClock(100);
		const seen: number[] = [];
		clock.set(40, () => seen.push(clock.now()));
		expect(clock.step()).toBe(true);
		expect(seen).toEqual([100]);
		expect(clock.now()).toBe(100);
	});

	test("does not move back when a timer advances the clock further, or when told to", () => {
		const clock = new VirtualClock();
		clock.set(10, () => clock.advance(200));
		clock.advance(50);
		expect(clock.now()).toBe(210);
		clock.advance(-100);
		expect(clock.now()).toBe(210);
	});

	test("steps from timer to timer and says when there is none", () => {
		const clock = new VirtualClock();
		const seen: number[] = [];
		clock.set(30, () => seen.push(30));
		clock.set(20, () => seen.push(20));
		expect([clock.step(), clock.now(), clock.step(), clock.now(), clock.step(), clock.now()]).toEqual([
			true,
			20,
			true,
			30,
			false,
			30,
		]);
		expect(seen).toEqual([20, 30]);
	});

	test("takes a timer back wherever it stands in the heap", () => {
		for (let victim = 0; victim < 15; victim++) {
			const clock = new VirtualClock();
			const fired: number[] = [];
			const timers = Array.from({ length: 15 }, (_, i) => {
				const due = (i * 7) % 15;
				return clock.set(due, () => fired.push(due));
			});
			const taken = timers[victim] as Timer;
			clock.clear(taken);
			expect(clock.pending).toBe(14);
			clock.advance(20);
			expect(fired).toEqual(Array.from({ length: 15 }, (_, due) => due).filter((due) => due !== taken.due));
		}
	});

	test("shrugs at a timer that has fired, was taken back before, or belongs to another clock", () => {
		const clock = new VirtualClock();
		const other = new VirtualClock();
		let fired = 0;
		const early = clock.set(1, () => fired++);
		const taken = clock.set(2, () => fired++);
		const foreign = other.set(3, () => fired++);
		clock.set(3, () => fired++);
		clock.step();
		clock.clear(early);
		clock.clear(taken);
		clock.clear(taken);
		clock.clear(foreign);
		expect([clock.pending, other.pending]).toEqual([1, 1]);
		clock.advance(10);
		expect(fired).toBe(2);
	});

	test("lets a timer take back one that is due at the same moment, and itself", () => {
		const clock = new VirtualClock();
		const seen: string[] = [];
		const self: Timer = clock.set(10, () => {
			seen.push("first");
			clock.clear(self);
			clock.clear(second);
		});
		const second = clock.set(10, () => seen.push("second"));
		clock.set(10, () => seen.push("third"));
		clock.advance(10);
		expect(seen).toEqual(["first", "third"]);
	});

	test("stops at a timer that throws and can go on from there", () => {
		const clock = new VirtualClock();
		let fired = false;
		clock.set(10, () => {
			throw new Error("timer");
		});
		clock.set(20, () => {
			fired = true;
		});
		expect(() => clock.advance(50)).toThrow("timer");
		expect([clock.now(), clock.pending, fired]).toEqual([10, 1, false]);
		clock.advance(10);
		expect(fired).toBe(true);
	});

	test("yields to the event loop without moving time", async () => {
		const clock = new VirtualClock(7);
		await new Promise<void>((resolve) => clock.yield(resolve));
		expect(clock.now()).toBe(7);
	});

	test("does what a sorted list does", () => {
		const delay = fc.integer({ min: -5, max: 40 });
		const operation = fc.oneof(
			{ weight: 5, arbitrary: fc.record({ do: fc.constant("set"), delay, nested: fc.option(delay) }) },
			{ weight: 2, arbitrary: fc.record({ do: fc.constant("clear"), which: fc.nat(60) }) },
			{ weight: 1, arbitrary: fc.record({ do: fc.constant("step") }) },
			{ weight: 2, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.nat(30) }) },
		);
		fc.assert(
			fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
				const clock = new VirtualClock();
				const list = new SortedListClock();
				const fired: [number, number][] = [];
				const expected: [number, number][] = [];
				const timers: [Timer, Entry][] = [];
				let made = 0;

				const set = (delay: number, nested: number | null): void => {
					const id = made++;
					const timer = clock.set(clock.now() + delay, () => {
						fired.push([id, clock.now()]);
						if (nested !== null) clock.set(clock.now() + nested, () => fired.push([-id, clock.now()]));
					});
					const entry = list.set(list.now + delay, () => {
						expected.push([id, list.now]);
						if (nested !== null) list.set(list.now + nested, () => expected.push([-id, list.now]));
					});
					timers.push([timer, entry]);
				};

				for (const op of operations) {
					if ("delay" in op) set(op.delay, op.nested);
					else if ("which" in op) {
						const pair = timers[op.which];
						if (pair === undefined) continue;
						clock.clear(pair[0]);
						list.clear(pair[1]);
					} else if ("ms" in op) {
						clock.advance(op.ms);
						list.advance(op.ms);
					} else {
						expect(clock.step()).toBe(list.step());
					}
					expect(fired).toEqual(expected);
					expect([clock.now(), clock.pending, clock.nextDue]).toEqual([
						list.now,
						list.entries.length,
						list.entries[0]?.due,
					]);
				}
			}),
			{ numRuns: 300 },
		);
	});
});

interface Entry {
	readonly due: number;
	readonly fire: () => void;
}

/** The obvious clock: a list sorted by deadline (the sort is stable, so by sequence within one). */
class SortedListClock {
	now = 0;
	entries: Entry[] = [];

	set(due: number, fire: () => void): Entry {
		const entry = { due, fire };
		this.entries = [...this.entries, entry].sort((a, b) => a.due - b.due);
		return entry;
	}

	clear(entry: Entry): void {
		this.entries = this.entries.filter((other) => other !== entry);
	}

	step(): boolean {
		const next = this.entries.shift();
		if (next === undefined) return false;
		this.now = Math.max(this.now, next.due);
		next.fire();
		return true;
	}

	advance(ms: number): void {
		const end = this.now + ms;
		while (this.entries[0] !== undefined && this.entries[0].due <= end) this.step();
		this.now = end;
	}
}

describe("systemClock", () => {
	beforeEach(() => {
		vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"] });
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	test("fires once, when now has reached the deadline", () => {
		const seen: number[] = [];
		const due = systemClock.now() + 250.5;
		expect(systemClock.set(due, () => seen.push(systemClock.now())).due).toBe(due);
		vi.advanceTimersByTime(250);
		expect(seen).toEqual([]);
		vi.advanceTimersByTime(1);
		expect(seen).toHaveLength(1);
		expect(seen[0]).toBeGreaterThanOrEqual(due);
		vi.advanceTimersByTime(10_000);
		expect(seen).toHaveLength(1);
	});

	test("fires an overdue timer at the next turn, not inside set", () => {
		let fired = 0;
		systemClock.set(systemClock.now() - 1_000, () => fired++);
		expect(fired).toBe(0);
		vi.advanceTimersByTime(1);
		expect(fired).toBe(1);
	});

	test("waits in stages for longer than setTimeout can, and no timer of it fires early", () => {
		const days = 86_400_000;
		let fired = 0;
		systemClock.set(systemClock.now() + 60 * days, () => fired++);
		vi.advanceTimersByTime(25 * days);
		expect(fired).toBe(0);
		vi.advanceTimersByTime(35 * days - 1);
		expect(fired).toBe(0);
		vi.advanceTimersByTime(1);
		expect(fired).toBe(1);
		expect(vi.getTimerCount()).toBe(0);
	});

	test("takes a timer back before its time, between its stages, and harmlessly after it fired", () => {
		let fired = 0;
		const early = systemClock.set(systemClock.now() + 100, () => fired++);
		systemClock.clear(early);
		const long = systemClock.set(systemClock.now() + 5_000_000_000, () => fired++);
		vi.advanceTimersByTime(3_000_000_000);
		systemClock.clear(long);
		vi.advanceTimersByTime(10_000_000_000);
		expect([fired, vi.getTimerCount()]).toEqual([0, 0]);
		const done = systemClock.set(systemClock.now() + 1, () => fired++);
		vi.advanceTimersByTime(10);
		systemClock.clear(done);
		expect(fired).toBe(1);
	});

	test("yields to the event loop before it goes on", () => {
		let went = false;
		systemClock.yield(() => {
			went = true;
		});
		expect(went).toBe(false);
		vi.runAllTimers();
		expect(went).toBe(true);
	});
});

describe("systemClock on the real machine", () => {
	test("never goes back and stays close to the time of day at start", () => {
		const first = systemClock.now();
		let last = first;
		for (let i = 0; i < 1_000; i++) {
			const now = systemClock.now();
			expect(now).toBeGreaterThanOrEqual(last);
			last = now;
		}
		expect(Math.abs(first - Date.now())).toBeLessThan(86_400_000);
	});

	test("reaches a short deadline, never early", async () => {
		for (const ms of [0.2, 1.5, 3]) {
			const due = systemClock.now() + ms;
			const seen = await new Promise<number>((resolve) => systemClock.set(due, () => resolve(systemClock.now())));
			expect(seen).toBeGreaterThanOrEqual(due);
		}
	});
});
