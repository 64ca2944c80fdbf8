import { createInterface } from "node:readline";
import { type RunHandle, SwarmError, type Wait } from "dagswarm";

/** What a person is asked. */
export interface Question {
	readonly node: string;
	readonly reason: string;
	readonly text: string;
	/** The answers to choose from; a yes or no where there are none. */
	readonly choices: readonly string[];
}

/** A choice, or a reason to reject it. */
export type Answer = { readonly choice: string } | { readonly reject: string };

/** Whoever answers. */
export type Answerer = (question: Question) => Promise<Answer>;

/** Answers by itself, and says so. */
export function byItself(say: (line: string) => void): Answerer {
	return async ({ choices: [choice = "yes"] }) => {
		say(`  nobody is asked: answered "${choice}"`);
		return { choice };
	};
}

/** Asks the person at the terminal, who may also stop it all. What they have to decide on is shown first. */
export function atTerminal(
	input: NodeJS.ReadableStream,
	output: NodeJS.WritableStream,
	stop: AbortController,
): Answerer {
	return async ({ text, choices }) => {
		output.write(`${text.replace(/^/gm, "  | ")}\n`);
		const lines = createInterface({ input, output, signal: stop.signal });
		// While a line is read Ctrl-C is a key like any other, and no signal of the process.
		lines.on("SIGINT", () => stop.abort("interrupted"));
		lines.setPrompt(`${choices.map((choice, i) => `${i + 1} ${choice}`).join(", ")}, or why not: `);
		lines.prompt();
		try {
			for await (const line of lines) {
				const answer = readAnswer(line.trim(), choices);
				if (answer !== undefined) return answer;
				lines.prompt();
			}
			return { reject: "nobody was there to answer" };
		} finally {
			// An input that is open keeps the process from its end.
			lines.close();
		}
	};
}

/** A number is a choice, and so is its text; anything else is a reason to reject it. Nothing is no answer. */
export function readAnswer(typed: string, choices: readonly string[]): Answer | undefined {
	if (typed === "") return undefined;
	const choice = choices[Number(typed) - 1] ?? choices.find((each) => each === typed);
	return choice === undefined ? { reject: typed } : { choice };
}

/** Puts what a node waits for before whoever answers; waits for other things than an approval are left alone. */
export async function answerApproval(
	run: RunHandle,
	{ node, wait }: { readonly node: string; readonly wait: Wait },
	{ by, answerer, say }: { readonly by: string; readonly answerer: Answerer; readonly say: (line: string) => void },
): Promise<void> {
	if (wait.kind !== "approval") return;
	say(`? ${node} asks: ${wait.reason}`);
	const { report = "" } = (wait.data ?? {}) as { report?: string };
	const answer = await answerer({ node, reason: wait.reason, text: report, choices: wait.choices ?? ["yes"] });
	try {
		if ("reject" in answer) await run.reject(node, { by, reason: answer.reject });
		else await run.approve(node, { by, data: answer.choice });
	} catch (error) {
		// While somebody thought about it, the time to answer or the run itself may have ended.
		if (!SwarmError.is(error)) throw error;
		say(`! ${error.message}`);
	}
}
