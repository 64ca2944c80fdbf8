import { defineAgent, memoryStore, type Store } from "dagswarm";
import { expect, test } from "vitest";
import { SwarmError } from "../../src/core/errors.js";
import { altered, failing, row } from "./faulty-store.js";
import { holding, NOON, noting, quiet, worlds } from "./service-fixture.js";

const world = worlds();
const LEASE = 10_000;
const bad = defineAgent({
	name: "bad",
	run: async () => {
		throw new Error("no");
	},
});

test("A onError that throws", async () => {
	const disk = failing();
	const inner = memoryStore();
	const w = world(
		altered(inner, {
			triggers: () => {
				disk.check();
				return inner.triggers();
			},
		}),
	);
	const { agent, seen } = noting();
	const { service } = await w.started([agent], {
		triggers: [{ id: "tick", on: "every 1s", start: "note" }],
		onError: () => {
			throw new Error("from the callback");
		},
	});
	disk.times = 1;
	await service.put({ id: "other", on: { kind: "manual" }, start: "note" });
	await w.pass(3 * LEASE);
	expect(seen.length).toBeGreaterThan(9);
});

test("B damaged row does not stop others", async () => {
	const inner = memoryStore();
	let damaged = "";
	const w = world(
		altered(inner, {
			occurrence: (key) => {
				if (key === damaged) throw new SwarmError("JOURNAL_CORRUPT", "damaged");
				return inner.occurrence(key);
			},
		}),
	);
	const { agent, going } = holding();
	const { service } = await w.started([agent]);
	await service.submit("hold", { key: "x" });
	await service.submit("hold", { key: "y" });
	await quiet();
	damaged = "x";
	for (const each of [...going]) each.end();
	await w.pass(2 * LEASE, 1_000);
	expect((await service.status("y")).state).toBe("completed");
});

test("C a paused trigger's queue waits", async () => {
	const w = world();
	const { agent, going } = holding();
	const { service } = await w.started([agent], { triggers: [{ id: "t", on: { kind: "manual" }, start: "hold" }] });
	await service.fire("t", { key: "a" });
	await service.fire("t", { key: "b" });
	await quiet();
	await service.pause("t");
	going[0]?.end();
	await quiet(30);
	expect(going.map(({ key }) => key)).toEqual([]);
	await service.resume("t");
	await quiet(30);
	expect(going.map(({ key }) => key)).toEqual(["t@1:b"]);
});

test("D cancelPrevious with a waiting row that is due in the same turn", async () => {
	const w = world();
	const { agent, seen } = noting();
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
	const { start: _, ...p } = row("t@1:p", { trigger: "t", revision: 1, nextAt: NOON + 1000 });
	const { start: __, ...q } = row("t@1:w", {
		trigger: "t",
		revision: 1,
		state: "waiting",
		attempt: 1,
		nextAt: NOON + 1000,
	});
	await w.store.write({ add: [p, q] });
	w.clock.advance(5_000);
	const { service } = await w.started([agent, bad], { triggers });
	await w.pass(1_000);
	await service.submit("note");
	await w.pass(2 * LEASE, 1_000);
	expect(seen).toHaveLength(1);
	expect((await service.status("t@1:w")).state).toBe("cancelled");
});

test("E submit call of nobody", async () => {
	const w = world();
	const { service } = await w.started([noting().agent]);
	await expect(service.submit("nobody")).rejects.toMatchObject({ code: "UNKNOWN_TOOL" });
	await expect(service.submit({ call: "nobody" })).rejects.toMatchObject({ code: "UNKNOWN_TOOL" });
});

test("G lost wakeup on a store without version", async () => {
	const inner = memoryStore();
	const slow: Store = altered(inner, {
		version: undefined as never,
		write: async (change) => {
			const answer = await inner.write(change);
			await quiet(3);
			return answer;
		},
	});
	const w = world(inner);
	const { agent, seen } = noting();
	const { service } = await w.started([agent], {
		store: slow,
		triggers: [{ id: "t", on: { kind: "manual" }, start: "note" }],
	});
	await quiet(30);
	const firing = service.fire("t", { key: "a" });
	await quiet(4);
	await inner.write({ add: [row("other", { start: { call: "note", input: { key: "other" } } })] });
	await firing;
	await quiet(50);
	await w.pass(1000);
	expect(seen.map(({ key }) => key).sort()).toEqual(["other", "t@1:a"]);
});
test("G2 lost wakeup on an async store with version", async () => {
	const inner = memoryStore();
	const slow: Store = altered(inner, {
		write: async (change) => {
			const answer = await inner.write(change);
			await quiet(3);
			return answer;
		},
	});
	const w = world(inner);
	const { agent, seen } = noting();
	const { service } = await w.started([agent], {
		store: slow,
		triggers: [{ id: "t", on: { kind: "manual" }, start: "note", overlap: "skip" }],
	});
	await quiet(30);
	const firing = service.fire("t", { key: "a" });
	await quiet(2);
	await inner.write({ add: [row("other", { start: { call: "note", input: { key: "other" } } })] });
	await firing;
	await quiet(50);
	await w.pass(1000);
	expect(seen.map(({ key }) => key).sort()).toEqual(["other", "t@1:a"]);
});

test("H stop while starting leaves nothing", async () => {
	const inner = memoryStore();
	const gate = Promise.withResolvers<void>();
	let open = 0;
	const w = world(
		altered(inner, {
			watch: async (changed, failed) => {
				await gate.promise;
				const stop = await inner.watch(changed, failed);
				open++;
				return () => {
					open--;
					stop();
				};
			},
		}),
	);
	const { service } = w.member([noting().agent]);
	const starting = service.start();
	await quiet();
	await service.stop();
	gate.resolve();
	await starting;
	await quiet();
	expect(open).toBe(0);
	expect(service.health().state).toBe("stopped");
});

test("I until ends what is queued", async () => {
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
	await service.fire("t", { key: "a" });
	await service.fire("t", { key: "b" });
	await quiet(60);
	expect(calls).toBe(1);
	expect(await service.status("t@1:b")).toMatchObject({ state: "skipped" });
});

test("J history of a timed trigger is cut", async () => {
	const w = world();
	const { agent } = noting();
	const { service } = await w.started([agent], { triggers: [{ id: "t", on: "every 1s", start: "note", history: 4 }] });
	await w.pass(20_000);
	expect((await service.history("t")).length).toBeLessThan(8);
});

test("N generic journal error while taking up does not fail the row", async () => {
	const disk = failing();
	const inner = memoryStore();
	const journal = altered(inner.journal, {
		find: (run) => {
			disk.check();
			return inner.journal.find(run);
		},
	});
	const w = world(altered(inner, { journal }));
	const { start: _, ...r } = row("x", { state: "running", attempt: 1 });
	await w.store.write({ add: [{ ...r, start: "note" }] });
	const { agent, seen } = noting();
	disk.times = 1;
	const { service } = await w.started([agent]);
	await w.pass(2 * LEASE);
	expect(seen).toHaveLength(1);
	expect((await service.status("x")).state).toBe("completed");
});

test("O a swarm that is closed under a service", async () => {
	const w = world();
	const { agent } = noting();
	const { service, swarm, errors } = await w.started([agent]);
	await swarm.close();
	await service.submit("note").catch(() => {});
	await w.pass(1000);
	expect(service.health().ok).toBe(false);
	expect(errors.length).toBeGreaterThan(0);
});
test("O2 stop of a service whose swarm is closed", async () => {
	const w = world();
	const { service, swarm } = await w.started([noting().agent]);
	await swarm.close();
	await service.stop();
	expect(service.health().state).toBe("stopped");
	await service.stop();
});
test("O3 stop before start", async () => {
	const w = world();
	const { service } = w.member([noting().agent]);
	await service.stop();
	await expect(service.start()).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
});
test("S agents.start does not take over a trigger that is none of its kind", async () => {
	const w = world();
	const { service } = await w.started([noting().agent], {
		triggers: [{ id: "note", on: { kind: "manual" }, start: "note" }],
	});
	await service.pause("note");
	await expect(
		service.agents.start({ name: "note", trigger: { id: "note", on: { kind: "once" }, start: "note" } }),
	).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
});
test("catchUp newest is kept", async () => {
	for (const overlap of ["skip", "queue", "allow"] as const) {
		const w = world();
		const { agent, seen } = noting();
		const triggers = [
			{ id: "t", on: { kind: "every", every: "1m", missed: "all", catchUp: "newest" }, start: "note", overlap },
		] as const;
		const first = await w.started([agent], { triggers });
		await first.service.stop();
		w.clock.advance(5 * 60_000);
		await w.started([agent], { triggers });
		await quiet(100);
		expect(seen.map(({ due }) => due.slice(14, 16))).toEqual(["05", "04", "03", "02", "01"]);
	}
});
test("maxRuns exact under races and retries", async () => {
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
