import { describe, expect, test } from "vitest";
import type { ErrorInfo } from "../../src/core/errors.js";
import { type BreakerPolicy, CircuitBreaker } from "../../src/scheduler/circuit-breaker.js";

const BUSY: ErrorInfo = { code: "EBUSY", message: "busy" };

function breaker(policy: Partial<BreakerPolicy> = {}): CircuitBreaker {
	return new CircuitBreaker({ failures: 2, coolDown: 1_000, probes: 1, ...policy });
}

function fail(on: CircuitBreaker, now: number, error: ErrorInfo = BUSY): void {
	const generation = on.begin();
	on.leave(generation);
	on.end(generation, error, now);
}

describe("a circuit breaker", () => {
	test("opens after consecutive failures, and a success between them begins anew", () => {
		const on = breaker();
		fail(on, 0);
		on.end(on.begin(), undefined, 1);
		fail(on, 2);
		expect([on.state(2), on.failures, on.admits(2, 0)]).toEqual(["closed", 1, true]);
		fail(on, 3);
		expect([on.state(3), on.admits(3, 0), on.openUntil(3)]).toEqual(["open", false, 1_003]);
	});

	test("lets a bounded number of probes through when it is half open", () => {
		const on = breaker({ failures: 1, probes: 2 });
		fail(on, 0);
		expect([on.state(999), on.state(1_000), on.openUntil(1_000)]).toEqual(["open", "half-open", undefined]);
		expect([on.admits(1_000, 0), on.admits(1_000, 1), on.admits(1_000, 2)]).toEqual([true, true, false]);
		on.begin();
		const second = on.begin();
		expect(on.admits(1_000, 0)).toBe(false);
		// It waits for something else, so another one may try.
		on.leave(second);
		expect(on.admits(1_000, 0)).toBe(true);
	});

	test("is closed by the first success of a probe, and opened again by a failure", () => {
		const on = breaker({ failures: 3, probes: 2 });
		for (let i = 0; i < 3; i++) fail(on, 0);
		const [first, second] = [on.begin(), on.begin()];
		on.end(first, BUSY, 1_500);
		expect([on.state(1_500), on.openUntil(1_500)]).toEqual(["open", 2_500]);
		// It began before it opened again.
		on.end(second, undefined, 1_600);
		expect(on.state(1_600)).toBe("open");
		on.end(on.begin(), undefined, 2_600);
		expect([on.state(2_600), on.failures]).toEqual(["closed", 0]);
	});

	test("does not count outcomes of attempts from before it opened", () => {
		const on = breaker({ failures: 1 });
		const old = [on.begin(), on.begin(), on.begin()];
		on.end(old[0] as number, BUSY, 0);
		on.end(old[1] as number, undefined, 10);
		on.end(old[2] as number, BUSY, 900);
		expect([on.state(10), on.openUntil(900)]).toEqual(["open", 1_000]);
	});

	test.each([
		["CANCELLED", undefined],
		["INVALID_INPUT", undefined],
		["INVALID_OUTPUT", "Error"],
		["INVALID_SPEC", undefined],
		["TIMEOUT", "SwarmError"],
		["REJECTED", "SwarmError"],
		["NOT_PERMITTED", "SwarmError"],
	])("does not count %s of %s", (code, name) => {
		const on = breaker({ failures: 1 });
		fail(on, 0, { code, message: "", ...(name !== undefined && { name }) });
		expect([on.state(0), on.failures]).toEqual(["closed", 0]);
	});

	test.each([
		["TIMEOUT", undefined],
		["TIMEOUT", "Error"],
		["AGENT_ERROR", "TypeError"],
		["RETRYABLE", "SwarmError"],
		["ECONNRESET", "Error"],
	])("counts %s of %s", (code, name) => {
		const on = breaker({ failures: 1 });
		fail(on, 0, { code, message: "", ...(name !== undefined && { name }) });
		expect(on.state(0)).toBe("open");
	});

	test("asks its predicate, and counts where that throws", () => {
		const on = breaker({
			failures: 1,
			counts: (error) => {
				if (error.code === "EODD") throw new Error("odd");
				return error.code === "EBUSY";
			},
		});
		fail(on, 0, { code: "ENOENT", message: "" });
		expect(on.state(0)).toBe("closed");
		fail(on, 0, { code: "EODD", message: "" });
		expect(on.state(0)).toBe("open");
		const other = breaker({ failures: 1, counts: () => "yes" as unknown as boolean });
		fail(other, 0);
		expect(other.state(0)).toBe("closed");
	});

	test("gives a probe back whose outcome does not count", () => {
		const on = breaker({ failures: 1 });
		fail(on, 0);
		fail(on, 1_000, { code: "CANCELLED", message: "" });
		expect([on.state(1_000), on.admits(1_000, 0)]).toEqual(["half-open", true]);
	});

	test("is remembered for ten cool-downs after its last failure", () => {
		const on = breaker();
		expect(on.restsAt()).toBe(Number.NEGATIVE_INFINITY);
		fail(on, 5);
		expect(on.restsAt()).toBe(10_005);
		on.end(on.begin(), undefined, 6);
		expect(on.restsAt()).toBe(Number.NEGATIVE_INFINITY);
	});
});
