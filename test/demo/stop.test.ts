import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { stopOnSignals, stoppedCode } from "../../demo/stop.ts";

function listening() {
	const events = new EventEmitter();
	const codes: number[] = [];
	const clock = { now: 1_000 };
	const stop = stopOnSignals(
		events,
		(code) => codes.push(code),
		() => clock.now,
	);
	return { events, codes, clock, stop };
}

test.each([
	["SIGINT", 130],
	["SIGTERM", 143],
])("%s aborts, and stands for the exit code %d", (name, code) => {
	const { events, stop } = listening();
	expect(stop.signal.aborted).toBe(false);
	events.emit(name);
	expect(stop.signal.aborted).toBe(true);
	expect(stoppedCode(stop.signal)).toBe(code);
});

test("one Ctrl-C that comes twice is one; a later one ends the process", () => {
	const { events, codes, clock } = listening();
	events.emit("SIGINT");
	clock.now += 100;
	events.emit("SIGINT");
	expect(codes).toEqual([]);
	clock.now += 1_000;
	events.emit("SIGTERM");
	expect(codes).toEqual([143]);
});

test("a closed one listens no more", () => {
	const { events, stop } = listening();
	stop.close();
	expect(events.eventNames()).toEqual([]);
});
