import { VirtualClock } from "dagswarm";
import { expect, test } from "vitest";
import { pause } from "../../src/core/pause.js";

test("is over when its time is, or by the signal, and leaves no timer", async () => {
	const clock = new VirtualClock(5);
	const over = pause(clock, 10);
	expect(clock.nextDue).toBe(15);
	clock.advance(10);
	await over;
	const controller = new AbortController();
	const called = pause(clock, 10, controller.signal);
	controller.abort();
	await called;
	await pause(clock, 10, controller.signal);
	expect(clock.pending).toBe(0);
});
