import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agentKey, Limits, type LimitWaiter } from "../../src/scheduler/limits.js";
import type { ReadyEntry } from "../../src/scheduler/ready-queue.js";

class Waiter implements LimitWaiter {
	readonly woken: number[] = [];
	isOpen = true;

	retry(entry: ReadyEntry): void {
		this.woken.push(entry.n);
	}
}

function entry(n: number, priority = 0): ReadyEntry {
	return { n, priority, rank: 0, order: n };
}

describe("limits", () => {
	test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuse a capacity of %d", (capacity) => {
		expect(() => new Limits([["cpu", capacity]])).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
	});

	test("know their names, and no others", () => {
		const limits = new Limits([["cpu", 1]]);
		expect([limits.has("cpu"), limits.has("gpu"), limits.has("toString")]).toEqual([true, false, false]);
		expect(() => limits.take(["gpu"])).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
		expect(agentKey("a")).not.toBe(agentKey("b"));
	});

	test("are taken all or none", () => {
		const limits = new Limits([
			["a", 2],
			["b", 1],
		]);
		expect(limits.take(["a", "b"])).toBeUndefined();
		expect(limits.take(["a", "b"])).toBe("b");
		// The unit of a was not kept by the one that failed.
		expect(limits.take(["a"])).toBeUndefined();
		expect(limits.take(["a"])).toBe("a");
		expect(limits.take([])).toBeUndefined();
		limits.release(["a", "b"]);
		expect(limits.take(["b"])).toBeUndefined();
	});

	test("wake one waiting node for each unit that is given back, the best first", () => {
		const limits = new Limits([["a", 1]]);
		const waiter = new Waiter();
		limits.take(["a"]);
		for (const [n, priority] of [
			[1, 0],
			[2, 5],
			[3, 5],
		] as const)
			limits.wait("a", waiter, entry(n, priority));
		expect(waiter.woken).toEqual([]);
		limits.release(["a"]);
		expect(waiter.woken).toEqual([2]);
		limits.take(["a"]);
		limits.release(["a"]);
		expect(waiter.woken).toEqual([2, 3]);
	});

	test("let runs take turns", () => {
		const limits = new Limits([["a", 1]]);
		const order: string[] = [];
		const waiter = (name: string): LimitWaiter => ({ isOpen: true, retry: ({ n }) => void order.push(`${name}${n}`) });
		const [one, two] = [waiter("x"), waiter("y")];
		limits.take(["a"]);
		for (const n of [1, 2, 3]) limits.wait("a", one, entry(n));
		for (const n of [1, 2]) limits.wait("a", two, entry(n));
		for (let i = 0; i < 5; i++) {
			limits.release(["a"]);
			limits.take(["a"]);
		}
		expect(order).toEqual(["x1", "y1", "x2", "y2", "x3"]);
	});

	test("pass a turn on that could not be used, but not to a key that is used up", () => {
		const limits = new Limits([
			["a", 1],
			["b", 1],
		]);
		const waiter = new Waiter();
		limits.take(["b"]);
		limits.wait("a", waiter, entry(1));
		limits.wait("b", waiter, entry(2));
		limits.passOn(["a", "b"], "a");
		expect(waiter.woken).toEqual([]);
		limits.passOn(["a", "b"]);
		expect(waiter.woken).toEqual([1]);
	});

	test("offer no unit to a run that cannot use it now, and offer it when it can", () => {
		const limits = new Limits([["a", 1]]);
		const [paused, other] = [new Waiter(), new Waiter()];
		paused.isOpen = false;
		limits.take(["a"]);
		limits.wait("a", paused, entry(1));
		limits.wait("a", other, entry(2));
		limits.release(["a"]);
		expect([paused.woken, other.woken]).toEqual([[], [2]]);
		paused.isOpen = true;
		limits.wakeFree();
		expect(paused.woken).toEqual([1]);
	});

	test("forget a run, and let others have the turns it held", () => {
		const limits = new Limits([["a", 1]]);
		const [gone, other] = [new Waiter(), new Waiter()];
		limits.take(["a"]);
		for (const n of [1, 2]) limits.wait("a", gone, entry(n));
		limits.wait("a", other, entry(3));
		limits.release(["a"]);
		expect(gone.woken).toEqual([1]);
		// It ends before it has used its turn.
		limits.forget(gone);
		expect(other.woken).toEqual([3]);
		limits.take(["a"]);
		limits.release(["a"]);
		expect(gone.woken).toEqual([1]);
	});

	test("leave nobody asleep on a free unit, however takers, waiters and givers come", () => {
		const names = ["a", "b", "c"];
		const need = fc.subarray(names, { minLength: 1 });
		fc.assert(
			fc.property(fc.array(fc.oneof(need, fc.nat()), { maxLength: 60 }), (steps) => {
				const limits = new Limits(names.map((name, i) => [name, i + 1] as const));
				const needs = new Map<number, readonly string[]>();
				const running: number[] = [];
				const queue: number[] = [];
				const asleep = new Set<number>();
				const waiter: LimitWaiter = {
					isOpen: true,
					retry: ({ n }) => {
						asleep.delete(n);
						queue.push(n);
					},
				};
				const settle = (): void => {
					for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
						const wanted = needs.get(n) as readonly string[];
						const full = limits.take(wanted);
						if (full === undefined) running.push(n);
						else {
							asleep.add(n);
							limits.wait(full, waiter, entry(n));
							limits.passOn(wanted, full);
						}
					}
				};
				for (const [n, step] of steps.entries()) {
					if (typeof step !== "number") {
						needs.set(n, step);
						queue.push(n);
					} else if (running.length > 0) {
						const [done] = running.splice(step % running.length, 1);
						limits.release(needs.get(done as number) as readonly string[]);
					}
					settle();
					const used = (name: string): number => running.filter((r) => needs.get(r)?.includes(name)).length;
					for (const [i, name] of names.entries()) expect(used(name)).toBeLessThanOrEqual(i + 1);
					for (const n of asleep)
						expect((needs.get(n) as string[]).some((name) => used(name) === names.indexOf(name) + 1)).toBe(true);
				}
			}),
		);
	});
});
