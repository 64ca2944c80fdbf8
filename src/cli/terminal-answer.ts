import { stripVTControlCharacters } from "node:util";
import { SwarmError } from "../core/errors.js";
import type { RunHandle } from "../run.js";
import type { WaitingApproval } from "../waiting-list.js";
import { bytesAsText } from "./report/json.js";
import { CONTROLS, oneLine } from "./report/one-line.js";

/** What was typed means this. */
export type Typed =
	| { readonly type: "approve"; readonly data?: unknown }
	| { readonly type: "reject"; readonly reason?: string }
	/** It means nothing: what to type. */
	| { readonly type: "unclear"; readonly why: string };

/** What is shown before somebody answers. */
export function questionText(question: WaitingApproval): string[] {
	const { node, reason, to, data, choices, schema, problem } = question;
	const lines = [`? ${oneLine(node)} asks${to === undefined ? "" : ` ${oneLine(to)}`}: ${oneLine(reason, 400)}`];
	if (problem !== undefined) lines.push(`  the answer before was not taken: ${oneLine(problem)}`);
	if (data !== undefined) lines.push(...blockText(data));
	if (schema !== undefined) lines.push("  the answer has to fit:", ...blockText(schema));
	for (const [i, choice] of (choices ?? []).entries()) lines.push(`  ${i + 1}  ${oneLine(choice)}`);
	return lines;
}

/** What to type, for the prompt. */
export function promptText({ choices, schema, resume }: WaitingApproval): string {
	if (choices !== undefined) return `${choices.length === 1 ? "1" : `1 to ${choices.length}`}, or no and why not: `;
	if (schema !== undefined) return "JSON, or no and why not: ";
	if (resume !== undefined) return "yes or no: ";
	return "yes or an answer, or no and why not: ";
}

/** What somebody means who has typed something. */
export function readAnswer(typed: string, { choices, schema }: WaitingApproval): Typed {
	const text = typed.trim();
	if (text === "") return { type: "unclear", why: "nothing was typed" };
	if (choices !== undefined) {
		const choice = choices.find((each) => each === text) ?? choices[Number(text) - 1];
		if (choice !== undefined) return { type: "approve", data: choice };
		if (/^(n|no)\b/i.test(text)) return rejection(text);
		return { type: "unclear", why: `there is no choice ${oneLine(text)}: type a number, or no and why not` };
	}
	if (/^(n|no)\b/i.test(text)) return rejection(text);
	if (schema === undefined) return { type: "approve", data: text };
	try {
		return { type: "approve", data: JSON.parse(text) };
	} catch {
		return { type: "unclear", why: 'that is no JSON: a text is JSON in double quotes, as in "yes"' };
	}
}

/** Without a bare no in front. */
function rejection(text: string): Typed {
	const reason = text.replace(/^(n|no)\b[\s,.:;-]*/i, "");
	return reason === "" ? { type: "reject" } : { type: "reject", reason };
}

/** How a person is asked: a line to read, lines to show. */
export interface Desk {
	readonly by: string;
	show(lines: readonly string[]): void;
	/** @returns undefined when nobody answers any more */
	read(prompt: string): Promise<string | undefined>;
}

/**
 * Puts a question before the person at the terminal until there is an answer that the run takes, or nobody wants one any
 * more.
 */
export async function askAtTerminal(run: RunHandle, question: WaitingApproval, desk: Desk): Promise<void> {
	desk.show(questionText(question));
	for (;;) {
		const typed = await desk.read(promptText(question));
		if (typed === undefined) return;
		const meant = readAnswer(typed, question);
		if (meant.type === "unclear") {
			desk.show([`  ${meant.why}`]);
			continue;
		}
		try {
			return await answer(run, question, meant, desk.by);
		} catch (error) {
			if (!SwarmError.is(error)) throw error;
			desk.show([`  ${error.message}`]);
			// Somebody else has answered, its time is over, or the run is.
			if (error.code !== "INVALID_INPUT") return;
		}
	}
}

async function answer(
	run: RunHandle,
	{ node, name, since }: WaitingApproval,
	meant: Exclude<Typed, { type: "unclear" }>,
	by: string,
): Promise<void> {
	const to = { by, since, ...(name !== undefined && { name }) };
	if (meant.type === "approve") {
		return run.approve(node, { ...to, ...(meant.data !== undefined && { data: meant.data }) });
	}
	return run.reject(node, { ...to, ...(meant.reason !== undefined && { reason: meant.reason }) });
}

const MOST_LINES = 40;

/** A value for people to look at, below a question. */
function blockText(value: unknown): string[] {
	const text = typeof value === "string" ? value : (JSON.stringify(value, bytesAsText, 2) ?? "");
	const lines = stripVTControlCharacters(text)
		.split("\n")
		.map((line) => `  | ${line.slice(0, 400).replace(CONTROLS, "\u{fffd}")}`);
	if (lines.length <= MOST_LINES) return lines;
	return [...lines.slice(0, MOST_LINES), `  | … ${lines.length - MOST_LINES} more lines`];
}
