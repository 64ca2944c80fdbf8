import { defineAgent, defineSkill, type StandardSchema } from "dagswarm";
import { describe, expect, test } from "vitest";
import { altered, failing, row } from "./faulty-store.js";
import { holding, noting, quiet, worlds } from "./service-fixture.js";

const world = worlds();
const LEASE = 10_000;

const failed = (key: string) => async () => {
	throw new Error(key);
};

describe("cancelling", () => {
	test("14: what comes late of an agent that does not listen does not overwrite it", async () => {
		const w = world();
		const gate = Promise.withResolvers<string>();
		const deaf = defineAgent({ name: "deaf", run: () => gate.promise });
		const { service } = await w.started([deaf], {}, { grace: 1_000 });
		const { key } = await service.submit("deaf");
		await quiet();
		await service.cancel(key, "enough");
		await w.pass(2_000);
		expect(await service.status(key)).toMatchObject({ state: "cancelled", reason: "enough", status: "cancelled" });
		gate.resolve("too late");
		await w.pass(2_000);
		expect(await service.status(key)).toMatchObject({ state: "cancelled", reason: "enough" });
	});

	test("reaches a process that has the run and does not lead any more", async () => {
		const w = world();
		const disk = failing();
		const cut = altered(w.store, {
			acquire: (...given) => {
				disk.check();
				return w.store.acquire(...given);
			},
		});
		const a = holding();
		const b = holding();
		const first = await w.started([a.agent], { store: cut });
		const { key } = await first.service.submit("hold");
		await quiet();
		expect(a.going).toHaveLength(1);
		const second = await w.started([b.agent]);
		disk.times = 1_000;
		await w.pass(2 * LEASE);
		expect([first.service.isLeading, second.service.isLeading]).toEqual([false, true]);
		expect([a.going.length, b.going.length]).toEqual([1, 0]);
		await second.service.cancel(key, "enough");
		await w.pass(1_000);
		expect(a.going).toHaveLength(0);
		expect(await second.service.status(key)).toMatchObject({ state: "cancelled", reason: "enough" });
	});

	test("while its graph is made keeps a run from starting", async () => {
		const w = world();
		const { agent, seen } = noting();
		const gate = Promise.withResolvers<void>();
		let asked = 0;
		const input: StandardSchema<unknown> = {
			"~standard": {
				version: 1,
				vendor: "test",
				validate: async (value) => {
					// The first time is when it is handed in.
					if (asked++ > 0) await gate.promise;
					return { value };
				},
			},
		};
		const slow = defineSkill({
			name: "slow",
			input,
			graph: () => ({ nodes: [{ id: "n", agent: "note", input: {} }] }),
		});
		const { service } = await w.started([agent], {}, { skills: [slow] });
		const { key } = await service.submit({ call: "slow" });
		await quiet();
		expect((await service.status(key)).state).toBe("running");
		await service.cancel(key, "enough");
		gate.resolve();
		await quiet();
		expect(await service.status(key)).toMatchObject({ state: "cancelled", reason: "enough" });
		expect(seen).toEqual([]);
	});

	test("cancelPrevious also ends one that waits for another attempt", async () => {
		const w = world();
		const bad = defineAgent({ name: "bad", run: failed("no") });
		const { service } = await w.started([bad], {
			triggers: [
				{
					id: "t",
					on: { kind: "manual" },
					start: "bad",
					overlap: "cancelPrevious",
					retry: { maxAttempts: 2, delay: "1h" },
				},
			],
		});
		await service.fire("t", { key: "a" });
		await quiet(30);
		expect((await service.status("t@1:a")).state).toBe("waiting");
		await service.fire("t", { key: "b" });
		await w.pass(1_000);
		expect(await service.status("t@1:a")).toMatchObject({ state: "cancelled" });
		expect(await service.status("t@1:b")).toMatchObject({ state: "waiting", attempt: 1 });
	});
});

describe("starting", () => {
	test("24: many that put one key at the same moment put one, and it runs once", async () => {
		const w = world();
		const { agent, seen } = noting();
		const triggers = [{ id: "t", on: { kind: "manual" }, start: "note" }] as const;
		const members = [];
		for (let at = 0; at < 4; at++) members.push(await w.started([agent], { triggers }));
		const puts = await Promise.all(
			members.flatMap(({ service }) => [service.fire("t", { key: "x" }), service.submit("note", { key: "y" })]),
		);
		expect(puts.filter(({ isNew }) => isNew).map(({ key }) => key)).toEqual(["t@1:x", "y"]);
		await w.pass(1_000);
		expect(seen.map(({ key }) => key).sort()).toEqual(["t@1:x", "y"]);
	});

	test("16: a row that cannot be started fails by itself, and the others start", async () => {
		const w = world();
		const { agent, seen } = noting();
		const { start: _, ...lost } = row("lost", { state: "running", attempt: 1, trigger: "gone" });
		await w.store.write({
			add: [
				row("shapeless", { start: { nodes: 7 } as never }),
				row("strange", { start: { nodes: [{ id: "a", agent: "nobody" }] } }),
				lost,
				row("orphan", { trigger: "gone" }),
				row("good"),
			],
		});
		const { service } = await w.started([agent]);
		await w.pass(3 * LEASE, 1_000);
		expect(seen.map(({ key }) => key)).toEqual(["good"]);
		const rows = await service.list();
		expect(Object.fromEntries(rows.map(({ key, state }) => [key, state]))).toEqual({
			shapeless: "failed",
			strange: "failed",
			lost: "failed",
			orphan: "skipped",
			good: "completed",
		});
	});

	test("39: a graph that cannot be built fails as its policy says, and is not tried for ever", async () => {
		const w = world();
		let builds = 0;
		const broken = defineSkill({
			name: "broken",
			graph: () => {
				builds++;
				throw new Error("no graph today");
			},
		});
		const { service } = await w.started(
			[],
			{
				triggers: [
					{ id: "b", on: { kind: "manual" }, start: "broken", retry: { maxAttempts: 3, delay: "1s" } },
					{ id: "u", on: { kind: "manual" }, start: { nodes: [{ id: "a", agent: "nobody" }] } },
				],
			},
			{ skills: [broken] },
		);
		await service.fire("b", { key: "x" });
		await service.fire("u", { key: "x" });
		await w.pass(10 * LEASE, 1_000);
		expect(builds).toBe(3);
		expect(await service.status("b@1:x")).toMatchObject({
			state: "failed",
			attempt: 3,
			error: { message: "no graph today" },
		});
		expect(await service.status("u@1:x")).toMatchObject({ state: "failed", attempt: 1 });
		expect(await w.store.journal.runs()).toEqual([]);
	});

	test("32: how its run ended counts, not that its promise resolved", async () => {
		const w = world();
		const { agent } = holding();
		const bad = defineAgent({ name: "bad", run: failed("inside") });
		const { service } = await w.started([agent, bad], {
			triggers: [
				{ id: "late", on: { kind: "manual" }, start: "hold", deadline: "2s" },
				{ id: "bad", on: { kind: "manual" }, start: "bad" },
			],
		});
		await service.fire("late", { key: "x" });
		await service.fire("bad", { key: "x" });
		await w.pass(3_000);
		expect(await service.status("late@1:x")).toMatchObject({ state: "failed", status: "timed_out" });
		expect(await service.status("bad@1:x")).toMatchObject({
			state: "failed",
			status: "failed",
			error: { message: "inside" },
		});
	});

	test.each(["allow", "skip", "queue"] as const)(
		"all that are caught up with start, however many they are: %s",
		async (overlap) => {
			const w = world();
			const { agent, seen } = noting();
			const triggers = [
				{ id: "t", on: { kind: "every", every: "1s", missed: "all", maxMissed: 1_000 }, start: "note", overlap },
			] as const;
			const first = await w.started([agent], { triggers });
			await first.service.stop();
			w.clock.advance(500_000);
			await w.started([agent], { triggers });
			await quiet(2_000);
			expect(seen).toHaveLength(500);
			expect(await w.keys(["skipped"])).toEqual([]);
		},
	);
});

describe("26: stopping", () => {
	test("lets end what ends within the grace, and another process goes on with the rest", async () => {
		const w = world();
		const a = holding();
		const b = holding();
		const first = await w.started([a.agent], {}, { grace: 0 });
		for (const key of ["x", "y"]) await first.service.submit({ call: "hold", input: { key } }, { key });
		await quiet();
		const second = await w.started([b.agent]);
		const stopping = first.service.stop({ grace: "5s" });
		await w.pass(1_000);
		// Others lead already.
		expect(second.service.isLeading).toBe(true);
		a.going.find(({ key }) => key === "x")?.end();
		await w.pass(10_000);
		await stopping;
		await w.pass(LEASE);
		expect(await second.service.status("x")).toMatchObject({ state: "completed", attempt: 1 });
		expect(await second.service.status("y")).toMatchObject({ state: "running", attempt: 1 });
		expect(b.going.map(({ key }) => key)).toEqual(["y"]);
		b.going[0]?.end();
		await quiet(30);
		expect((await second.service.status("y")).state).toBe("completed");
	});

	test("a second time aborts at once, and nothing is lost", async () => {
		const w = world();
		const a = holding();
		const first = await w.started([a.agent], {}, { grace: 0 });
		await first.service.submit("hold", { key: "x" });
		await quiet();
		const stopping = first.service.stop({ grace: "1h" });
		await quiet();
		expect(a.going).toHaveLength(1);
		const aborting = first.service.abort();
		await w.pass(100);
		await Promise.all([stopping, aborting]);
		expect(a.going).toHaveLength(0);
		const b = holding();
		const second = await w.started([b.agent]);
		expect(b.going).toHaveLength(1);
		expect(await second.service.status("x")).toMatchObject({ state: "running", attempt: 1 });
	});
});
