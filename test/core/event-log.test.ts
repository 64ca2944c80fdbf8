import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventLog, EventRange } from "../../src/core/event-log.js";

interface Numbered {
	readonly seq: number;
	readonly type: "odd" | "even";
}

function event(seq: number): Numbered {
	return { seq, type: seq % 2 === 0 ? "even" : "odd" };
}

class Range extends EventRange<Numbered> {
	constructor(
		readonly firstSeq: number,
		readonly count: number,
	) {
		super();
	}

	event(index: number): Numbered {
		return event(this.firstSeq + index);
	}
}

function filled(capacity: number, last: number): EventLog<Numbered> {
	const log = new EventLog<Numbered>(capacity);
	for (let seq = 1; seq <= last; seq++) log.append(event(seq));
	log.closeOpening();
	return log;
}

async function read(reader: AsyncIterable<Numbered>): Promise<number[]> {
	const seen: number[] = [];
	for await (const { seq } of reader) seen.push(seq);
	return seen;
}

describe("an event log", () => {
	test("keeps the latest events, as many as it was told", () => {
		const log = filled(4, 10);
		expect([log.first, log.last]).toEqual([7, 10]);
		expect([filled(4, 2).first, filled(4, 0).first, filled(4, 0).last]).toEqual([1, 1, 0]);
	});

	test("gives a reader everything from where it asks, to the end", async () => {
		const log = filled(10, 5);
		const [all, some, none] = [log.read({ from: 1 }), log.read({ from: 4 }), log.read({ from: 6 })];
		log.close();
		expect(await Promise.all([all, some, none].map(read))).toEqual([[1, 2, 3, 4, 5], [4, 5], []]);
		expect(await read(log.read({ from: 2 }))).toEqual([2, 3, 4, 5]);
	});

	test("begins with the next event by default", async () => {
		const log = filled(10, 3);
		const reader = read(log.read());
		log.append(event(4));
		log.close();
		expect(await reader).toEqual([4]);
	});

	test("can be read from a number that is still to come", async () => {
		const log = filled(10, 2);
		const reader = read(log.read({ from: 5 }));
		for (const seq of [3, 4, 5, 6]) {
			log.append(event(seq));
			log.wake();
		}
		log.close();
		expect(await reader).toEqual([5, 6]);
	});

	test("tells a reader that was too slow where its gap begins", async () => {
		const log = filled(4, 4);
		const reader = log.read({ from: 1 });
		expect((await reader.next()).value).toEqual(event(1));
		for (let seq = 5; seq <= 7; seq++) log.append(event(seq));
		await expect(reader.next()).rejects.toMatchObject({ code: "LAGGED", from: 2 });
		await expect(filled(4, 9).read({ from: 3 }).next()).rejects.toMatchObject({ code: "LAGGED", from: 3 });
		expect((await filled(4, 9).read({ from: 6 }).next()).value).toEqual(event(6));
	});

	test("tells a slow reader of some types too, even of events that were not wanted", async () => {
		const log = filled(4, 1);
		const reader = log.read({ from: 1, types: ["even"] });
		for (let seq = 2; seq <= 9; seq++) log.append(event(seq));
		await expect(reader.next()).rejects.toMatchObject({ code: "LAGGED", from: 1 });
	});

	test("serves readers at different speeds, each without a gap", async () => {
		const log = new EventLog<Numbered>(100);
		const fast = log.read({ from: 1 });
		const slow = log.read({ from: 1 });
		const seenFast: number[] = [];
		const seenSlow: number[] = [];
		for (let seq = 1; seq <= 60; seq++) {
			const next = fast.next();
			log.append(event(seq));
			log.wake();
			seenFast.push(((await next).value as Numbered).seq);
			if (seq % 3 === 0) seenSlow.push(((await slow.next()).value as Numbered).seq);
		}
		log.close();
		const rest = await read(slow);
		const wanted = Array.from({ length: 60 }, (_, i) => i + 1);
		expect(seenFast).toEqual(wanted);
		expect([...seenSlow, ...rest]).toEqual(wanted);
		expect((await fast.next()).done).toBe(true);
	});

	test("gives only the types that are wanted", async () => {
		const log = filled(10, 6);
		const reader = log.read({ from: 1, types: ["even"] });
		log.close();
		expect(await read(reader)).toEqual([2, 4, 6]);
		expect(await read(log.read({ from: 1, types: [] }))).toEqual([]);
	});

	test("gives readers of its opening all there is, and those after it what comes next", async () => {
		const log = new EventLog<Numbered>(20);
		for (let seq = 1; seq <= 10; seq++) log.append(event(seq));
		const [all, from, odd] = [log.read(), log.read({ from: 8 }), log.read({ types: ["odd"] })];
		log.closeOpening();
		const late = log.read();
		log.append(event(11));
		log.close();
		expect(await read(all)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
		expect(await read(from)).toEqual([8, 9, 10, 11]);
		expect(await read(odd)).toEqual([1, 3, 5, 7, 9, 11]);
		expect(await read(late)).toEqual([11]);
	});

	test("keeps a range of events in one place, however many they are", async () => {
		const log = new EventLog<Numbered>(2);
		log.append(event(1));
		log.appendRange(new Range(2, 1_000));
		expect([log.first, log.last]).toEqual([1, 1_001]);
		const [all, middle] = [log.read({ from: 1 }), log.read({ from: 500 })];
		expect([(await all.next()).value, (await all.next()).value]).toEqual([event(1), event(2)]);
		expect((await middle.next()).value).toEqual(event(500));
		for (const seq of [1_002, 1_003]) log.append(event(seq));
		log.close();
		// Both had begun the range that has gone since.
		expect((await read(all)).length).toBe(1_001);
		expect((await read(middle)).at(-1)).toBe(1_003);
		await expect(log.read({ from: 1_001 }).next()).rejects.toMatchObject({ code: "LAGGED", from: 1_001 });
	});

	test("ends its readers with the error it is closed with, after the last event", async () => {
		const log = filled(4, 2);
		const reader = log.read({ from: 2 });
		const waiting = log.read({ from: 3 }).next();
		log.close(new Error("gone"));
		log.close();
		expect((await reader.next()).value).toEqual(event(2));
		await expect(reader.next()).rejects.toThrow("gone");
		await expect(waiting).rejects.toThrow("gone");
	});

	test("lets a reader go that stops reading", async () => {
		const log = filled(4, 3);
		for await (const { seq } of log.read({ from: 1 })) if (seq === 2) break;
		const reader = log.read({ from: 1 });
		await reader.return();
		expect((await reader.next()).done).toBe(true);
	});

	test("is read without a gap, or with LAGGED at the first event that is missing", async () => {
		const steps = fc.array(fc.oneof(fc.constant("read" as const), fc.integer({ min: 1, max: 6 })), { maxLength: 40 });
		await fc.assert(
			fc.asyncProperty(fc.integer({ min: 1, max: 8 }), steps, async (capacity, script) => {
				const log = new EventLog<Numbered>(capacity);
				const reader = log.read({ from: 1 });
				let next = 1;
				let last = 0;
				for (const step of script) {
					if (step !== "read") {
						for (let i = 0; i < step; i++) log.append(event(++last));
						log.wake();
					} else if (next < log.first) {
						await expect(reader.next()).rejects.toMatchObject({ code: "LAGGED", from: next });
						return;
					} else if (next <= last) expect(((await reader.next()).value as Numbered).seq).toBe(next++);
				}
				log.close();
				if (next >= log.first)
					expect(await read(reader)).toEqual(Array.from({ length: last - next + 1 }, (_, i) => next + i));
			}),
		);
	});
});
