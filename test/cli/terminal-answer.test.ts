import { createSwarm, defineAgent, type WaitingApproval } from "dagswarm";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { askAtTerminal, promptText, questionText, readAnswer } from "../../src/cli/terminal-answer.js";

const question = (parts: Partial<WaitingApproval> = {}): WaitingApproval => ({
	run: "r",
	node: "n",
	agent: "a",
	kind: "approval",
	reason: "ship it?",
	since: 0,
	...parts,
});

describe("what is typed", () => {
	const choices = question({ choices: ["now", "2"] });
	const schema = question({ schema: { type: "number" } });
	test.each([
		["1", choices, { type: "approve", data: "now" }],
		["2", choices, { type: "approve", data: "2" }],
		["too early", choices, { type: "unclear", why: "there is no choice too early: type a number, or no and why not" }],
		["no, too early", choices, { type: "reject", reason: "too early" }],
		["7", choices, { type: "unclear", why: "there is no choice 7: type a number, or no and why not" }],
		["", choices, { type: "unclear", why: "nothing was typed" }],
		["[1]", schema, { type: "approve", data: [1] }],
		["no", schema, { type: "reject" }],
		["now", schema, { type: "unclear", why: 'that is no JSON: a text is JSON in double quotes, as in "yes"' }],
		["yes", question(), { type: "approve", data: "yes" }],
		["n", question(), { type: "reject" }],
		["nobody", question(), { type: "approve", data: "nobody" }],
	] as const)("%j means what it should", (text, asked, meant) => {
		expect(readAnswer(text, asked)).toEqual(meant);
	});
});

test("a question cannot tell the terminal anything", () => {
	const lines = questionText(
		question({ reason: "a\u001b[2Jb\u0007\nc", data: "x\u001b[2J\u0007\ny", to: "ada", problem: "no" }),
	);
	expect(lines).toEqual([
		"? n asks ada: ab\u{fffd} c",
		"  the answer before was not taken: no",
		"  | x\u{fffd}",
		"  | y",
	]);
	expect(promptText(question({ resume: "crash" }))).toBe("yes or no: ");
});

test("a person is asked again until the answer is taken", async () => {
	const age = defineAgent({
		name: "age",
		run: async (_: undefined, ctx) => (await ctx.requestApproval({ reason: "age?", schema: z.number() })).data,
	});
	const run = createSwarm({ agents: [age] }).start({ nodes: [{ id: "a", agent: "age" }] });
	const shown: string[] = [];
	const answers = ["x", '"old"', "7"];
	for await (const asked of run.approvals()) {
		await askAtTerminal(run, asked, {
			by: "ada",
			show: (lines) => void shown.push(...lines),
			read: async () => answers.shift(),
		});
	}
	expect((await run.result()).outputs).toEqual({ a: 7 });
	expect(shown.filter((line) => !line.startsWith("  |"))).toEqual([
		"? a asks: age?",
		"  the answer has to fit:",
		'  that is no JSON: a text is JSON in double quotes, as in "yes"',
		expect.stringContaining("number"),
	]);
});
