import { defineAgent, memoryStore } from "dagswarm";
import { describe, expect, test } from "vitest";
import { altered, failing, row } from "./faulty-store.js";
import { holding, NOON, noting, quiet, worlds } from "./service-fixture.js";

const world = worlds();
const LEASE = 10_000;

describe("what waits for its turn", () => {
	test("waits on while its trigger is paused, and goes on with it", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], { triggers: [{ id: "t", on: { kind: "manual" }, start: "hold" }] });
		for (const key of ["a", "b", "c"]) await service.fire("t", { key });
		await quiet();
		await service.pause("t");
		going[0]?.end();
		await quiet(30);
		expect(going).toEqual([]);
		await service.cancel("t@1:b");
		expect((await service.status("t@1:b")).state).toBe("cancelled");
		await service.resume("t");
		await quiet(30);
		expect(going.map(({ key }) => key)).toEqual(["t@1:c"]);
	});

	test("never starts when the trigger has done what it was for", async () => {
		const w = world();
		let calls = 0;
		const done = defineAgent({
			name: "done",
			run: async () => {
				calls++;
				await quiet(5);
				return { end: true };
			},
		});
		const { service } = await w.started([done], {
			triggers: [{ id: "t", on: { kind: "manual" }, start: "done", until: "/end" }],
		});
		for (const key of ["a", "b"]) await service.fire("t", { key });
		await quiet(60);
		expect(calls).toBe(1);
		expect(await service.status("t@1:b")).toMatchObject({
			state: "skipped",
			reason: "its trigger has done what it was for",
		});
	});

	test.each(["skip", "queue", "allow"] as const)("starts newest first where that is asked for: %s", async (overlap) => {
		const w = world();
		const { agent, seen } = noting();
		const on = { kind: "every", every: "1m", missed: "all", catchUp: "newest" } as const;
		const triggers = [{ id: "t", on, start: "note", overlap }];
		const first = await w.started([agent], { triggers });
		await first.service.stop();
		w.clock.advance(5 * 60_000);
		await w.started([agent], { triggers });
		await quiet(100);
		expect(seen.map(({ due }) => due.slice(14, 16))).toEqual(["05", "04", "03", "02", "01"]);
	});
});

test("a later occurrence that is ready together with the attempt it takes the place of holds nobody up", async () => {
	const w = world();
	const { agent, seen } = noting();
	const bad = defineAgent({
		name: "bad",
		run: async () => {
			throw new Error("no");
		},
	});
	const triggers = [
		{
			id: "t",
			on: { kind: "manual" },
			start: "bad",
			overlap: "cancelPrevious",
			retry: { maxAttempts: 9, delay: "1s" },
		},
	] as const;
	const first = await w.started([agent, bad], { triggers });
	await first.service.stop();
	const of = { trigger: "t", revision: 1, nextAt: NOON + 1_000 };
	await w.store.write({
		add: [row("t@1:late", of), row("t@1:again", { ...of, state: "waiting", attempt: 1 })],
	});
	w.clock.advance(5_000);
	const { service } = await w.started([agent, bad], { triggers });
	await service.submit("note");
	await w.pass(2 * LEASE, 1_000);
	expect(seen).toHaveLength(1);
	expect(await service.status("t@1:again")).toMatchObject({ state: "cancelled", attempt: 1 });
	expect((await service.status("t@1:late")).attempt).toBeGreaterThan(0);
});

test("maxRuns is exact, however many come at once from however many processes", async () => {
	const w = world();
	const { agent, seen } = noting();
	const triggers = [{ id: "t", on: { kind: "manual" }, start: "note", maxRuns: 3, overlap: "allow" }] as const;
	const a = await w.started([agent], { triggers });
	const b = await w.started([agent], { triggers });
	await Promise.allSettled(Array.from({ length: 20 }, (_, k) => (k % 2 ? a : b).service.fire("t", { key: `k${k}` })));
	await w.pass(2_000);
	expect(seen).toHaveLength(3);
	expect(await a.service.trigger("t")).toMatchObject({ over: "maxRuns", cursor: { started: 3, completed: 3 } });
	expect(await w.keys(["pending", "running"])).toEqual([]);
});

describe("the history", () => {
	test.each([
		["every 1s", 4, 8],
		[{ kind: "manual" }, 20, 20],
	] as const)("of %j is cut, but for keys that callers have given", async (on, least, most) => {
		const w = world();
		const { service } = await w.started([noting().agent], { triggers: [{ id: "t", on, start: "note", history: 4 }] });
		for (let k = 0; k < 20; k++) {
			if (typeof on !== "string") await service.fire("t", { key: `k${k}` });
			await w.pass(1_000);
		}
		const { length } = await service.history("t");
		expect(length).toBeGreaterThanOrEqual(least);
		expect(length).toBeLessThanOrEqual(most);
	});
});

test("a trigger that another process takes away and puts again at once is another one", async () => {
	const w = world();
	const a = noting("a");
	const b = noting("b");
	const { service } = await w.started([a.agent, b.agent]);
	await service.put({ id: "t", on: { kind: "manual" }, start: "a" });
	const other = w.member([a.agent, b.agent]);
	// Right after this all is read, and what follows is read together.
	await other.service.put({ id: "first", on: { kind: "manual" }, start: "a" });
	await quiet();
	await other.service.remove("t");
	await other.service.put({ id: "t", on: { kind: "manual" }, start: "b" });
	await w.pass(1_000);
	await service.fire("t", { key: "x" });
	await quiet(30);
	expect([a.seen, b.seen.map(({ key }) => key)]).toEqual([[], ["t@2:x"]]);
});

test("an agent does not take over a trigger of its name that is none of an agent", async () => {
	const w = world();
	const { service } = await w.started([noting().agent], {
		triggers: [{ id: "note", on: { kind: "manual" }, start: "note" }],
	});
	await service.pause("note");
	const trigger = { id: "note", on: { kind: "once" }, start: "note" } as const;
	await expect(service.agents.start({ name: "note", trigger })).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
});

test("what cannot run is refused when it is handed in, however it is named", async () => {
	const w = world();
	const { service } = await w.started([noting().agent]);
	for (const what of ["nobody", { call: "nobody" }, { call: "nobody", input: 1 }])
		await expect(service.submit(what)).rejects.toMatchObject({ code: "UNKNOWN_TOOL" });
	await expect(service.submit({ call: "note", input: { $occurrence: "/payload" } })).rejects.toMatchObject({
		code: "INVALID_INPUT",
	});
	await expect(service.submit({ nodes: [{ id: "a", agent: "nobody" }] })).rejects.toMatchObject({
		code: "UNKNOWN_AGENT",
	});
});

test("a queue keeps its order over a restart", async () => {
	const w = world();
	const { agent, going } = holding();
	const triggers = [{ id: "t", on: { kind: "manual" }, start: "hold" }] as const;
	const first = await w.started([agent], { triggers }, { grace: 0 });
	for (const key of ["c", "a", "b", "d"]) await first.service.fire("t", { key });
	await quiet();
	const stopping = first.service.stop({ grace: 0 });
	await w.pass(500);
	await stopping;
	await w.started([agent], { triggers });
	const order: (string | undefined)[] = [];
	for (let round = 0; round < 4; round++) {
		await quiet(30);
		order.push(going[0]?.key);
		going[0]?.end();
	}
	expect(order).toEqual(["t@1:c", "t@1:a", "t@1:b", "t@1:d"]);
});

test("what runs of a trigger that is taken away goes on, and leaves nothing behind", async () => {
	const w = world();
	const { agent, going } = holding();
	const { service, errors } = await w.started([agent]);
	await service.put({ id: "t", on: { kind: "manual" }, start: "hold", retry: 3 });
	for (const key of ["a", "b"]) await service.fire("t", { key });
	await quiet();
	await service.remove("t");
	await quiet(30);
	expect(going.map(({ key }) => key)).toEqual(["t@1:a"]);
	going[0]?.fail("no");
	await w.pass(LEASE);
	expect([await w.keys(), going, errors]).toEqual([[], [], []]);
	expect(service.health().running).toBe(0);
});

test("a run that cannot go on here, since its agent is another one, can be cancelled", async () => {
	const w = world();
	const versioned = (version: string) => {
		const { agent } = holding("v");
		return defineAgent({ name: "v", version, run: agent.run });
	};
	const first = await w.started([versioned("1")], {}, { grace: 0 });
	await first.service.submit("v", { key: "x" });
	await quiet(30);
	const stopping = first.service.stop({ grace: 0 });
	await w.pass(500);
	await stopping;
	const second = await w.started([versioned("2")], {}, { grace: 0 });
	await w.pass(2 * LEASE, 1_000);
	expect(second.errors[0]).toMatchObject({ code: "VERSION_MISMATCH" });
	expect((await second.service.status("x")).state).toBe("running");
	await second.service.cancel("x", "enough");
	await w.pass(1_000);
	expect(await second.service.status("x")).toMatchObject({ state: "cancelled", reason: "enough" });
});

test("runs that another process has are looked for now and then, not with each start", async () => {
	const inner = memoryStore();
	let finds = 0;
	const journal = altered(inner.journal, {
		find: (run) => {
			finds++;
			return inner.journal.find(run);
		},
	});
	const store = altered(inner, { journal });
	const w = world(store);
	const disk = failing();
	const cut = altered(store, {
		acquire: (...given) => {
			disk.check();
			return store.acquire(...given);
		},
	});
	const { agent } = holding();
	const first = await w.started([agent], { store: cut });
	for (let k = 0; k < 20; k++) await first.service.submit({ call: "hold", input: { key: `h${k}` } });
	await quiet();
	const second = await w.started([agent, noting().agent]);
	disk.times = 1_000;
	await w.pass(2 * LEASE);
	expect(second.service.isLeading).toBe(true);
	finds = 0;
	for (let k = 0; k < 10; k++) {
		await second.service.submit("note");
		await quiet(20);
	}
	// One for each run that is begun.
	expect(finds).toBeLessThan(20);
	await w.pass(2 * LEASE);
	expect(finds).toBeGreaterThan(20);
});
