import type { Refusal } from "../core/errors.js";
import type { Command } from "./command.js";
import { refuse, show } from "./spec.js";
import type { Wait, Wake } from "./types.js";

/** What a person is asked. */
type Question = Extract<Wait, { readonly kind: "approval" }>;

/** More than anybody reads: what has so many answers is asked for as text, with a schema. */
const MAX_CHOICES = 100;

/** Whether a question can be put: what it is called, whom it is for, and the answers to choose from. */
export function checkQuestion({ reason, name, to, choices }: Question): Refusal | undefined {
	if (typeof reason !== "string")
		return refuse("INVALID_INPUT", `${show(reason)} is no reason that a person could read`);
	if (name !== undefined && typeof name !== "string")
		return refuse("INVALID_INPUT", `an approval is called ${show(name)}, not by a string`);
	if (to !== undefined && !isText(to))
		return refuse("INVALID_INPUT", `an approval is for ${show(to)}, not for a string with a character in it`);
	return choices === undefined ? undefined : checkChoices(choices);
}

function checkChoices(choices: unknown): Refusal | undefined {
	if (!Array.isArray(choices) || choices.length === 0 || choices.length > MAX_CHOICES)
		return refuse("INVALID_INPUT", `choices are a list of 1 to ${MAX_CHOICES} texts, and not ${show(choices)}`);
	const wrong = choices.findIndex((choice) => !isText(choice));
	if (wrong >= 0) {
		return refuse("INVALID_INPUT", `${show(choices[wrong])} is no choice: use a string with a character in it`, {
			path: `/choices/${wrong}`,
		});
	}
	if (new Set(choices).size < choices.length) return refuse("INVALID_INPUT", "two choices are the same");
	return undefined;
}

function isText(value: unknown): boolean {
	return typeof value === "string" && value !== "";
}

/** Whether an answer is to the question that is there, and not to one before it. */
export function checkAnswer(
	{ node, name, since }: Extract<Command, { type: "answer" }>,
	wait: Question,
	parkedAt: number | undefined,
): Refusal | undefined {
	if (name !== undefined && name !== wait.name) {
		const called = wait.name === undefined ? "has no name" : `is called ${show(wait.name)}`;
		return refuse("ILLEGAL_STATE", `the approval that "${node}" waits for ${called}, and is not ${show(name)}`, {
			nodes: [node],
		});
	}
	if (since !== undefined && since !== parkedAt) {
		return refuse("ILLEGAL_STATE", `what "${node}" waits for is not what it asked at ${show(since)}`, {
			nodes: [node],
			hint: "another question is there by now: read it before you answer",
		});
	}
	return undefined;
}

/** Whether a yes is one of the answers to choose from, where there are such. */
export function checkChoice(node: string, { choices }: Question, how: Wake): Refusal | undefined {
	if (choices === undefined || how.kind !== "approved" || choices.includes(how.data as string)) return undefined;
	return refuse("INVALID_INPUT", `${show(how.data)} is none of the answers to choose from`, {
		nodes: [node],
		hint: `approve with one of these as data: ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`,
	});
}
