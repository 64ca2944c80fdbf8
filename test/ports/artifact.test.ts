import { type ArtifactValue, artifact, artifactsOf } from "dagswarm";
import { expect, test } from "vitest";
import { findNotPlain } from "../../src/core/plain.js";
import { failure } from "./fixture.js";

test("an artifact is plain data that says what it is", () => {
	const made = artifact({ name: "a", content: new Uint8Array([1]) });
	expect(made).toEqual({ $artifact: "a", contentType: "application/octet-stream", content: new Uint8Array([1]) });
	expect(artifact({ name: "a", content: "" }).contentType).toBe("text/plain; charset=utf-8");
	expect(findNotPlain(made)).toBeUndefined();
});

test.each([
	{ name: "", content: "" },
	{ name: "x".repeat(1_001), content: "" },
	{ name: "\ud800", content: "" },
	{ name: "a", content: "", contentType: "a\r\nb" },
	{ name: "a", content: "", contentType: "" },
	{ name: "a", content: 5 },
	{ name: "a" },
])("%j is none", async (wrong) => {
	expect((await failure(() => artifact(wrong as never)))["code"]).toBe("INVALID_INPUT");
});

test("artifacts are found wherever they are, in the order in which they stand there", () => {
	const one = (name: string): ArtifactValue => artifact({ name, content: name });
	const shared = one("shared");
	const output = {
		a: one("1"),
		list: [[one("2")], null, shared, { b: one("3"), again: shared }],
		bytes: new Uint8Array(9),
	};
	expect(artifactsOf("n", output).map(({ name }) => name)).toEqual(["1", "2", "shared", "3"]);
	expect(artifactsOf("n", one("self"))).toEqual([
		{ node: "n", name: "self", contentType: "text/plain; charset=utf-8", content: "self" },
	]);
	for (const none of [undefined, null, 5, "x", [], {}]) expect(artifactsOf("n", none)).toEqual([]);
});

test("what only looks like one is looked into", () => {
	const inner = artifact({ name: "inner", content: "" });
	const lookalikes = [
		{ $artifact: "a" },
		{ $artifact: "", contentType: "a", content: "" },
		{ $artifact: "a", contentType: "a", content: { inner } },
		Object.create({ $artifact: "a", contentType: "a", content: "" }) as object,
	];
	expect(artifactsOf("n", lookalikes).map(({ name }) => name)).toEqual(["inner"]);
});

test("depth, sharing and cycles cost no more than what is there", () => {
	let deep: unknown = artifact({ name: "deep", content: "" });
	for (let level = 0; level < 100_000; level++) deep = [deep];
	let wide: unknown = artifact({ name: "wide", content: "" });
	for (let level = 0; level < 100; level++) wide = [wide, wide];
	const cycle: unknown[] = [deep, wide];
	cycle.push(cycle);
	expect(artifactsOf("n", cycle).map(({ name }) => name)).toEqual(["deep", "wide"]);
});
