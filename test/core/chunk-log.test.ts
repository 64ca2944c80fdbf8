import { VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { type Chunk, ChunkLog } from "../../src/core/chunk-log.js";
import { all } from "../rest.js";

function chunk(index: number, after = 0): Chunk {
	return { type: "chunk", run: "r", node: "n", attempt: 1, index, at: 0, chunk: index, after };
}

/** A clock that counts how often somebody asks for the next turn, and gives it when told. */
class CountingClock extends VirtualClock {
	readonly turns: (() => void)[] = [];
	override yield(fire: () => void): void {
		this.turns.push(fire);
	}
	turn(): void {
		for (const fire of this.turns.splice(0)) fire();
	}
}

describe("a log of chunks", () => {
	test("wakes readers once in a turn, and nobody when none sleeps", async () => {
		const clock = new CountingClock();
		const log = new ChunkLog(clock, 100);
		log.append(chunk(0));
		expect(clock.turns).toHaveLength(0);
		const readers = [log.read({}), log.read({}), log.read({})];
		for (const reader of readers) await reader.next();
		const next = readers.map((reader) => reader.next());
		for (let index = 1; index <= 20; index++) log.append(chunk(index));
		expect(clock.turns).toHaveLength(1);
		clock.turn();
		for (const item of await Promise.all(next)) expect(item.value).toMatchObject({ index: 1 });
		// What has come meanwhile is read without another turn.
		for (const reader of readers) expect((await reader.next()).value).toMatchObject({ index: 2 });
		expect(clock.turns).toHaveLength(0);
	});

	test("does not wait for the turn once readers would lose something", async () => {
		const clock = new CountingClock();
		const log = new ChunkLog(clock, 8);
		const reader = log.read({});
		const next = reader.next();
		for (let index = 0; index < 5; index++) log.append(chunk(index));
		expect((await next).value).toMatchObject({ index: 0 });
		expect(clock.turns).toHaveLength(1);
	});

	test("keeps as many as it was told", () => {
		const log = new ChunkLog(new VirtualClock(), 3);
		expect([log.oldest, log.count]).toEqual([0, 0]);
		for (let index = 0; index < 5; index++) log.append(chunk(index, index));
		expect([log.oldest, log.count, log.at(2).index, log.at(4).index]).toEqual([2, 5, 2, 4]);
		expect([log.firstAfter(0), log.firstAfter(3), log.firstAfter(9)]).toEqual([2, 3, 5]);
		expect(new ChunkLog(new VirtualClock(), undefined).capacity).toBe(4_096);
	});

	test("takes no more once it is closed, and readers end when they have read the last", async () => {
		const log = new ChunkLog(new VirtualClock(), 3);
		log.append(chunk(0));
		const [ended, failed] = [log.read({}), new ChunkLog(new VirtualClock(), 3)];
		log.close();
		log.close(new Error("too late"));
		log.append(chunk(1));
		expect((await all(ended)).map(({ index }) => index)).toEqual([0]);
		const asleep = failed.read({}).next();
		failed.close(new Error("lost"));
		await expect(asleep).rejects.toThrow("lost");
	});
});
