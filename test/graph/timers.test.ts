import { describe, expect, test } from "vitest";
import type { Lease, NodeSpec, Wait } from "../../src/graph/types.js";
import { Driver, node, notingHost } from "./driver.js";

function view(driver: Driver, id = "a") {
	return driver.handle.snapshot().get(id);
}

async function park(driver: Driver, lease: Lease, wait: Wait): Promise<void> {
	expect((await driver.handle.park(lease, wait)).ok).toBe(true);
}

describe("a retry", () => {
	test("without a delay is ready at once, behind the others", async () => {
		const driver = new Driver([node("a", [], { retry: 3 }), node("b")]);
		const from = driver.actor.state.seq + 2;
		await driver.fail("a");
		expect(driver.told(from)).toEqual(["node.attemptFailed a", "node.woken a"]);
		expect(driver.handle.ready()).toEqual(["b", "a"]);
	});

	test("with a delay waits for its timer, growing by its factor, up to its cap", async () => {
		const driver = new Driver([node("a", [], { retry: { maxAttempts: 5, delay: 10, factor: 3, maxDelay: "50ms" } })]);
		for (const wait of [10, 30, 50, 50]) {
			await driver.fail("a");
			expect(view(driver)).toMatchObject({
				state: "waiting",
				wait: { kind: "retry", until: driver.clock.now() + wait },
			});
			driver.clock.advance(wait - 1);
			expect(driver.state("a")).toBe("waiting");
			driver.clock.advance(1);
			expect(driver.state("a")).toBe("ready");
			expect(view(driver)).not.toHaveProperty("wait");
		}
		await driver.fail("a");
		expect(view(driver)).toMatchObject({ state: "failed", attempt: 5 });
	});

	test.each([
		[{ retryable: false }, "failed"],
		[{ code: "CANCELLED" }, "failed"],
		[{ code: "INVALID_INPUT" }, "failed"],
		[{ code: "UNKNOWN_AGENT" }, "failed"],
		[{ code: "SOMETHING" }, "ready"],
	])("heeds what the error says: %j", async (flags, state) => {
		const driver = new Driver([node("a", [], { retry: 3 })]);
		await driver.fail("a", Object.assign(new Error("x"), flags));
		expect(driver.state("a")).toBe(state);
	});

	test("waits at least for retryAfter", async () => {
		const driver = new Driver([node("a", [], { retry: { maxAttempts: 3, delay: 5 } })]);
		await driver.fail("a", Object.assign(new Error("busy"), { retryAfter: 80 }));
		driver.clock.advance(79);
		expect(driver.state("a")).toBe("waiting");
		driver.clock.advance(1);
		expect(driver.state("a")).toBe("ready");
	});

	test("sees the error before it", async () => {
		const driver = new Driver([node("a", [], { retry: 2 })]);
		await driver.fail("a", new Error("first"));
		const lease = await driver.claim("a");
		expect(lease.attempt).toBe(2);
		expect(driver.actor.leases.lastError(lease)?.message).toBe("first");
	});

	test("asks its host whether the old function has returned", async () => {
		let free: (() => void) | undefined;
		const host = {
			...notingHost([]),
			mayRetry: (_actor: unknown, _node: string, later: () => void) => {
				free = later;
				return false;
			},
		};
		const driver = new Driver([node("a", [], { retry: 2, timeout: 10 })], { host });
		await driver.claim("a");
		driver.clock.advance(10);
		expect(driver.state("a")).toBe("waiting");
		driver.clock.advance(1_000);
		expect(driver.state("a")).toBe("waiting");
		free?.();
		expect(driver.state("a")).toBe("ready");
		free?.();
		expect(driver.state("a")).toBe("ready");
	});
});

describe("an attempt's time", () => {
	test("runs out with TIMEOUT, aborts the function and is retried by policy", async () => {
		const notes: string[] = [];
		const driver = new Driver([node("a", [], { timeout: 100, retry: 2 })], { host: notingHost(notes) });
		const first = await driver.claim("a");
		driver.clock.advance(99);
		expect(driver.state("a")).toBe("running");
		driver.clock.advance(1);
		expect(notes).toEqual(["start a", "abort a TIMEOUT"]);
		expect(view(driver)).toMatchObject({ state: "ready", error: { code: "TIMEOUT", nodes: ["a"] } });
		await driver.unchanged(() => driver.handle.complete(first), "STALE_LEASE", ["a"]);
		await driver.claim("a");
		driver.clock.advance(100);
		expect(view(driver)).toMatchObject({ state: "failed", attempt: 2 });
		expect(driver.clock.pending).toBe(0);
	});

	test("is taken back when the attempt ends", async () => {
		const driver = new Driver([node("a", [], { timeout: 100 }), node("b", [], { timeout: 100 })]);
		await driver.complete("a");
		await driver.fail("b");
		expect(driver.clock.pending).toBe(0);
	});

	test("counts while a slot is held, not while it is parked", async () => {
		const driver = new Driver([node("a", [], { timeout: 100 })]);
		const first = await driver.claim("a");
		driver.clock.advance(60);
		await park(driver, first, { kind: "sleep", until: driver.clock.now() + 1_000 });
		driver.clock.advance(1_000);
		expect(driver.state("a")).toBe("ready");
		driver.clock.advance(500);
		await driver.claim("a");
		driver.clock.advance(39);
		expect(driver.state("a")).toBe("running");
		driver.clock.advance(1);
		expect(view(driver)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
	});

	test("starts anew with the next attempt", async () => {
		const driver = new Driver([node("a", [], { timeout: 100, retry: 2 })]);
		const first = await driver.claim("a");
		driver.clock.advance(90);
		await driver.handle.fail(first, new Error("once"));
		await driver.claim("a");
		driver.clock.advance(99);
		expect(driver.state("a")).toBe("running");
	});

	test("comes from the agent or the defaults as well", async () => {
		const policies = { agent: (name: string) => (name === "slow" ? { timeout: 50 } : {}), defaults: { timeout: 20 } };
		const driver = new Driver([node("a"), { id: "b", agent: "slow" }], { policies });
		await driver.claim("a");
		await driver.claim("b");
		driver.clock.advance(20);
		expect(driver.states()).toEqual({ a: "failed", b: "running" });
		driver.clock.advance(30);
		expect(driver.state("b")).toBe("failed");
	});
});

describe("the total time", () => {
	const total = (more: Partial<NodeSpec> = {}) => [node("a", [], { timeout: { total: 100 }, ...more })];

	test("runs from the first start over attempts and the waits between them, and is final", async () => {
		const driver = new Driver(total({ retry: { maxAttempts: 9, delay: 30, factor: 1 } }));
		driver.clock.advance(500);
		await driver.fail("a");
		driver.clock.advance(30);
		await driver.fail("a");
		driver.clock.advance(30);
		await driver.fail("a");
		driver.clock.advance(30);
		expect(driver.state("a")).toBe("ready");
		driver.clock.advance(10);
		expect(view(driver)).toMatchObject({ state: "failed", attempt: 3, error: { code: "TIMEOUT" } });
	});

	test.each(["running", "waiting", "sleeping"])("ends a node that is %s", async (how) => {
		const notes: string[] = [];
		const driver = new Driver(total({ retry: { maxAttempts: 9, delay: 500 } }), { host: notingHost(notes) });
		const lease = await driver.claim("a");
		if (how === "waiting") await driver.handle.fail(lease, new Error("once"));
		if (how === "sleeping") await park(driver, lease, { kind: "sleep", until: 900 });
		driver.clock.advance(100);
		expect(view(driver)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
		expect(notes.includes("abort a TIMEOUT")).toBe(how !== "waiting");
		expect(driver.clock.pending).toBe(0);
	});

	test.each<Wait>([
		{ kind: "approval", reason: "may I?" },
		{ kind: "signal", name: "go" },
	])("leaves out what a person or a signal takes: $kind", async (wait) => {
		const driver = new Driver(total());
		const first = await driver.claim("a");
		driver.clock.advance(60);
		await park(driver, first, wait);
		driver.clock.advance(10_000);
		expect(driver.state("a")).toBe("waiting");
		if (wait.kind === "approval") await driver.handle.approve("a");
		else await driver.handle.signal("go");
		await driver.claim("a");
		driver.clock.advance(39);
		expect(driver.state("a")).toBe("running");
		driver.clock.advance(1);
		expect(view(driver)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
	});

	test("takes a slot wait after an approval into account", async () => {
		const driver = new Driver(total());
		const first = await driver.claim("a");
		driver.clock.advance(60);
		await park(driver, first, { kind: "approval", reason: "?" });
		driver.clock.advance(1_000);
		await driver.handle.approve("a");
		driver.clock.advance(40);
		expect(view(driver)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
	});
});

describe("a parked node", () => {
	test("gives its lease back, and goes on in the same attempt with a new one", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		const first = await driver.claim("a");
		await park(driver, first, { kind: "sleep", until: 25 });
		expect(view(driver)).toMatchObject({ state: "waiting", attempt: 1, wait: { kind: "sleep", until: 25 } });
		await driver.unchanged(() => driver.handle.complete(first), "STALE_LEASE", ["a"]);
		driver.clock.advance(25);
		const second = await driver.claim("a");
		expect(second.attempt).toBe(1);
		expect(second.seq).toBeGreaterThan(first.seq);
		await driver.unchanged(() => driver.handle.complete(first), "STALE_LEASE", ["a"]);
		expect((await driver.handle.complete(second, 1)).ok).toBe(true);
		expect(driver.state("b")).toBe("ready");
	});

	test("that fails afterwards has used one attempt", async () => {
		const driver = new Driver([node("a", [], { retry: 2 })]);
		await park(driver, await driver.claim("a"), { kind: "sleep", until: 5 });
		driver.clock.advance(5);
		await driver.fail("a");
		expect((await driver.claim("a")).attempt).toBe(2);
	});

	test("is told what woke it", async () => {
		const wakes: unknown[] = [];
		const host = {
			...notingHost([]),
			start: (_: unknown, __: Lease, ___: unknown, wake: unknown) => void wakes.push(wake),
		};
		const driver = new Driver([node("a")], { host });
		const waits: [Wait, () => unknown][] = [
			[{ kind: "sleep", until: 1 }, () => driver.clock.advance(1)],
			[{ kind: "signal", name: "go" }, () => driver.handle.signal("go", { n: 1 })],
			[{ kind: "signal", name: "go", until: 10 }, () => driver.clock.advance(10)],
			[{ kind: "approval", reason: "?" }, () => driver.handle.approve("a", { by: "ann", data: 2 })],
			[{ kind: "approval", reason: "?" }, () => driver.handle.reject("a", { by: "bob", reason: "no" })],
			[{ kind: "approval", reason: "?", until: 30 }, () => driver.clock.advance(30)],
		];
		for (const [wait, wake] of waits) {
			await park(driver, await driver.claim("a"), wait);
			await wake();
		}
		await driver.claim("a");
		expect(wakes).toEqual([
			undefined,
			{ kind: "timer" },
			{ kind: "signal", payload: { n: 1 } },
			{ kind: "expired" },
			{ kind: "approved", by: "ann", data: 2 },
			{ kind: "rejected", by: "bob", reason: "no" },
			{ kind: "expired" },
		]);
		expect(driver.clock.pending).toBe(0);
	});

	test("whose deadline is over already wakes with the next turn of the clock", async () => {
		const driver = new Driver([node("a")]);
		driver.clock.advance(100);
		await park(driver, await driver.claim("a"), { kind: "sleep", until: 50 });
		driver.clock.advance(0);
		expect(driver.state("a")).toBe("ready");
	});

	test.each<[string, unknown]>([
		["nothing", undefined],
		["an unknown kind", { kind: "retry", until: 5 }],
		["a sleep without an end", { kind: "sleep" }],
		["a sleep without a number", { kind: "sleep", until: Number.NaN }],
		["a signal without a name", { kind: "signal" }],
		["a signal with an empty name", { kind: "signal", name: "" }],
		["data that is not plain", { kind: "approval", reason: "?", data: new Date(0) }],
	])("waits for something: %s is refused", async (_, wait) => {
		const driver = new Driver([node("a")]);
		const lease = await driver.claim("a");
		await driver.unchanged(() => driver.handle.park(lease, wait as Wait), "INVALID_INPUT");
		expect((await driver.handle.complete(lease)).ok).toBe(true);
	});

	test("is answered only while it waits for an approval", async () => {
		const driver = new Driver([node("a")]);
		await driver.unchanged(() => driver.handle.approve("a"), "ILLEGAL_STATE", ["a"]);
		await driver.unchanged(() => driver.handle.reject("none"), "UNKNOWN_NODE", ["none"]);
		await park(driver, await driver.claim("a"), { kind: "sleep", until: 5 });
		await driver.unchanged(() => driver.handle.approve("a"), "ILLEGAL_STATE", ["a"]);
	});
});

describe("a signal", () => {
	test("that comes first is kept, in order, and used once each", async () => {
		const driver = new Driver([node("a"), node("b"), node("c")]);
		await driver.handle.signal("go", 1);
		await driver.handle.signal("go", 2);
		await park(driver, await driver.claim("a"), { kind: "signal", name: "go" });
		expect(driver.state("a")).toBe("ready");
		await park(driver, await driver.claim("b"), { kind: "signal", name: "go", until: 9 });
		await park(driver, await driver.claim("c"), { kind: "signal", name: "go" });
		expect(driver.states()).toEqual({ a: "ready", b: "ready", c: "waiting" });
		const woken = driver.events.filter((event) => event.type === "node.woken").map((event) => event.wake);
		expect(woken).toEqual([
			{ kind: "signal", payload: 1 },
			{ kind: "signal", payload: 2 },
		]);
		await driver.handle.signal("other");
		expect(driver.state("c")).toBe("waiting");
	});

	test("wakes whoever has waited longest, in the order of parking", async () => {
		const driver = new Driver([node("a", [], { retry: 2 }), node("b"), node("c")]);
		// The order of first having something to remember is another one.
		await driver.fail("a");
		for (const id of ["c", "b", "a"]) await park(driver, await driver.claim(id), { kind: "signal", name: "go" });
		await driver.handle.signal("go");
		expect(driver.states()).toEqual({ a: "waiting", b: "waiting", c: "ready" });
		await driver.handle.signal("go");
		expect(driver.states()).toEqual({ a: "waiting", b: "ready", c: "ready" });
	});

	test("for one node wakes no other, and waits for it", async () => {
		const driver = new Driver([node("a"), node("b")]);
		await park(driver, await driver.claim("a"), { kind: "signal", name: "go" });
		await driver.handle.signal("go", "for b", { node: "b" });
		expect(driver.state("a")).toBe("waiting");
		await driver.handle.signal("go", "for anybody");
		expect(driver.state("a")).toBe("ready");
		await park(driver, await driver.claim("b"), { kind: "signal", name: "go" });
		expect(driver.state("b")).toBe("ready");
		const woken = driver.events.filter((event) => event.type === "node.woken").map((event) => event.wake);
		expect(woken).toEqual([
			{ kind: "signal", payload: "for anybody" },
			{ kind: "signal", payload: "for b" },
		]);
	});

	test("that was kept for one node is not taken by another", async () => {
		const driver = new Driver([node("a"), node("b")]);
		await driver.handle.signal("go", 1, { node: "b" });
		await park(driver, await driver.claim("a"), { kind: "signal", name: "go" });
		expect(driver.state("a")).toBe("waiting");
		await park(driver, await driver.claim("b"), { kind: "signal", name: "go" });
		expect(driver.state("b")).toBe("ready");
	});

	test("does not wake after the node was cancelled", async () => {
		const driver = new Driver([node("a")]);
		await park(driver, await driver.claim("a"), { kind: "signal", name: "go", until: 10 });
		await driver.handle.cancel();
		await driver.unchanged(() => driver.handle.signal("go"), "RUN_ENDED");
		driver.clock.advance(100);
		expect(driver.state("a")).toBe("cancelled");
	});
});
