import { defineAgent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { row } from "./faulty-store.js";
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
