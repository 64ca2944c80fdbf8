import { describe, expect, test } from "vitest";
import { Driver, node } from "./driver.js";

describe("an eager node in time", () => {
	test("is retried and timed like any other before its outcome is withheld", async () => {
		const spec = node("a", [], { speculative: "eager", retry: { maxAttempts: 3, delay: 10 }, timeout: 50 });
		const driver = new Driver([spec, node("b", ["a"])]);
		await driver.claim("a");
		driver.clock.advance(50);
		expect(driver.state("a")).toBe("waiting");
		driver.clock.advance(10);
		await driver.fail("a");
		driver.clock.advance(20);
		await driver.claim("a");
		driver.clock.advance(50);
		expect(driver.states()).toEqual({ a: "speculative", b: "pending" });
		expect(driver.clock.pending).toBe(0);
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.states()).toEqual({ a: "failed", b: "skipped" });
		expect(driver.handle.snapshot().get("a")?.error?.code).toBe("TIMEOUT");
	});

	test("uses no total time while its outcome is withheld", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager", timeout: { total: 50 } })]);
		await driver.complete("a", 1);
		driver.clock.advance(1_000);
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "completed", output: 1 });
	});

	test("whose patch is refused at the confirmation waits for its retry by the clock", async () => {
		const retry = { maxAttempts: 2, delay: 30 };
		const driver = new Driver([node("a", [], { speculative: "eager", retry })]);
		await driver.complete("a", 1, [{ type: "removeNode", id: "none" }]);
		driver.clock.advance(100);
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "waiting", wait: { kind: "retry", until: 130 } });
		driver.clock.advance(30);
		await driver.complete("a", 2);
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "completed", attempt: 2, output: 2 });
	});

	test("that is parked and confirmed meanwhile completes when it goes on", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager" }), node("b", ["a"])], { open: false });
		await driver.handle.park(await driver.claim("a"), { kind: "signal", name: "go" });
		expect(driver.status).toBe("waiting");
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.state("a")).toBe("waiting");
		await driver.handle.signal("go");
		await driver.complete("a", 1);
		expect(driver.states()).toEqual({ a: "completed", b: "ready" });
	});

	test("that is discarded in its retry wait leaves no timer", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager", retry: { maxAttempts: 2, delay: 10 } })]);
		await driver.fail("a");
		await driver.mutate({ type: "discardSpeculative", id: "a" });
		expect(driver.clock.pending).toBe(0);
		expect(driver.state("a")).toBe("abandoned");
	});

	test("that splits itself does so when it is confirmed, its parts not eager any more", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager" }), node("b", ["a"])]);
		await driver.complete("a", 1, [{ type: "splitNode", id: "a", into: [node("p")] }]);
		expect(driver.dependsOn("b")).toEqual(["a"]);
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.dependsOn("b")).toEqual(["p"]);
		await driver.complete("p", 2);
		expect(driver.states()).toEqual({ a: "completed", b: "ready", p: "completed" });
	});

	test("that expands does so when it is confirmed", async () => {
		const driver = new Driver([node("a", [], { speculative: "eager" }), node("b", { plan: "a" })]);
		await driver.complete("a", 1, { mutations: [{ type: "addNodes", nodes: [node("x"), node("y")] }], expand: true });
		await driver.mutate({ type: "confirmSpeculative", id: "a" });
		expect(driver.dependsOn("b")).toEqual(["x", "y"]);
	});
});
