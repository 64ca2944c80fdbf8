import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { before as goesFirst, type ReadyEntry, ReadyQueue } from "../../src/scheduler/ready-queue.js";

function compare(a: ReadyEntry, b: ReadyEntry): number {
	return b.priority - a.priority || b.rank - a.rank || a.order - b.order;
}

const weights = fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: 0, max: 3 }));

describe("the ready queue", () => {
	test("is empty at first", () => {
		const queue = new ReadyQueue();
		expect(queue.size).toBe(0);
		expect(queue.pop()).toBeUndefined();
		expect(queue.size).toBe(0);
	});

	test("goes by priority, then rank, then the order of becoming ready", () => {
		const queue = new ReadyQueue();
		for (const [n, priority, rank] of [
			[0, 0, 9],
			[1, 2, 1],
			[2, 2, 5],
			[3, -1, 99],
			[4, 2, 5],
		] as const)
			queue.push({ n, priority, rank, order: n });
		expect(Array.from({ length: 5 }, () => queue.pop()?.n)).toEqual([2, 4, 1, 0, 3]);
	});

	test("gives what sorting gives, in any mix of pushing and taking", () => {
		fc.assert(
			fc.property(fc.array(fc.option(weights, { nil: undefined }), { maxLength: 100 }), (steps) => {
				const queue = new ReadyQueue();
				const model: ReadyEntry[] = [];
				for (const [order, step] of steps.entries()) {
					if (step === undefined) expect(queue.pop()).toBe(model.shift());
					else {
						const entry = { n: order, priority: step[0], rank: step[1], order };
						queue.push(entry);
						model.push(entry);
						model.sort(compare);
					}
					expect(queue.size).toBe(model.length);
				}
			}),
		);
	});

	test("weighs all of it anew when ranks change", () => {
		fc.assert(
			fc.property(fc.array(weights, { maxLength: 50 }), fc.array(fc.nat(5), { minLength: 50 }), (entries, ranks) => {
				const queue = new ReadyQueue();
				const model = entries.map(([priority, rank], order) => ({ n: order, priority, rank, order }));
				for (const entry of model) queue.push(entry);
				queue.rerank((n) => ranks[n] as number);
				expect(model.map(({ n, rank }) => rank === ranks[n])).not.toContain(false);
				model.sort(compare);
				for (const entry of model) expect(queue.pop()).toBe(entry);
			}),
		);
	});

	test("puts no entry before itself", () => {
		fc.assert(
			fc.property(weights, weights, ([p, r], [q, s]) => {
				const a = { n: 0, priority: p, rank: r, order: 1 };
				const b = { n: 1, priority: q, rank: s, order: 2 };
				expect(goesFirst(a, a)).toBe(false);
				expect(goesFirst(a, b)).toBe(!goesFirst(b, a));
			}),
		);
	});
});
