import { SwarmError } from "dagswarm";
import { expect, test } from "vitest";
import { FileProblems } from "../../src/triggers/file-problems.js";

function problemsOf() {
	const told: SwarmError[] = [];
	return { told, problems: new FileProblems((problem) => told.push(problem)) };
}

function errorOf(code: string): Error {
	return Object.assign(new Error(`${code}: no`), { code });
}

test("each is told of once, and again when it comes back", () => {
	const { told, problems } = problemsOf();
	for (let i = 0; i < 3; i++) problems.ofPath("/in/a", errorOf("EACCES"));
	expect(told).toMatchObject([
		{ code: "PORT_FAILED", message: expect.stringContaining("/in/a cannot be read: EACCES") },
	]);
	problems.forget("/in/a");
	problems.ofPath("/in/a", errorOf("EACCES"));
	expect(told).toHaveLength(2);
});

test("a folder stands for all that is below it", () => {
	const { told, problems } = problemsOf();
	problems.ofPath("/in", errorOf("EACCES"));
	problems.ofPath("/in/a/b", errorOf("EACCES"));
	problems.ofPath("/into", errorOf("EACCES"));
	expect(told.map(({ message }) => message.split(" ")[0])).toEqual(["/in", "/into"]);
});

test.each([
	["ENOSPC", "max_user_watches"],
	["EMFILE", "ulimit"],
	["EIO", "started again"],
])("what the system cannot do comes with what to do: %s", (code, hint) => {
	const { told, problems } = problemsOf();
	for (let i = 0; i < 100; i++) problems.ofWatching(errorOf(code));
	expect(told).toMatchObject([{ code: "PORT_FAILED", hint: expect.stringContaining(hint) }]);
});

test("a store's own error is passed on as it is, and who is told has no say", () => {
	const full = new SwarmError("JOURNAL_UNAVAILABLE", "the disk is full");
	const { told, problems } = problemsOf();
	problems.ofStore(full);
	problems.ofStore(full);
	problems.stored();
	problems.ofStore(full);
	expect(told).toEqual([full, full]);
	const deaf = new FileProblems(() => {
		throw new Error("not now");
	});
	expect(() => deaf.ofAll("gone")).not.toThrow();
});
