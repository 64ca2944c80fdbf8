import { describe, expect, test } from "vitest";
import { Bell, Reader, Sleeper } from "../../src/core/reader.js";
import { rest } from "../rest.js";

/** Gives what a list has, and sleeps for more. */
function listReader(list: readonly number[], bell: Bell) {
	const ended: string[] = [];
	const reader = new Reader<number>(async function* (sleeper) {
		try {
			for (let i = 0; !sleeper.closed; ) {
				const item = list[i];
				if (item === undefined) await sleeper.sleep(bell);
				else {
					i++;
					yield item;
				}
			}
		} finally {
			ended.push("ended");
		}
	});
	return { reader, ended };
}

describe("a reader", () => {
	test("sleeps until the bell rings", async () => {
		const [list, bell] = [[1], new Bell()];
		const { reader } = listReader(list, bell);
		expect(await reader.next()).toEqual({ done: false, value: 1 });
		expect(bell.isAwaited).toBe(false);
		const next = reader.next();
		await rest();
		expect(bell.isAwaited).toBe(true);
		bell.ring();
		await rest();
		expect(bell.isAwaited).toBe(true);
		list.push(2);
		bell.ring();
		expect(await next).toEqual({ done: false, value: 2 });
		await reader.return();
	});

	test("ends while it sleeps, and leaves nothing at the bell", async () => {
		const bell = new Bell();
		const readers = Array.from({ length: 100 }, () => listReader([], bell));
		const asked = readers.map(({ reader }) => reader.next());
		await rest();
		for (const { reader } of readers) expect(await reader.return()).toEqual({ done: true, value: undefined });
		for (const next of asked) expect(await next).toEqual({ done: true, value: undefined });
		expect(bell.isAwaited).toBe(false);
		expect(readers.flatMap(({ ended }) => ended)).toHaveLength(100);
	});

	test("that was never read ends, too; one may be disposed of, and throw", async () => {
		const bell = new Bell();
		expect(await listReader([1], bell).reader.return()).toMatchObject({ done: true });
		const { reader, ended } = listReader([1], bell);
		await reader.next();
		await reader[Symbol.asyncDispose]();
		expect(ended).toEqual(["ended"]);
		const other = listReader([1], bell).reader;
		const asleep = [other.next(), other.next()];
		await rest();
		await expect(other.throw(new Error("enough"))).rejects.toThrow("enough");
		expect(await asleep[1]).toMatchObject({ done: true });
	});

	test("is not woken by a bell that it left", async () => {
		const [bell, sleeper] = [new Bell(), new Sleeper()];
		const slept = sleeper.sleep(bell);
		sleeper.wake();
		sleeper.wake();
		await slept;
		expect(bell.isAwaited).toBe(false);
		sleeper.close();
		await sleeper.sleep(bell);
		expect(bell.isAwaited).toBe(false);
	});
});
