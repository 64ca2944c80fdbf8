import { action, type Command } from "../action.js";
import { cancelOccurrence } from "../cancel-occurrence.js";
import { EXIT } from "../exit-code.js";
import { json } from "../report/json.js";
import { occurrenceJson } from "../report/occurrence-list.js";
import { oneLine } from "../report/one-line.js";
import { tellAction } from "../tell-action.js";
import type { Shared } from "../world.js";

/** `dagswarm cancel`: ends a run, or what a service has started or is to start. */
export const cancel: Command = (program, world) => {
	program
		.command("cancel")
		.description(
			"Ends a run or an occurrence, whichever process has it: what runs is aborted, nothing starts any more.",
		)
		.argument("<run>", "its id or a beginning of it, @last, or the key of an occurrence")
		.option("--reason <text>", "why, for those who look at it later")
		.action(
			action(world, async (shared: Shared, text: string, { reason }: { readonly reason?: string }) => {
				const occurrence = await cancelOccurrence(text, reason ?? "cancelled", shared, world);
				if (occurrence !== undefined) {
					const { key } = occurrence;
					if (shared.json) world.out(json({ done: "cancel", occurrence: occurrenceJson(occurrence) }, world));
					else world.out(`${oneLine(key)} is cancelled`);
					return EXIT.completed;
				}
				return tellAction(
					{
						run: text,
						command: async (_, run) => ({
							run,
							command: { type: "cancel", ...(reason !== undefined && { reason }) },
						}),
					},
					shared,
					world,
				);
			}),
		);
};
