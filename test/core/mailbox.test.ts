import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Mailbox } from "../../src/core/mailbox.js";

describe("Mailbox", () => {
	test("is empty at first", () => {
		const mailbox = new Mailbox<string>(2);
		expect(mailbox.size).toBe(0);
		expect(mailbox.shift()).toBeUndefined();
		expect(mailbox.size).toBe(0);
	});

	test("refuses what is offered above its bound, and takes it again once there is room", () => {
		const mailbox = new Mailbox<string>(2);
		expect([mailbox.offer("a"), mailbox.offer("b"), mailbox.offer("c")]).toEqual([true, true, false]);
		expect(mailbox.size).toBe(2);
		expect(mailbox.shift()).toBe("a");
		expect(mailbox.offer("d")).toBe(true);
		expect([mailbox.shift(), mailbox.shift(), mailbox.shift()]).toEqual(["b", "d", undefined]);
	});

	test("takes what is pushed whatever the bound says, and counts it against what is offered", () => {
		const mailbox = new Mailbox<string>(1);
		mailbox.push("outcome");
		mailbox.push("timer");
		expect(mailbox.size).toBe(2);
		expect(mailbox.offer("host")).toBe(false);
		expect([mailbox.shift(), mailbox.shift()]).toEqual(["outcome", "timer"]);
	});

	test("stays first in, first out while a long queue is drained and filled", () => {
		const mailbox = new Mailbox<number>(Number.POSITIVE_INFINITY);
		const count = 10_000;
		let taken = 0;
		for (let i = 0; i < count; i++) {
			mailbox.push(i);
			if (i % 3 === 0) expect(mailbox.shift()).toBe(taken++);
		}
		while (mailbox.size > 0) expect(mailbox.shift()).toBe(taken++);
		expect(taken).toBe(count);
	});

	test("does what a plain array with a bound does", () => {
		const operation = fc.record({
			kind: fc.constantFrom("offer", "push", "shift"),
			times: fc.integer({ min: 1, max: 700 }),
		});
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 3_000 }), fc.array(operation, { maxLength: 30 }), (bound, operations) => {
				const mailbox = new Mailbox<number>(bound);
				const model: number[] = [];
				let next = 0;
				for (const { kind, times } of operations) {
					for (let i = 0; i < times; i++) {
						const item = next++;
						if (kind === "shift") {
							if (mailbox.shift() !== model.shift()) return false;
						} else if (kind === "push") {
							mailbox.push(item);
							model.push(item);
						} else {
							const room = model.length < bound;
							if (mailbox.offer(item) !== room) return false;
							if (room) model.push(item);
						}
						if (mailbox.size !== model.length) return false;
					}
				}
				return true;
			}),
		);
	});
});
