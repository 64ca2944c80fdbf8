import { action, type Command } from "../action.js";
import { tellAction } from "../tell-action.js";
import type { Shared } from "../world.js";

/** `dagswarm cancel`: ends a run. */
export const cancel: Command = (program, world) => {
	program
		.command("cancel")
		.description("Ends a run, whichever process has it: what runs is aborted, nothing starts any more.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.option("--reason <text>", "why, for those who look at it later")
		.action(
			action(world, (shared: Shared, text: string, { reason }: { readonly reason?: string }) =>
				tellAction(
					{
						run: text,
						command: async (_, run) => ({
							run,
							command: { type: "cancel", ...(reason !== undefined && { reason }) },
						}),
					},
					shared,
					world,
				),
			),
		);
};
