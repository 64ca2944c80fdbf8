import { describe, expect, test } from "vitest";
import { Driver, node, notingHost } from "./driver.js";

const closed = { open: false } as const;

describe("a run", () => {
	test("that is empty completes", () => {
		const driver = new Driver([], closed);
		expect(driver.status).toBe("completed");
		expect(driver.told()).toEqual(["run.created", "run.started", "run.ended"]);
	});

	test("that is empty and open goes on until it is closed", async () => {
		const driver = new Driver([], { open: true });
		expect(driver.status).toBe("running");
		await driver.handle.close();
		expect(driver.status).toBe("completed");
		await driver.handle.close();
	});

	test.each([
		["completed", [node("a"), node("b", ["a"])], ["a!", "b!"]],
		["failed", [node("a"), node("b", ["a"])], ["a?"]],
		["failed", [node("a"), node("b", ["a"])], ["a!", "b?"]],
		// A failure that somebody deals with is tolerated.
		["completed", [node("a"), node("fix", ["a"], { join: "failed" })], ["a?", "fix!"]],
		["completed", [node("a"), node("s", ["a"], { join: "settled" })], ["a?", "s!"]],
		["completed", [node("a"), node("fix", ["a"], { join: "failed" })], ["a!"]],
		["completed", [node("a"), node("b"), node("c", ["a", "b"], { join: "any" })], ["a?", "b!", "c!"]],
		["failed", [node("a"), node("b")], ["a!", "b?"]],
	] as const)("ends %s: %j after %j", async (status, nodes, outcomes) => {
		const driver = new Driver(nodes, closed);
		for (const outcome of outcomes) {
			const id = outcome.slice(0, -1);
			if (outcome.endsWith("!")) await driver.complete(id);
			else await driver.fail(id);
		}
		expect(driver.status).toBe(status);
		await driver.refuses([{ type: "addNode", node: node("late") }], "RUN_ENDED");
	});

	test("with abandoned and cancelled sinks has completed", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])], closed);
		await driver.complete("a", 1, [{ type: "pruneSubgraph", id: "b" }]);
		expect(driver.status).toBe("completed");
	});

	test("ends exactly once, its end the last event", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])], closed);
		await driver.complete("a");
		await driver.complete("b");
		expect(driver.told().filter((type) => type === "run.ended")).toHaveLength(1);
		expect(driver.told().at(-1)).toBe("run.ended");
		expect(driver.events.map(({ seq }) => seq)).toEqual(driver.events.map((_, i) => i + 1));
	});

	test.each(["claim", "cancel", "signal", "approve", "pause", "resume"] as const)(
		"that has ended refuses %s",
		async (what) => {
			const driver = new Driver([node("a")], closed);
			await driver.complete("a");
			const { handle } = driver;
			await driver.unchanged(() => (what === "claim" ? handle.claim("a") : handle[what]("a")), "RUN_ENDED");
		},
	);

	test("that has ended finds late outcomes stale", async () => {
		const driver = new Driver([node("a")], closed);
		const lease = await driver.claim("a");
		await driver.handle.cancel("enough");
		expect(driver.handle.snapshot()).toMatchObject({ status: "cancelled", reason: "enough" });
		await driver.unchanged(() => driver.handle.complete(lease), "STALE_LEASE", ["a"]);
		await driver.unchanged(() => driver.handle.park(lease, { kind: "sleep", until: 1 }), "STALE_LEASE", ["a"]);
	});
});

describe("a stalled run", () => {
	test("ends with the reason at that moment", async () => {
		const driver = new Driver([node("a", [], { onFailure: "block" }), node("b", ["a"]), node("c", ["b"])], closed);
		await driver.fail("a");
		expect(driver.handle.snapshot()).toMatchObject({ status: "stalled", reason: "2 nodes can go no further" });
		expect(driver.handle.explain("b")).toEqual({
			node: "b",
			state: "pending",
			why: '"a" failed and blocks it',
			through: ["a"],
		});
	});

	test("is one whose only nodes are held, or withheld", async () => {
		expect(new Driver([node("a", [], { speculative: "hold" })], closed).status).toBe("stalled");
		const driver = new Driver([node("a", [], { speculative: "eager" })], closed);
		await driver.complete("a", 1);
		expect(driver.status).toBe("stalled");
	});

	test("is not one in which something runs, is ready, waits for a retry, or sleeps", async () => {
		const held = node("held", [], { speculative: "hold" });
		const driver = new Driver([held, node("a", [], { retry: { maxAttempts: 3, delay: 1_000_000 } })], closed);
		expect(driver.status).toBe("running");
		const lease = await driver.claim("a");
		expect(driver.status).toBe("running");
		await driver.handle.park(lease, { kind: "sleep", until: 6_000 });
		expect(driver.status).toBe("running");
		driver.clock.advance(6_000);
		await driver.fail("a");
		expect(driver.state("a")).toBe("waiting");
		expect(driver.status).toBe("running");
		driver.clock.advance(1_000_000);
		await driver.complete("a");
		expect(driver.status).toBe("stalled");
	});

	test("that is open can be repaired", async () => {
		const driver = new Driver([node("a", [], { onFailure: "block" }), node("b", ["a"])], { open: true });
		await driver.fail("a");
		expect(driver.status).toBe("running");
		await driver.mutate({ type: "updateNode", id: "b", changes: { join: "settled" } });
		await driver.complete("b");
		expect(driver.status).toBe("running");
		await driver.handle.close();
		expect(driver.status).toBe("completed");
	});

	test("that is open stalls when it is closed", async () => {
		const driver = new Driver([node("a", [], { speculative: "hold" })], { open: true });
		await driver.handle.close();
		expect(driver.status).toBe("stalled");
	});
});

describe("onStall", () => {
	const graph = [node("a", [], { onFailure: "block" }), node("b", ["a"])];

	test("adds its node in place of ending, once by default", async () => {
		const driver = new Driver(graph, { ...closed, onStall: { agent: "replan", input: 1 } });
		await driver.fail("a");
		expect(driver.status).toBe("running");
		expect(driver.handle.snapshot().get("on-stall")).toMatchObject({ agent: "replan", input: 1, state: "ready" });
		await driver.complete("on-stall");
		expect(driver.status).toBe("stalled");
	});

	test("may repair the run", async () => {
		const driver = new Driver(graph, { ...closed, onStall: { id: "fix", agent: { name: "replan" } } });
		await driver.fail("a");
		await driver.complete("fix", 1, [{ type: "updateNode", id: "b", changes: { join: "settled" } }]);
		await driver.complete("b");
		expect(driver.status).toBe("completed");
	});

	test("comes as often as it says", async () => {
		const driver = new Driver(graph, { ...closed, onStall: { agent: "replan", times: 3 } });
		await driver.fail("a");
		for (const id of ["on-stall", "on-stall-2", "on-stall-3"]) {
			expect(driver.handle.ready()).toEqual([id]);
			await driver.complete(id);
		}
		expect(driver.status).toBe("stalled");
	});

	test("that cannot run leaves no trace, and the run ends stalled", async () => {
		const plans = [
			{ agent: "replan", dependsOn: ["nowhere"] },
			{ agent: "replan", join: "failed" as const },
			{ agent: "replan", input: { $output: "a" } },
		];
		for (const onStall of plans) {
			const driver = new Driver(graph, { ...closed, onStall });
			await driver.fail("a");
			expect(driver.handle.snapshot()).toMatchObject({ status: "stalled", size: 2 });
			expect(driver.events.at(-1)?.seq).toBe(driver.actor.state.seq);
		}
	});

	test("that is held itself hangs nobody up", async () => {
		const driver = new Driver(graph, { ...closed, onStall: { agent: "replan", speculative: "hold", times: 2 } });
		await driver.fail("a");
		expect(driver.status).toBe("stalled");
	});

	test("does not come for a run that waits, is paused or has finished", async () => {
		const driver = new Driver([node("a"), node("b", [], { speculative: "hold" })], {
			...closed,
			onStall: { agent: "replan" },
		});
		await driver.handle.park(await driver.claim("a"), { kind: "signal", name: "go" });
		expect(driver.status).toBe("waiting");
		await driver.handle.pause();
		await driver.handle.signal("go");
		await driver.handle.resume();
		await driver.mutate({ type: "discardSpeculative", id: "b" });
		await driver.complete("a");
		expect(driver.handle.snapshot()).toMatchObject({ status: "completed", size: 2 });
	});
});

describe("a waiting run", () => {
	test("waits for a person or a signal and does not end by itself", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])], closed);
		await driver.handle.park(await driver.claim("a"), { kind: "approval", reason: "?" });
		expect(driver.status).toBe("waiting");
		expect(driver.told().at(-1)).toBe("run.waiting");
		driver.clock.advance(1e9);
		expect(driver.status).toBe("waiting");
		await driver.handle.approve("a");
		expect(driver.status).toBe("running");
		expect(driver.told().slice(-2)).toEqual(["node.woken a", "run.resumed"]);
		await driver.complete("a");
		await driver.complete("b");
		expect(driver.status).toBe("completed");
	});

	test("is one only while nothing else moves", async () => {
		const driver = new Driver([node("a"), node("b")], closed);
		await driver.handle.park(await driver.claim("a"), { kind: "signal", name: "go" });
		expect(driver.status).toBe("running");
		await driver.complete("b");
		expect(driver.status).toBe("waiting");
		await driver.mutate({ type: "addNode", node: node("c") });
		expect(driver.status).toBe("running");
	});

	test("ends by a cancel or a deadline", async () => {
		for (const status of ["cancelled", "timed_out"] as const) {
			const driver = new Driver([node("a")], closed);
			await driver.handle.park(await driver.claim("a"), { kind: "signal", name: "go" });
			driver.actor.post({ type: "cancel", status, reason: "over" });
			expect(driver.status).toBe(status);
			expect(driver.state("a")).toBe("cancelled");
		}
	});
});

describe("pause", () => {
	test("lets nothing be claimed; what runs goes on", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", ["a"])], closed);
		const a = await driver.claim("a");
		await driver.handle.pause();
		await driver.handle.pause();
		expect(driver.status).toBe("paused");
		await driver.unchanged(() => driver.handle.claim("b"), "ILLEGAL_STATE", ["b"]);
		await driver.handle.complete(a);
		expect(driver.handle.ready()).toEqual(["b", "c"]);
		await driver.handle.resume();
		await driver.handle.resume();
		await driver.complete("b");
		await driver.complete("c");
		expect(driver.status).toBe("completed");
		expect(driver.told().filter((type) => type.startsWith("run."))).toEqual([
			"run.created",
			"run.started",
			"run.paused",
			"run.resumed",
			"run.ended",
		]);
	});

	test("does not keep a run from ending when its last node does", async () => {
		const driver = new Driver([node("a")], closed);
		const lease = await driver.claim("a");
		await driver.handle.pause();
		await driver.handle.complete(lease);
		expect(driver.status).toBe("completed");
	});

	test("puts a stall off until it is over", async () => {
		const driver = new Driver([node("a"), node("h", [], { speculative: "hold" })], closed);
		const lease = await driver.claim("a");
		await driver.handle.pause();
		await driver.handle.complete(lease);
		expect(driver.status).toBe("paused");
		await driver.handle.resume();
		expect(driver.status).toBe("stalled");
	});

	test("ends in waiting where that is what the run does", async () => {
		const driver = new Driver([node("a")], closed);
		await driver.handle.park(await driver.claim("a"), { kind: "signal", name: "go" });
		await driver.handle.pause();
		expect(driver.status).toBe("paused");
		await driver.handle.resume();
		expect(driver.status).toBe("waiting");
	});

	test("is refused by a run that stops", async () => {
		const driver = new Driver([node("a", [], { onFailure: "failRun" }), node("z", [], { join: "always" })], closed);
		await driver.fail("a");
		await driver.unchanged(() => driver.handle.pause(), "ILLEGAL_STATE");
		await driver.complete("z");
		expect(driver.status).toBe("failed");
	});

	test("is over when the run stops", async () => {
		const driver = new Driver([node("a", [], { onFailure: "failRun" }), node("z", [], { join: "always" })], closed);
		const lease = await driver.claim("a");
		await driver.handle.pause();
		await driver.handle.fail(lease, new Error("x"));
		await driver.complete("z");
		expect(driver.status).toBe("failed");
	});
});

describe("a cancel", () => {
	test("ends every open node, aborts what runs, and lets no attempt start", async () => {
		const notes: string[] = [];
		const graph = [
			node("done"),
			node("running"),
			node("parked"),
			node("retrying", [], { retry: { maxAttempts: 2, delay: 10 } }),
			node("ready"),
			node("pending", ["ready"]),
			node("held", [], { speculative: "hold" }),
			node("always", ["pending"], { join: "always" }),
		];
		const driver = new Driver(graph, { open: true, host: notingHost(notes) });
		await driver.complete("done");
		await driver.claim("running");
		await driver.handle.park(await driver.claim("parked"), { kind: "sleep", until: 50 });
		await driver.fail("retrying");
		notes.length = 0;
		await driver.handle.cancel("enough");
		expect(driver.handle.snapshot().counts).toMatchObject({ completed: 1, cancelled: 7 });
		expect(notes).toEqual(["abort running CANCELLED", "abort parked CANCELLED"]);
		expect(driver.status).toBe("cancelled");
		expect(driver.clock.pending).toBe(0);
		driver.clock.advance(1_000);
		expect(notes).toHaveLength(2);
	});

	test("comes through a run that stops", async () => {
		const driver = new Driver([node("a", [], { onFailure: "failRun" }), node("z", [], { join: "always" })]);
		await driver.fail("a");
		const lease = await driver.claim("z");
		await driver.handle.cancel();
		expect(driver.status).toBe("cancelled");
		await driver.unchanged(() => driver.handle.complete(lease), "STALE_LEASE", ["z"]);
	});
});

describe("a run that stops after a failure", () => {
	test("takes no patch with the completions that are left", async () => {
		const driver = new Driver([node("a", [], { onFailure: "failRun" }), node("z", [], { join: "always" })], closed);
		await driver.fail("a");
		const lease = await driver.claim("z");
		const added = [{ type: "addNode", node: node("x") }] as const;
		await driver.unchanged(() => driver.handle.commit(lease, added), "RUN_ENDED");
		await driver.handle.complete(lease, 1, added);
		expect(driver.handle.snapshot()).toMatchObject({ status: "failed", size: 2 });
		expect(driver.handle.snapshot().get("z")?.error?.code).toBe("RUN_ENDED");
	});

	test("waits for what an always node waits for", async () => {
		const driver = new Driver([node("a", [], { onFailure: "failRun" }), node("z", [], { join: "always" })], closed);
		await driver.fail("a");
		await driver.handle.park(await driver.claim("z"), { kind: "signal", name: "go" });
		expect(driver.status).toBe("stopping");
		await driver.handle.signal("go");
		await driver.complete("z");
		expect(driver.status).toBe("failed");
	});

	test("ends although an always node is held", async () => {
		const driver = new Driver(
			[node("a", [], { onFailure: "failRun" }), node("z", [], { join: "always", speculative: "hold" })],
			closed,
		);
		await driver.fail("a");
		expect(driver.status).toBe("failed");
	});
});
