import { defineAgent, defineAutonomous, memoryStore, type Occurrence } from "dagswarm";
import { describe, expect, test } from "vitest";
import { altered, failing } from "./faulty-store.js";
import { holding, NOON, noting, quiet, worlds } from "./service-fixture.js";

const world = worlds();

/** Throws until it has been called so often. */
function failingUntil(succeeds: number) {
	let calls = 0;
	return defineAgent({
		name: "flaky",
		run: async () => {
			if (++calls < succeeds) throw new Error(`down ${calls}`);
			return calls;
		},
	});
}

describe("a key", () => {
	test("15, C2: that has completed, or runs, is not started again, by no process and after no restart", async () => {
		const w = world();
		const triggers = [{ id: "t", on: { kind: "manual" }, start: "hold", overlap: "allow" }] as const;
		const { agent, going } = holding();
		const first = await w.started([agent], { triggers });
		const second = await w.started([agent], { triggers });
		await first.service.fire("t", { key: "x" });
		await quiet();
		for (const { service } of [first, second])
			expect(await service.fire("t", { key: "x" })).toEqual({ key: "t@1:x", isNew: false });
		await w.pass(1_000);
		expect(going).toHaveLength(1);
		going[0]?.end();
		await quiet(30);
		await first.service.stop();
		await w.pass(1_000);
		expect(await second.service.fire("t", { key: "x" })).toEqual({ key: "t@1:x", isNew: false });
		await w.pass(1_000);
		expect(going).toHaveLength(0);
		expect(await second.service.status("t@1:x")).toMatchObject({ state: "completed", attempt: 1 });
	});

	test("C2: that is not given is never merged with another one", async () => {
		const w = world();
		const { agent, seen } = noting();
		const { service } = await w.started([agent], { triggers: [{ id: "t", on: { kind: "manual" }, start: "note" }] });
		await Promise.all([service.fire("t"), service.fire("t")]);
		await quiet(60);
		expect(new Set(seen.map(({ key }) => key)).size).toBe(2);
	});

	test("27: is there before its run begins, so that a second one finds it", async () => {
		const w = world();
		const states: (Occurrence["state"] | undefined)[] = [];
		const again: boolean[] = [];
		const look = defineAgent({
			name: "look",
			run: async (info: { readonly key: string }): Promise<void> => {
				states.push((await w.store.occurrence(info.key))?.state);
				again.push((await service.submit("look", { key: "x" })).isNew);
			},
		});
		const { service } = await w.started([look]);
		await service.submit("look", { key: "x" });
		await quiet(60);
		expect([states, again]).toEqual([["running"], [false]]);
	});

	test("31: of an attempt that has failed is no reason to drop the one that succeeds", async () => {
		const w = world();
		const { service } = await w.started([failingUntil(2)], {
			triggers: [{ id: "t", on: "every 1h", start: "flaky", retry: { maxAttempts: 2, delay: "1s" } }],
		});
		await w.pass(3_600_000, 600_000);
		await w.pass(2_000);
		const [row, ...others] = await service.history("t");
		expect(others).toEqual([]);
		expect(row).toMatchObject({ state: "completed", attempt: 2, status: "completed" });
		expect(row?.error).toBeUndefined();
		const runs = await w.store.journal.runs();
		expect(Object.fromEntries(runs.map(({ run, status }) => [run, status]))).toEqual({
			[row?.key ?? ""]: "failed",
			[`${row?.key}#2`]: "completed",
		});
	});
});

describe("a submission", () => {
	test("R1, R2, R4: is in the store before there is a key for it, and runs in it before its agent is called", async () => {
		const w = world();
		const seen: (Occurrence["state"] | undefined)[] = [];
		const look = defineAgent({
			name: "look",
			run: async (info: { readonly key: string }) => {
				seen.push((await w.store.occurrence(info.key))?.state);
			},
		});
		const { service } = w.member([look]);
		const { key } = await service.submit("look");
		seen.push((await w.store.occurrence(key))?.state);
		await service.start();
		await service.ended(key);
		seen.push((await w.store.occurrence(key))?.state);
		expect(seen).toEqual(["pending", "running", "completed"]);
	});

	test("R2: that the store does not take has no key", async () => {
		const disk = failing();
		const inner = memoryStore();
		const w = world(
			altered(inner, {
				write: (change) => {
					disk.check();
					return inner.write(change);
				},
			}),
		);
		const { service } = await w.started([noting().agent]);
		disk.times = 1;
		await expect(service.submit("note", { key: "x" })).rejects.toThrow("the disk is gone");
		await expect(service.status("x")).rejects.toMatchObject({ code: "UNKNOWN_OCCURRENCE" });
		expect(await service.submit("note", { key: "x" })).toEqual({ key: "x", isNew: true });
	});

	test("R5: that has ended is not cancelled, and one that there is none of neither", async () => {
		const w = world();
		const { service } = await w.started([noting().agent]);
		await service.submit("note", { key: "x" });
		await quiet(30);
		await expect(service.cancel("x")).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
		await expect(service.cancel("y")).rejects.toMatchObject({ code: "UNKNOWN_OCCURRENCE" });
		expect((await service.status("x")).state).toBe("completed");
	});

	test("R6, R7: is listed, the newest first, those that have not ended by themselves", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent]);
		for (const key of ["a", "b", "c"]) {
			await service.submit({ call: "hold", input: { key } }, { key });
			await w.pass(250);
		}
		going.find(({ key }) => key === "b")?.end();
		await quiet(30);
		expect((await service.list()).map(({ key }) => key)).toEqual(["c", "b", "a"]);
		expect((await service.list({ states: ["pending", "running", "waiting"] })).map(({ key }) => key)).toEqual([
			"c",
			"a",
		]);
	});
});

test("17, R8: what a run has done before a shutdown is kept, and it goes on from there", async () => {
	const w = world();
	const made: number[] = [];
	const gate = Promise.withResolvers<void>();
	const steps = () =>
		defineAgent({
			name: "steps",
			run: async (_: unknown, ctx): Promise<number> => {
				for (let step = 1; step <= 3; step++) {
					if (step === 3 && made.length === 2) {
						await Promise.race([
							gate.promise,
							new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
						]);
					}
					await ctx.step(`step ${step}`, async () => made.push(step));
				}
				return made.length;
			},
		});
	const first = await w.started([steps()], {}, { grace: 0 });
	await first.service.submit("steps", { key: "x" });
	await quiet(30);
	expect(made).toEqual([1, 2]);
	const stopping = first.service.stop({ grace: 0 });
	await w.pass(1_000);
	await stopping;
	gate.resolve();
	const second = await w.started([steps()]);
	await w.pass(1_000);
	expect(made).toEqual([1, 2, 3]);
	expect(await second.service.status("x")).toMatchObject({ state: "completed", attempt: 1 });
});

test("P7: a shutdown is seen while an agent waits for its next tick, and while it ticks", async () => {
	const w = world();
	let ticks = 0;
	const aborted: unknown[] = [];
	const loop = defineAutonomous({
		name: "loop",
		goal: "go on",
		every: "10s",
		first: "now",
		memory: 0,
		iterate: async (_, ctx) => {
			if (++ticks === 1) return { done: true };
			await new Promise((_resolve, reject) => {
				ctx.signal.addEventListener("abort", () => {
					aborted.push(ctx.signal.reason);
					reject(ctx.signal.reason);
				});
			});
			return {};
		},
	});
	const asleep = await w.started([loop.agent], { triggers: [loop.trigger] }, { grace: 0 });
	await quiet(30);
	expect(ticks).toBe(1);
	await asleep.service.stop({ grace: 0 });
	await w.pass(20_000, 1_000);
	expect(ticks).toBe(1);
	const awake = await w.started([loop.agent], { triggers: [loop.trigger] }, { grace: 0 });
	await quiet(30);
	expect(ticks).toBe(2);
	const stopping = awake.service.stop({ grace: 0 });
	await w.pass(1_000);
	await stopping;
	expect(aborted).toHaveLength(1);
	await w.pass(60_000, 5_000);
	expect(ticks).toBe(2);
});

test("C5: counts and history tell of failures too", async () => {
	const w = world();
	const { service } = await w.started([failingUntil(3)], {
		triggers: [{ id: "t", on: "every 1s", start: "flaky" }],
	});
	await w.pass(4_000);
	expect((await service.trigger("t")).cursor).toMatchObject({ started: 4, completed: 2, failed: 2, failures: 0 });
	const history = await service.history("t");
	expect(history.map(({ state, due }) => [state, due - NOON])).toEqual([
		["completed", 4_000],
		["completed", 3_000],
		["failed", 2_000],
		["failed", 1_000],
	]);
	expect(history.at(-1)).toMatchObject({ error: { message: "down 1" }, attempt: 1, startedAt: NOON + 1_000 });
});

test("18: the process does not end while a service is there, and may once it has stopped", async () => {
	const w = world();
	const { agent } = noting();
	let held = 0;
	const hold = (): (() => void) => {
		held++;
		return () => {
			held--;
		};
	};
	const clock = new Proxy(w.clock, {
		get: (target, key) => {
			if (key === "hold") return hold;
			const member: unknown = Reflect.get(target, key, target);
			return typeof member === "function" ? member.bind(target) : member;
		},
	});
	const { service } = w.member([agent], { clock });
	expect(held).toBe(0);
	await service.start();
	expect(held).toBeGreaterThan(0);
	await service.stop();
	expect(held).toBe(0);
});
