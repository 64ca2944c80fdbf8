import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, memoryStore, type ServiceOptions, systemClock, wallClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { holding, NOON, noting, quiet, worlds } from "./service-fixture.js";

const world = worlds();

describe("timed triggers", () => {
	test("an interval starts in slots from when the trigger was made, under keys that say so", async () => {
		const w = world();
		const { agent, seen } = noting();
		await w.started([agent], { triggers: [{ id: "tick", on: "every 1s", start: "note" }] });
		await w.pass(3_000);
		expect(seen.map(({ key }) => key)).toEqual([
			"tick@1:2026-03-02T12:00:01.000Z",
			"tick@1:2026-03-02T12:00:02.000Z",
			"tick@1:2026-03-02T12:00:03.000Z",
		]);
		expect(await w.keys(["completed"])).toHaveLength(3);
		expect(seen[0]).toEqual({
			key: "tick@1:2026-03-02T12:00:01.000Z",
			trigger: "tick",
			due: "2026-03-02T12:00:01.000Z",
			attempt: 1,
		});
	});

	test("a cron expression starts by the clock on the wall", async () => {
		const w = world();
		const { agent, seen } = noting();
		await w.started([agent], { triggers: [{ id: "quarter", on: "*/15 * * * *", start: "note" }] });
		await w.pass(31 * 60_000, 60_000);
		// Made at noon sharp, it has noon as its first slot.
		expect(seen.map(({ due }) => due.slice(11, 16))).toEqual(["12:00", "12:15", "12:30"]);
	});

	test("once is once, over restarts too", async () => {
		const w = world();
		const { agent, seen } = noting();
		const triggers = [{ id: "one", on: { kind: "once" }, start: "note" }] as const;
		const first = await w.started([agent], { triggers });
		expect(seen).toHaveLength(1);
		await first.service.stop();
		await w.started([agent], { triggers });
		await w.pass(1_000);
		expect(seen).toHaveLength(1);
		expect(await w.keys()).toEqual(["one@1:once"]);
	});

	test("delay counts from the end of the run before", async () => {
		const w = world();
		const { agent, going } = holding();
		await w.started([agent], {
			triggers: [{ id: "slow", on: { kind: "every", every: "1s", mode: "delay" }, start: "hold" }],
		});
		await w.pass(1_000);
		expect(going).toHaveLength(1);
		await w.pass(5_000);
		expect(await w.keys()).toHaveLength(1);
		going[0]?.end();
		await quiet();
		await w.pass(750);
		expect(going).toHaveLength(0);
		await w.pass(250);
		expect(going).toHaveLength(1);
	});

	test("an occurrence under a policy of retries is tried again under its own key, as another attempt", async () => {
		const w = world();
		let calls = 0;
		const flaky = defineAgent({
			name: "flaky",
			run: async () => {
				if (++calls < 3) throw new Error(`down ${calls}`);
			},
		});
		const { service } = await w.started([flaky], {
			triggers: [{ id: "f", on: { kind: "manual" }, start: "flaky", retry: { maxAttempts: 3, delay: "1s" } }],
		});
		const { key } = await service.fire("f", { key: "x" });
		await quiet();
		expect(await service.status(key)).toMatchObject({ state: "waiting", attempt: 1, error: { message: "down 1" } });
		await w.pass(1_000);
		expect(await service.status(key)).toMatchObject({ state: "waiting", attempt: 2 });
		await w.pass(2_000);
		expect(await service.status(key)).toMatchObject({ state: "completed", attempt: 3, status: "completed" });
		expect(await w.store.journal.find("f@1:x#3")).toMatchObject({ status: "completed" });
		expect(await service.fire("f", { key: "x" })).toEqual({ key, isNew: false });
	});
});

describe("overlap", () => {
	test("skip leaves out what comes while a run goes on, and the history says so", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], { triggers: [{ id: "t", on: "every 1s", start: "hold" }] });
		await w.pass(3_000);
		expect(going).toHaveLength(1);
		const states = (await service.history("t")).map(({ state, reason }) => [state, reason]);
		expect(states).toEqual([
			["skipped", "an earlier occurrence was going on"],
			["skipped", "an earlier occurrence was going on"],
			["running", undefined],
		]);
	});

	test("queue has them wait for their turn, in order", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], {
			triggers: [{ id: "t", on: { kind: "manual" }, start: "hold", maxQueued: 2 }],
		});
		for (const key of ["a", "b", "c", "d"]) await service.fire("t", { key });
		await quiet();
		const order: string[] = [];
		for (let round = 0; round < 3; round++) {
			expect(going).toHaveLength(1);
			order.push(going[0]?.key ?? "");
			going[0]?.end();
			await quiet();
		}
		expect(order).toEqual(["t@1:a", "t@1:b", "t@1:c"]);
		expect(await service.status("t@1:d")).toMatchObject({ state: "skipped", reason: "too many were waiting already" });
	});

	test("cancelPrevious cancels the one that goes on, and only the newest takes its place", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], {
			triggers: [{ id: "t", on: { kind: "manual" }, start: "hold", overlap: "cancelPrevious" }],
		});
		await service.fire("t", { key: "a" });
		await quiet();
		await Promise.all([service.fire("t", { key: "b" }), service.fire("t", { key: "c" })]);
		await quiet(30);
		expect(going.map(({ key }) => key)).toEqual(["t@1:c"]);
		expect((await service.status("t@1:a")).state).toBe("cancelled");
		expect((await service.status("t@1:b")).state).toMatch(/skipped|cancelled/);
	});

	test("allow has them side by side, up to maxRunning", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], {
			triggers: [{ id: "t", on: { kind: "manual" }, start: "hold", overlap: "allow", maxRunning: 2 }],
		});
		for (const key of ["a", "b", "c"]) await service.fire("t", { key });
		await quiet();
		expect(going.map(({ key }) => key)).toEqual(["t@1:a", "t@1:b"]);
		going[0]?.end();
		await quiet();
		expect(going.map(({ key }) => key)).toEqual(["t@1:b", "t@1:c"]);
	});
});

describe("several processes", () => {
	test("one leads; when it stops another does at once, and no slot is lost or doubled", async () => {
		const w = world();
		const a = noting();
		const b = noting();
		const triggers = [{ id: "tick", on: "every 1s", start: "note", overlap: "allow" }] as const;
		const first = await w.started([a.agent], { triggers });
		const second = await w.started([b.agent], { triggers });
		expect([first.service.isLeading, second.service.isLeading]).toEqual([true, false]);
		await w.pass(2_000);
		await first.service.stop();
		await w.pass(3_000);
		expect(second.service.isLeading).toBe(true);
		const due = [...a.seen, ...b.seen].map((info) => info.due);
		expect(due).toEqual([1, 2, 3, 4, 5].map((second) => new Date(NOON + second * 1_000).toISOString()));
		expect(a.seen).toHaveLength(2);
	});

	test("what one submits the other runs, and cancels", async () => {
		const w = world();
		const leading = holding();
		const standby = holding();
		const first = await w.started([leading.agent]);
		const second = await w.started([standby.agent]);
		const { key, isNew } = await second.service.submit({ call: "hold", input: { key: "mine" } }, { key: "order-7" });
		expect([key, isNew]).toEqual(["order-7", true]);
		expect(await second.service.submit("hold", { key })).toEqual({ key, isNew: false });
		await w.pass(100, 20);
		expect(leading.going).toHaveLength(1);
		await second.service.cancel(key, "not any more");
		await w.pass(100, 20);
		expect(leading.going).toHaveLength(0);
		expect(await first.service.status(key)).toMatchObject({ state: "cancelled", reason: "not any more" });
		await expect(first.service.cancel(key)).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
	});
});

test("the end of a run starts what waits for it, once", async () => {
	const w = world();
	const { agent, seen } = noting();
	const fail = defineAgent({
		name: "fail",
		run: async () => {
			throw new Error("no");
		},
	});
	const { service } = await w.started([agent, fail], {
		triggers: [
			{ id: "bad", on: { kind: "manual" }, start: "fail" },
			{ id: "after", on: { kind: "event", run: { trigger: "bad", status: ["failed"] } }, start: "note" },
		],
	});
	await service.fire("bad", { key: "1" });
	await quiet(30);
	expect(seen).toMatchObject([{ key: "after@1:run-bad@1:1", payload: { status: "failed", run: "bad@1:1" } }]);
});

test("an event starts the triggers that wait for it, and the same key does so once", async () => {
	const w = world(memoryStore());
	const { agent, seen } = noting();
	const { service } = await w.started([agent], {
		triggers: [
			{ id: "a", on: { kind: "event", event: "push" }, start: { call: "note" } },
			{
				id: "b",
				on: { kind: "event", event: "push" },
				start: { nodes: [{ id: "n", agent: "note", input: { at: { $occurrence: "/payload/branch" } } }] },
			},
			{ id: "c", on: { kind: "event", event: "pull" }, start: "note" },
		],
	});
	const keys = await service.emit("push", { key: "42", payload: { branch: "main" } });
	expect(keys).toEqual([
		{ key: "a@1:42", isNew: true },
		{ key: "b@1:42", isNew: true },
	]);
	expect((await service.emit("push", { key: "42" })).map(({ isNew }) => isNew)).toEqual([false, false]);
	await quiet(30);
	expect(seen).toHaveLength(2);
	expect(seen).toContainEqual({ at: "main" });
});

test("a change of a file starts a run, with what changed, and one that came while nobody was there is not missed", async () => {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-files-"));
	const w = world();
	try {
		const { agent, seen } = noting();
		const settings = {
			cwd: folder,
			clock: wallClock,
			triggers: [{ id: "in", on: { kind: "file", paths: ["*.txt"], settle: 5 }, start: "note" }],
		} satisfies Partial<ServiceOptions>;
		const next = async (count: number): Promise<void> => {
			const changed = Promise.withResolvers<void>();
			const look = (): void => {
				if (seen.length >= count) changed.resolve();
			};
			const stop = await w.store.watch(look, changed.reject);
			look();
			await changed.promise;
			stop();
		};
		writeFileSync(join(folder, "old.txt"), "was there");
		const first = w.member([agent], settings, { clock: systemClock });
		await first.service.start();
		while ((await w.store.document("files/in@1")) === undefined) await quiet(1);
		writeFileSync(join(folder, "a.txt"), "one");
		await next(1);
		expect(seen[0]?.key).toMatch(/^in@1:1-[0-9a-f]{12}$/);
		expect(seen[0]?.payload).toMatchObject({ relative: "a.txt", kind: "added", path: join(folder, "a.txt") });
		await first.service.stop();
		writeFileSync(join(folder, "a.txt"), "two");
		const second = w.member([agent], settings, { clock: systemClock });
		await second.service.start();
		await next(2);
		expect(seen[1]?.payload).toMatchObject({ relative: "a.txt", kind: "changed", ordinal: 2 });
		await second.service.stop();
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
});
