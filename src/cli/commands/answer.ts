import { SwarmError } from "../../core/errors.js";
import type { RunCommand } from "../../triggers/run-requests.js";
import { action, type Command } from "../action.js";
import { onlyQuestion } from "../awaited.js";
import { jsonOption } from "../option-values.js";
import { tellAction } from "../tell-action.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly data?: string;
	readonly answer?: string;
	readonly reason?: string;
	readonly by?: string;
	readonly name?: string;
	readonly file?: string;
}

/** `dagswarm approve`: lets a node go on that waits for a person. */
export const approve: Command = (program, world) => {
	program
		.command("approve")
		.description("Approves what a node waits for, and answers its question.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.argument("[node]", "its id; may be left out where only one waits for approval")
		.option("--answer <text>", "the answer, as it stands here")
		.option("--data <json>", "the answer, where it is more than a text")
		.option("--by <who>", "in whose name (default: who is logged in)")
		.option("--name <name>", "which of the approvals of this node, where it asks for several")
		.option("--file <module>", "the run's module, where nobody has the run and it is another file now")
		.action(
			action(world, (shared: Shared, run: string, node: string | undefined, options: Options) => {
				const { answer, data } = options;
				if (answer !== undefined && data !== undefined) {
					throw new SwarmError("INVALID_OPTION", "--answer and --data are two answers", { hint: "leave one out" });
				}
				const given = answer ?? jsonOption(data, "--data");
				const about = given === undefined ? {} : { data: given };
				return answerIt({ run, node, options }, (to) => ({ type: "approve", ...to, ...about }), shared, world);
			}),
		);
};

/** `dagswarm reject`: tells a node that waits for a person that it may not. */
export const reject: Command = (program, world) => {
	program
		.command("reject")
		.description("Rejects what a node waits for.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.argument("[node]", "its id; may be left out where only one waits for approval")
		.option("--reason <text>", "why")
		.option("--by <who>", "in whose name (default: who is logged in)")
		.option("--name <name>", "which of the approvals of this node, where it asks for several")
		.option("--file <module>", "the run's module, where nobody has the run and it is another file now")
		.action(
			action(world, (shared: Shared, run: string, node: string | undefined, options: Options) => {
				const about = options.reason === undefined ? {} : { reason: options.reason };
				return answerIt({ run, node, options }, (to) => ({ type: "reject", ...to, ...about }), shared, world);
			}),
		);
};

/** Which question is answered, by whom. */
interface Addressee {
	readonly node: string;
	readonly by: string;
	readonly name?: string;
	readonly since?: number;
}

interface Answer {
	readonly run: string;
	readonly node: string | undefined;
	readonly options: Options;
}

function answerIt(
	{ run, node, options: { by = "", name, file } }: Answer,
	commandTo: (to: Addressee) => RunCommand,
	shared: Shared,
	world: World,
): Promise<number> {
	const who = by === "" ? world.user : by;
	return tellAction(
		{
			run,
			file,
			command: async (journal, id) => {
				const named = name === undefined ? {} : { name };
				if (node !== undefined) return { run: id, command: commandTo({ node, by: who, ...named }) };
				// What is meant is the question that was there when it was looked for, and no later one.
				const question = await onlyQuestion(journal, id);
				const { run: asking, node: only, since } = question;
				return { run: asking, command: commandTo({ node: only, by: who, since, ...named }) };
			},
		},
		shared,
		world,
	);
}
