import { afterAll, beforeAll, expect, vi } from "vitest";

const HEARD = ["unhandledRejection", "uncaughtException", "warning"];

// Test files share processes: what one of them leaves behind, another one would meet.
let before: ReturnType<typeof found>;
beforeAll(() => {
	before = found();
});
afterAll(() => {
	expect(found(), "what belongs to the process is as this file has found it").toEqual(before);
});

/** What a test may change of its process, and others depend on. Some packages add globals and hear signals for good. */
function found() {
	const listeners = HEARD.map((event) => [event, process.listenerCount(event)] as const);
	return {
		listeners: Object.fromEntries(listeners),
		environment: { ...process.env },
		folder: process.cwd(),
		exitCode: process.exitCode,
		fakeTimers: vi.isFakeTimers(),
	};
}
