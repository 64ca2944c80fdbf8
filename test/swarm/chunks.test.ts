import { type Chunk, type CriticPort, defineAgent, type RunHandle, type StreamItem, type SwarmOptions } from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SEED } from "../random.js";
import { all } from "../rest.js";
import { echo, finish, forever, gate, rejection, rest, virtualSwarm } from "./fixture.js";

/** Emits each of its inputs, and rests for a turn between two of them if told. */
const speak = defineAgent({
	name: "speak",
	run: async (parts: readonly unknown[], ctx) => {
		for (const part of parts) ctx.emit(part);
		return parts.length;
	},
});

/** Emits what a test gives it, when the test does. */
function prompted(options: Partial<SwarmOptions> = {}) {
	const emits = new Map<string, (chunk: unknown) => void>();
	const ends = new Map<string, () => void>();
	const agent = defineAgent({
		name: "prompted",
		run: (_: unknown, ctx) => {
			emits.set(ctx.nodeId, (chunk) => ctx.emit(chunk));
			return new Promise<void>((resolve) => ends.set(ctx.nodeId, resolve));
		},
	});
	const { swarm, clock } = virtualSwarm([agent, echo], { concurrency: 8, ...options });
	return {
		clock,
		swarm,
		emit: (node: string, chunk: unknown) => emits.get(node)?.(chunk),
		end: (node: string) => ends.get(node)?.(),
		start: async (...ids: string[]): Promise<RunHandle> => {
			const run = swarm.start({ nodes: ids.map((id) => ({ id, agent: "prompted" })) });
			await rest();
			return run;
		},
	};
}

const texts = (items: readonly StreamItem[]): unknown[] =>
	items.map((item) => (item.type === "chunk" ? `${item.node}: ${item.chunk}` : item.type));

describe("chunks", () => {
	test("carry where they come from, and come in order until the run ends", async () => {
		const { swarm } = virtualSwarm([speak]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "speak", input: ["to", { done: 1, total: 2 }, null] }] });
		const chunks = await all(run.chunks());
		const common = { type: "chunk", run: run.id, node: "a", attempt: 1, at: 1_000_000, after: 4 };
		expect(chunks).toEqual([
			{ ...common, index: 0, chunk: "to" },
			{ ...common, index: 1, chunk: { done: 1, total: 2 } },
			{ ...common, index: 2, chunk: null },
		]);
	});

	test("take no number and leave no event", async () => {
		const { swarm } = virtualSwarm([speak]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "speak", input: ["x"] }] });
		const types = (await all(run.events())).map(({ type }) => type);
		expect(types).toEqual(["run.created", "node.added", "run.started", "node.started", "node.completed", "run.ended"]);
	});

	test("of one node only, for whoever asks for one", async () => {
		const { swarm } = virtualSwarm([speak]);
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: "speak", input: [1, 2] },
				{ id: "b", agent: "speak", input: [3] },
			],
		});
		expect((await all(run.chunks({ node: "b" }))).map(({ chunk }) => chunk)).toEqual([3]);
		expect(await all(run.chunks({ node: "nobody" }))).toEqual([]);
	});

	test("that are kept are there for who comes late, and after the end", async () => {
		const { emit, end, start } = prompted({ chunkBuffer: 2 });
		const run = await start("a");
		for (const part of [1, 2, 3]) emit("a", part);
		const reader = run.chunks();
		expect((await reader.next()).value).toMatchObject({ index: 1, chunk: 2 });
		end("a");
		await run.result();
		expect((await all(run.chunks())).map(({ chunk }) => chunk)).toEqual([2, 3]);
	});

	test("begin again with each attempt, and go on after a wait", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				ctx.emit("before");
				await ctx.sleep(10);
				ctx.emit("after");
				if (ctx.attempt === 1) throw new Error("again");
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent", retry: { maxAttempts: 2, delay: 5 } }] });
		const reading = all(run.chunks());
		await finish(run, clock);
		expect((await reading).map(({ attempt, index, chunk }) => [attempt, index, chunk])).toEqual([
			[1, 0, "before"],
			[1, 1, "after"],
			[2, 0, "before"],
			[2, 1, "after"],
		]);
	});

	test("of an attempt that is over are dropped, and harm nobody", async () => {
		const { emit, end, start } = prompted();
		const run = await start("a", "b");
		const reading = all(run.chunks());
		emit("a", 1);
		end("a");
		await rest();
		emit("a", "late");
		emit("b", 2);
		end("b");
		await run.result();
		emit("b", "later");
		expect((await reading).map(({ chunk }) => chunk)).toEqual([1, 2]);
	});

	test("of an attempt that is aborted are dropped while its function goes on", async () => {
		let leaked: ((chunk: unknown) => void) | undefined;
		const leaky = defineAgent({
			name: "leaky",
			run: (_: unknown, ctx) => {
				leaked = (chunk) => ctx.emit(chunk);
				return new Promise<never>(() => {});
			},
		});
		const { swarm, clock } = virtualSwarm([leaky], { grace: 5 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "leaky" }] });
		await rest();
		leaked?.(1);
		const cancelled = run.cancel();
		leaked?.(2);
		await finish(run, clock);
		await cancelled;
		expect((await all(run.chunks())).map(({ chunk }) => chunk)).toEqual([1]);
	});

	test("that are no plain data are refused where they are emitted, with the path", async () => {
		const errors: unknown[] = [];
		const wrong = defineAgent({
			name: "wrong",
			run: async (_: unknown, ctx) => {
				for (const chunk of [{ at: new Date(0) }, [() => 1], Number.NaN]) {
					try {
						ctx.emit(chunk, { persist: true });
					} catch (error) {
						errors.push(error);
					}
				}
				ctx.emit("fine");
			},
		});
		const { swarm } = virtualSwarm([wrong]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "wrong" }] });
		expect((await all(run.chunks())).map(({ index, chunk }) => [index, chunk])).toEqual([[0, "fine"]]);
		expect(errors).toMatchObject([
			{ code: "INVALID_INPUT", path: "/at", nodes: ["a"] },
			{ code: "INVALID_INPUT", path: "/0" },
			{ code: "INVALID_INPUT", path: "" },
		]);
	});

	test("end for readers with what ended the run, where that was no end of its own", async () => {
		const { emit, start } = prompted({
			journal: () => ({
				append: (events) => {
					if (events.some(({ type }) => type === "node.completed")) throw new Error("disk");
				},
			}),
		});
		const run = await start("a");
		const reading = rejection(all(run.chunks()));
		const both = rejection(all(run.stream()));
		emit("a", 1);
		await run.mutate([{ type: "addNode", node: { id: "b", agent: "echo" } }]).catch(() => {});
		await rest();
		expect(await reading).toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
		expect(await both).toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
	});

	test("are signs of life for a critic, each of them, and those that are dropped are none", async () => {
		const heard: string[] = [];
		const critic: CriticPort = {
			watch: ({ attempt }) =>
				attempt === undefined
					? null
					: {
							activity: ({ kind }) => void heard.push(kind),
							escalate: () => ({ action: "continue" }),
						},
		};
		const { emit, start, end } = prompted({ ports: { critic } });
		const run = await start("a");
		emit("a", 1);
		emit("a", 2);
		end("a");
		await run.result();
		emit("a", 3);
		expect(heard).toEqual(["output", "output"]);
	});

	test("options out of their range are refused", async () => {
		expect(() => virtualSwarm([echo], { chunkBuffer: 0 })).toThrow("chunkBuffer is 0");
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [] });
		expect(() => run.chunks({ from: 0 })).toThrow("from is 0");
		expect(() => run.stream({ onLag: "wait" as "skip" })).toThrow('onLag is "wait"');
	});
});

describe("a reader that falls behind (B12)", () => {
	test("is told so", async () => {
		const { emit, start, end } = prompted({ chunkBuffer: 4 });
		const run = await start("a");
		const reader = run.chunks();
		emit("a", 0);
		await reader.next();
		for (let i = 1; i < 8; i++) emit("a", i);
		expect(await rejection(reader.next())).toMatchObject({
			code: "LAGGED",
			message: expect.stringContaining("3 chunks"),
		});
		end("a");
		expect((await run.result()).status).toBe("completed");
	});

	test("goes on if it wants to, and learns how many it missed", async () => {
		const { emit, start, end } = prompted({ chunkBuffer: 4 });
		const run = await start("a", "b");
		const reader = run.chunks({ onLag: "skip" });
		const ofOne = run.chunks({ onLag: "skip", node: "b" });
		emit("a", 0);
		emit("b", 0);
		await reader.next();
		await ofOne.next();
		for (let i = 1; i < 8; i++) emit("a", i);
		emit("b", "last");
		expect((await reader.next()).value).toMatchObject({ index: 5, missed: 5 });
		expect((await reader.next()).value).not.toHaveProperty("missed");
		expect((await ofOne.next()).value).toMatchObject({ chunk: "last", missed: 4 });
		end("a");
		end("b");
		await run.result();
	});

	test("keeps up with agents that wait for nothing but promises", async () => {
		const chatter = defineAgent({
			name: "chatter",
			run: async (count: number, ctx) => {
				for (let i = 0; i < count; i++) {
					ctx.emit(i);
					for (let turn = 0; turn < 10; turn++) await undefined;
				}
			},
		});
		const { swarm } = virtualSwarm([chatter], { chunkBuffer: 64 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "chatter", input: 2_000 }] });
		expect(await all(run.chunks())).toHaveLength(2_000);
	});

	test("sees each chunk once and in order, or is told of the gap, at whatever speed", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }),
				fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 4 }),
				fc.integer({ min: 1, max: 8 }),
				async (bursts, speeds, chunkBuffer) => {
					const { emit, start, end } = prompted({ chunkBuffer, check: "off" });
					const run = await start("a", "b");
					const reads = speeds.map((waits) => readSlowly(run, waits));
					let sent = 0;
					for (const [i, burst] of bursts.entries()) {
						for (let n = 0; n < burst; n++) emit(i % 2 === 0 ? "a" : "b", sent++);
						await rest(1);
					}
					end("a");
					end("b");
					await run.result();
					for (const read of await Promise.all(reads)) {
						let next = 0;
						for (const { chunk, missed = 0 } of read) {
							expect(chunk).toBe(next + missed);
							next = (chunk as number) + 1;
						}
						expect(next).toBe(sent);
					}
				},
			),
			{ seed: SEED, numRuns: 40 },
		);
	});
});

/** More than there are chunks. */
const ROOM = 100;

describe("a reader of events and chunks", () => {
	test("sees all events, kept chunks among them, and the other chunks or how many are missing, at whatever speed", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.record({ keep: fc.boolean(), rests: fc.nat(1) }), { minLength: 1, maxLength: 80 }),
				fc.constantFrom(1, 2, 5, 8, ROOM, ROOM),
				fc.array(fc.nat(2), { minLength: 1, maxLength: 10 }),
				async (parts, chunkBuffer, waits) => {
					const writer = defineAgent({
						name: "writer",
						run: async (_: unknown, ctx) => {
							for (const [i, { keep, rests }] of parts.entries()) {
								ctx.emit(i, { persist: keep });
								await rest(rests);
							}
						},
					});
					const { swarm } = virtualSwarm([writer], { chunkBuffer, check: "off" });
					const run = swarm.start({ nodes: [{ id: "a", agent: "writer" }] });
					const items: StreamItem[] = [];
					for await (const item of run.stream({ onLag: "skip" })) {
						items.push(item);
						await rest(waits[items.length % waits.length]);
					}
					const numbered = items.flatMap((item) => item.seq ?? []);
					expect(numbered).toEqual(numbered.map((_, i) => i + 1));
					const chunks = items.flatMap((item) => (item.type === "chunk" ? [item] : []));
					const kept = parts.flatMap(({ keep }, i) => (keep ? [i] : []));
					expect(chunks.filter(({ seq }) => seq !== undefined).map(({ chunk }) => chunk)).toEqual(kept);
					const missing = parts.length - chunks.length;
					const told = chunks.reduce((sum, { missed = 0 }) => sum + missed, 0);
					// Kept ones may have been overwritten, too: they came as events.
					expect(missing === 0 || parts.at(-1)?.keep || told >= missing).toBe(true);
					const unkept = chunks.filter(({ seq }) => seq === undefined).map(({ index }) => index);
					expect(unkept).toEqual([...new Set(unkept)].toSorted((a, b) => a - b));
					// With room for all of them nothing is missing, and no order is given up.
					if (chunkBuffer === ROOM) expect(chunks.map(({ chunk }) => chunk)).toEqual(parts.map((_, i) => i));
				},
			),
			{ seed: SEED, numRuns: 40 },
		);
	});
});

/** Reads everything, and waits so many turns after each chunk, over and over. */
async function readSlowly(run: RunHandle, waits: readonly number[]): Promise<Chunk[]> {
	const read: Chunk[] = [];
	for await (const chunk of run.chunks({ onLag: "skip" })) {
		read.push(chunk);
		await rest(waits[read.length % waits.length]);
	}
	return read;
}

describe("events and chunks together", () => {
	test("come in the order in which they happened", async () => {
		const { emit, start, end, swarm } = prompted();
		expect(swarm.runs()).toEqual([]);
		const run = await start("a", "b");
		const reading = all(run.stream());
		const whole = all(run.stream({ from: 1 }));
		emit("a", 1);
		await rest();
		emit("b", 2);
		end("a");
		await rest();
		emit("b", 3);
		end("b");
		const live = texts(await reading);
		expect(live).toEqual(["a: 1", "b: 2", "node.completed", "b: 3", "node.completed", "run.ended"]);
		expect(texts(await whole)).toEqual([
			...["run.created", "node.added", "node.added", "run.started", "node.started", "node.started"],
			...live,
		]);
		expect(texts(await all(run.stream({ from: 8 })))).toEqual(["b: 3", "node.completed", "run.ended"]);
	});

	test("of some types, or about one node", async () => {
		const { emit, start, end } = prompted();
		const run = await start("a", "b");
		const ends = all(run.stream({ types: ["node.completed", "chunk"] }));
		const ofOne = all(run.stream({ node: "b" }));
		const events = all(run.stream({ types: ["run.ended"] }));
		emit("a", 1);
		emit("b", 2);
		end("b");
		await rest();
		end("a");
		expect(texts(await ends)).toEqual(["a: 1", "b: 2", "node.completed", "node.completed"]);
		expect(texts(await ofOne)).toEqual(["b: 2", "node.completed"]);
		expect(texts(await events)).toEqual(["run.ended"]);
	});

	test("have a kept chunk once, where its event stands, in order with the others of its attempt", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				ctx.emit("a");
				ctx.emit("b", { persist: true });
				ctx.emit("c");
				await ctx.emit("d", { persist: true });
				ctx.emit("e");
				ctx.emit("f", { persist: true });
				ctx.emit("g");
			},
		});
		const { swarm } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: "n", agent: "agent" }] });
		const [items, chunks, events] = await Promise.all([all(run.stream()), all(run.chunks()), all(run.events())]);
		const letters = ["a", "b", "c", "d", "e", "f", "g"];
		expect(chunks.map(({ chunk }) => chunk)).toEqual(letters);
		expect(items.flatMap((item) => (item.type === "chunk" ? [item] : []))).toEqual(chunks);
		expect(texts(items).slice(-2)).toEqual(["node.completed", "run.ended"]);
		expect(chunks.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
		const kept = events.filter(({ type }) => type === "node.emitted");
		expect(kept).toMatchObject([
			{ index: 1, value: "b" },
			{ index: 3, value: "d" },
			{ index: 5, value: "f" },
		]);
		expect(chunks.flatMap(({ seq }) => seq ?? [])).toEqual(kept.map(({ seq }) => seq));
		// Without a journal they are replayed as far as the memory goes, and come once.
		expect((await all(run.chunks({ from: 1 }))).map(({ chunk }) => chunk)).toEqual(letters);
	});
});

describe("a chunk that is to be kept", () => {
	test("is refused when the attempt is over, and nobody has to listen", async () => {
		let late: Promise<void> | undefined;
		const hold = gate();
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				void hold.promise.then(() => {
					ctx.emit("unheard", { persist: true });
					late = ctx.emit("late", { persist: true });
				});
			},
		});
		const { swarm } = virtualSwarm([agent, forever]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await run.result();
		hold.open();
		await rest();
		expect(await rejection(late as Promise<void>)).toMatchObject({ code: "STALE_LEASE", nodes: ["a"] });
		expect(await all(run.chunks())).toEqual([]);
	});

	test("is one of 4,096 at most that wait", async () => {
		let refused: Promise<void> | undefined;
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				for (let i = 0; i < 4_096; i++) ctx.emit(i, { persist: true });
				refused = ctx.emit("one more", { persist: true });
				ctx.emit("not kept");
			},
		});
		const { swarm } = virtualSwarm([agent], { check: "off", chunkBuffer: 10_000 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		const chunks = await all(run.chunks());
		expect(await rejection(refused as Promise<void>)).toMatchObject({ code: "LIMIT_EXCEEDED" });
		expect(chunks.map(({ index }) => index)).toEqual(Array.from({ length: 4_097 }, (_, i) => i));
		expect(chunks.at(-1)?.chunk).toBe("not kept");
	});

	test("gives up its order before memory is given up", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				ctx.emit("kept", { persist: true });
				for (let i = 1; i < 10; i++) ctx.emit(i);
			},
		});
		const { swarm } = virtualSwarm([agent], { chunkBuffer: 8 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] });
		await run.result();
		expect((await all(run.chunks())).map(({ index }) => index)).toEqual([3, 4, 5, 6, 7, 8, 0, 9]);
	});
});
