import { type Chunk, defineAgent, readRun, type StreamItem, watchRun } from "dagswarm";
import { describe, expect, test } from "vitest";
import { all } from "../rest.js";
import { echo, finish, gate, rejection, rest, virtualSwarm } from "../swarm/fixture.js";
import { heldJournal, journals, Lives, watchedJournal } from "./fixture.js";

const told = (chunks: readonly Chunk[]): unknown[] =>
	chunks.map(({ attempt, index, chunk }) => [attempt, index, chunk]);

/** Chunks as what they say, events as their types. */
const short = (items: readonly StreamItem[]): unknown[] =>
	items.map((item) => (item.type === "chunk" ? item.chunk : item.type));

describe.each(journals())("kept chunks, with a %s journal", (_, make) => {
	test("survive the process, and are replayed in their place by every way to read", async () => {
		const go = gate();
		const writer = defineAgent({
			name: "writer",
			run: async (_: unknown, ctx) => {
				ctx.emit(`lost ${ctx.attempt}`);
				await ctx.emit({ text: `kept ${ctx.attempt}`, bytes: new Uint8Array([7]) }, { persist: true });
				ctx.emit(undefined, { persist: true });
				if (ctx.attempt === 1) await new Promise(() => {});
				await go.promise;
			},
		});
		const lives = new Lives([writer], {}, make());
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "writer" }] }, { runId: "r" });
		await rest();
		const { run, clock } = await lives.recover("r");
		await rest();
		const reading = all(run.chunks({ from: 1 }));
		go.open();
		expect((await finish(run, clock)).status).toBe("completed");
		const kept = [1, 2].flatMap((attempt) => [
			[attempt, 1, { text: `kept ${attempt}`, bytes: new Uint8Array([7]) }],
			[attempt, 2, undefined],
		]);
		// What is not kept is there as long as the memory is.
		expect(told(await reading)).toEqual([kept[0], kept[1], [2, 0, "lost 2"], kept[2], kept[3]]);
		const events = await all(watchRun(lives.journal, "r", { types: ["node.emitted"] }));
		expect(events.map(({ node, attempt, index, value }) => [node, attempt, index, value])).toEqual(
			kept.map((chunk) => ["a", ...chunk]),
		);
		const read = await readRun(lives.journal, "r");
		expect(await all(read.events({ types: ["node.emitted"] }))).toEqual(events);
		const later = await lives.next().swarm.recover("r");
		expect(told(await all(later.chunks({ from: 1 })))).toEqual(kept);
		const items = await all(later.stream({ from: (events[1]?.seq ?? 0) + 1, types: ["node.started", "chunk"] }));
		expect(short(items)).toEqual(["node.started", kept[2]?.[2], undefined]);
	});

	test("of nodes that a fork keeps are the fork's, too", async () => {
		const writer = defineAgent({
			name: "writer",
			run: async (input: string, ctx) => void ctx.emit(`${input} of ${ctx.runId}`, { persist: true }),
		});
		const lives = new Lives([writer], {}, make());
		const { swarm, clock } = lives.next();
		const nodes = ["a", "b"].map((id) => ({ id, agent: "writer", input: id }));
		await finish(swarm.start({ nodes }, { runId: "r" }), clock);
		const fork = await swarm.fork("r", { runId: "f", reset: ["b"] });
		await finish(fork, clock);
		expect((await all(fork.chunks({ from: 1 }))).map(({ run, chunk }) => [run, chunk])).toEqual([
			["f", "a of r"],
			["f", "b of f"],
		]);
	});
});

describe("a strict run", () => {
	test("shows what is not kept at once, and what is when it is on the disk", async () => {
		const { journal, calls, letPass } = heldJournal();
		const writer = defineAgent({
			name: "writer",
			run: async (_: unknown, ctx) => {
				ctx.emit("at once");
				ctx.emit("kept", { persist: true });
				ctx.emit("behind it");
			},
		});
		const { swarm, clock } = virtualSwarm([writer], { journal, durability: "strict" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "writer" }] });
		const seen: unknown[] = [];
		void (async () => {
			for await (const { chunk } of run.chunks()) seen.push(chunk);
		})();
		const events = all(run.stream());
		await rest();
		calls.shift()?.pass();
		await rest();
		expect(seen).toEqual(["at once"]);
		expect(calls[0]?.entries).toHaveLength(1);
		letPass();
		await finish(run, clock);
		await rest();
		expect(seen).toEqual(["at once", "kept", "behind it"]);
		expect(short(await events).slice(-5)).toEqual(["at once", "kept", "behind it", "node.completed", "run.ended"]);
	});

	test("whose journal fails says so to who waits for a chunk, and to nobody else", async () => {
		const broken = watchedJournal();
		const answers: unknown[] = [];
		const writer = defineAgent({
			name: "writer",
			run: async (_: unknown, ctx) => {
				broken.breaks = () => true;
				ctx.emit("unheard", { persist: true });
				answers.push(await rejection(ctx.emit("heard", { persist: true })));
			},
		});
		const { swarm, clock } = virtualSwarm([writer], { journal: broken.journal, durability: "strict" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "writer" }] });
		const reading = rejection(all(run.chunks()));
		expect((await finish(run, clock)).reason).toMatch(/^JOURNAL_UNAVAILABLE/);
		await rest();
		expect(answers).toMatchObject([{ code: "POISONED" }]);
		expect(await reading).toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
	});

	test("that is let go of ends its readers, and what is emitted afterwards is dropped", async () => {
		const late = gate();
		const writer = defineAgent({
			name: "writer",
			run: async (_: unknown, ctx) => {
				ctx.emit(1);
				await late.promise;
				ctx.emit(2);
			},
		});
		const lives = new Lives([writer, echo]);
		const { swarm, clock } = lives.next();
		const run = swarm.start({ nodes: [{ id: "a", agent: "writer" }] }, { runId: "r" });
		const reading = rejection(all(run.chunks()));
		await rest();
		const drained = swarm.drain(0);
		await rest();
		clock.advance(1);
		await rest();
		late.open();
		await drained;
		expect(await reading).toMatchObject({ code: "SUSPENDED" });
		expect(await rejection(all(run.chunks()))).toMatchObject({ code: "SUSPENDED" });
	});
});

describe("a run that writes behind", () => {
	test("has each chunk once in order, whatever the journal still has to write", async () => {
		const { journal, letPass } = heldJournal();
		const writer = defineAgent({
			name: "writer",
			run: async (_: unknown, ctx) => {
				for (let i = 0; i < 50; i++) {
					ctx.emit(i, { persist: i % 3 === 0 });
					if (i % 10 === 0) await rest(1);
				}
			},
		});
		const { swarm, clock } = virtualSwarm([writer], { journal, durability: "relaxed", eventBuffer: 4 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "writer" }] });
		const [chunks, both, replay] = [all(run.chunks()), all(run.stream()), all(run.stream({ from: 1 }))];
		letPass();
		await finish(run, clock);
		const numbers = Array.from({ length: 50 }, (_, i) => i);
		expect((await chunks).map(({ chunk }) => chunk)).toEqual(numbers);
		for (const items of [await both, await replay])
			expect(items.flatMap((item) => (item.type === "chunk" ? [item.chunk] : []))).toEqual(numbers);
	});
});
