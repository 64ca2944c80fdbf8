import { VirtualClock } from "dagswarm";
import { expect, test } from "vitest";
import { Painter } from "../../../src/cli/live/painter.js";

function painted() {
	const clock = new VirtualClock();
	const written: string[] = [];
	const screen = { isTTY: true, columns: 40, rows: 10, write: (text: string) => void written.push(text) };
	let pictures = 0;
	const painter = new Painter(screen, clock, () => [`picture ${++pictures}`]);
	return { clock, painter, text: () => written.join(""), pictures: () => pictures };
}

test("ten pictures a second at most, however much happens, and the last change is among them", async () => {
	const { clock, painter, pictures } = painted();
	for (let i = 0; i < 10_000; i++) painter.touch();
	expect(pictures()).toBe(1);
	await clock.advance(100);
	expect(pictures()).toBe(2);
	await clock.advance(99);
	for (let i = 0; i < 10_000; i++) painter.touch();
	expect(pictures()).toBe(2);
	await clock.advance(1);
	expect(pictures()).toBe(3);
});

test("times go on by the second where nothing happens", async () => {
	const { clock, painter, pictures } = painted();
	painter.touch();
	await clock.advance(3_000);
	expect(pictures()).toBe(4);
	painter.end();
	await clock.advance(3_000);
	expect(pictures()).toBe(4);
});

test("nothing is painted while somebody types, nor after the end", async () => {
	const { clock, painter, pictures, text } = painted();
	painter.touch();
	await painter.hold(async () => {
		painter.touch();
		await clock.advance(5_000);
		expect(pictures()).toBe(1);
	});
	expect(pictures()).toBe(2);
	painter.say("a line that stays");
	expect(text()).toContain("a line that stays\n");
	painter.end();
	painter.touch();
	await clock.advance(5_000);
	expect(pictures()).toBe(3);
});
