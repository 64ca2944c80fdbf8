import { VirtualClock } from "dagswarm";
import { expect, test } from "vitest";
import { Settling } from "../../src/triggers/settling.js";

function settlingOf(settle: number) {
	const clock = new VirtualClock();
	const calls: number[] = [];
	const settling = new Settling(clock, settle, () => calls.push(clock.now()));
	return { clock, calls, settling };
}

test("the last touch counts, not the first (mistake 29)", () => {
	const { clock, calls, settling } = settlingOf(100);
	settling.touch("a");
	clock.advance(60);
	settling.touch("b");
	settling.touch("a");
	clock.advance(99);
	expect(calls).toEqual([]);
	expect(settling.take(10)).toEqual([]);
	clock.advance(1);
	expect(calls).toEqual([160]);
	expect(settling.take(10)).toEqual(["b", "a"]);
	expect([settling.size, settling.has("a"), clock.pending]).toEqual([0, false, 0]);
});

test("one is due while another goes on being touched", () => {
	const { clock, calls, settling } = settlingOf(100);
	settling.touch("quiet");
	for (let i = 0; i < 3; i++) {
		settling.touch("busy");
		clock.advance(40);
	}
	expect(calls).toEqual([100]);
	expect(settling.take(10)).toEqual(["quiet"]);
	expect(settling.has("busy")).toBe(true);
	clock.advance(100);
	expect(settling.take(10)).toEqual(["busy"]);
});

test("what does not fit is called for again, and nothing once it is cleared", () => {
	const { clock, calls, settling } = settlingOf(10);
	for (const name of ["a", "b", "c"]) settling.touch(name);
	clock.advance(10);
	expect(settling.take(2)).toEqual(["a", "b"]);
	clock.advance(0);
	expect(calls).toEqual([10, 10]);
	expect(settling.take(2)).toEqual(["c"]);
	settling.touch("d");
	settling.clear();
	expect([settling.size, clock.pending]).toEqual([0, 0]);
});
