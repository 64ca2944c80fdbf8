import { SwarmError } from "../../core/errors.js";
import { action, type Command } from "../action.js";
import { jsonOption } from "../option-values.js";
import { tellAction } from "../tell-action.js";
import type { Shared } from "../world.js";

interface SignalOptions {
	readonly payload?: string;
	readonly node?: string;
	readonly file?: string;
}

/** `dagswarm signal`: tells a run that something has happened. */
export const signal: Command = (program, world) => {
	program
		.command("signal")
		.description("Sends a run a signal: it wakes the node that has waited longest for it, or is kept for the next one.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.argument("<name>", "the signal's name")
		.option("--payload <json>", "what comes with it")
		.option("--node <id>", "for this node only")
		.option("--file <module>", "the run's module, where nobody has the run and it is another file now")
		.action(
			action(world, (shared: Shared, text: string, name: string, { payload, node, file }: SignalOptions) => {
				const content = jsonOption(payload, "--payload");
				const about = { ...(content !== undefined && { payload: content }), ...(node !== undefined && { node }) };
				const command = { type: "signal", name, ...about } as const;
				return tellAction({ run: text, file, command: async (_, run) => ({ run, command }) }, shared, world);
			}),
		);
};

interface SteerOptions {
	readonly data?: string;
	readonly file?: string;
}

/** `dagswarm steer`: sends a message to the agent of a node. */
export const steer: Command = (program, world) => {
	program
		.command("steer")
		.description("Sends a message to the agent of a node that has not ended.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.argument("<node>", "the node's id")
		.argument("[message]", "a text")
		.option("--data <json>", "the message, where it is more than a text")
		.option("--file <module>", "the run's module, where nobody has the run and it is another file now")
		.action(
			action(
				world,
				(shared: Shared, text: string, node: string, message: string | undefined, { data, file }: SteerOptions) => {
					if ((message === undefined) === (data === undefined)) {
						throw new SwarmError("INVALID_OPTION", "there is no message, or there are two", {
							hint: "write a text behind the node, or JSON behind --data",
						});
					}
					const content = message ?? jsonOption(data, "--data");
					const command = { type: "steer", node, message: content } as const;
					return tellAction({ run: text, file, command: async (_, run) => ({ run, command }) }, shared, world);
				},
			),
		);
};
