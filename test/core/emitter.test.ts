import { describe, expect, test } from "vitest";
import { Emitter } from "../../src/core/emitter.js";

type Events = { started: { node: string }; ended: string };

function makeEmitter() {
	const reported: [unknown, string][] = [];
	const emitter = new Emitter<Events>((error, event) => reported.push([error, event]));
	return { emitter, reported };
}

describe("Emitter", () => {
	test("hands the payload to every listener of that event, in the order in which they came", () => {
		const { emitter } = makeEmitter();
		const heard: string[] = [];
		emitter.on("started", ({ node }) => heard.push(`first ${node}`));
		emitter.on("started", ({ node }) => heard.push(`second ${node}`));
		emitter.on("ended", () => heard.push("ended"));
		emitter.emit("started", { node: "a" });
		expect(heard).toEqual(["first a", "second a"]);
	});

	test("reports a listener that throws; the others still hear the event and the caller sees nothing", () => {
		const { emitter, reported } = makeEmitter();
		const heard: string[] = [];
		const broken = new Error("broken listener");
		emitter.on("ended", () => heard.push("before"));
		emitter.on("ended", () => {
			throw broken;
		});
		emitter.on("ended", () => heard.push("after"));
		expect(() => emitter.emit("ended", "done")).not.toThrow();
		expect(heard).toEqual(["before", "after"]);
		expect(reported).toEqual([[broken, "ended"]]);
		emitter.emit("ended", "again");
		expect(reported).toHaveLength(2);
	});

	test("reports an async listener that rejects", async () => {
		const { emitter, reported } = makeEmitter();
		const broken = new Error("rejected later");
		emitter.on("ended", async () => {
			throw broken;
		});
		emitter.emit("ended", "done");
		await Promise.resolve();
		expect(reported).toEqual([[broken, "ended"]]);
	});

	test("takes off exactly the registration that is taken back, however often the function was added", () => {
		const { emitter } = makeEmitter();
		let calls = 0;
		const listener = (): void => {
			calls++;
		};
		const offFirst = emitter.on("ended", listener);
		emitter.on("ended", listener);
		expect(emitter.count("ended")).toBe(2);
		offFirst();
		offFirst();
		expect(emitter.count("ended")).toBe(1);
		emitter.emit("ended", "done");
		expect(calls).toBe(1);
	});

	test("lets a listener take itself off, add another or emit while it is called", () => {
		const { emitter } = makeEmitter();
		const heard: string[] = [];
		const off = emitter.on("ended", (how) => {
			heard.push(`once ${how}`);
			off();
			emitter.on("ended", (later) => heard.push(`added ${later}`));
			emitter.emit("started", { node: "nested" });
		});
		emitter.on("started", ({ node }) => heard.push(node));
		emitter.on("ended", (how) => heard.push(`steady ${how}`));
		emitter.emit("ended", "1");
		emitter.emit("ended", "2");
		expect(heard).toEqual(["once 1", "nested", "steady 1", "steady 2", "added 2"]);
	});

	test("hears nothing after clear, and counts listeners by event", () => {
		const { emitter } = makeEmitter();
		let calls = 0;
		emitter.on("ended", () => calls++);
		emitter.on("started", () => calls++);
		expect([emitter.count("started"), emitter.count("ended")]).toEqual([1, 1]);
		emitter.clear();
		emitter.emit("ended", "done");
		emitter.emit("started", { node: "a" });
		expect([emitter.count("started"), emitter.count("ended"), calls]).toEqual([0, 0, 0]);
	});
});
