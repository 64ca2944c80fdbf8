import type { Plain } from "../../core/plain.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { jsonInput } from "../read-text.js";
import { json } from "../report/json.js";
import { leaderOf, tellWhereNobodyLeads, withBooks } from "../use-books.js";
import type { Shared } from "../world.js";

interface Options {
	readonly payload?: string;
	readonly key?: string;
}

/** `dagswarm emit`: says that something has happened. */
export const emit: Command = (program, world) => {
	program
		.command("emit")
		.description("Says that something has happened: triggers that wait for an event of this name start.")
		.argument("<event>", "its name")
		.option("--payload <json>", "what comes with it; @FILE reads it from a file")
		.option("--key <key>", "twice the same key is one event (default: a fresh one)")
		.action(
			action(world, (shared: Shared, event: string, { payload, key }: Options) =>
				withBooks("write", shared, world, async (books) => {
					const content = jsonInput(payload, "--payload", world) as Plain | undefined;
					const started = await books.occurrences.emit(event, {
						...(content !== undefined && { payload: content }),
						...(key !== undefined && { key }),
					});
					if (shared.json) {
						world.out(json({ event, started, leader: (await leaderOf(books, world)) ?? null }, world));
						return EXIT.completed;
					}
					for (const put of started)
						world.out(put.isNew ? `${put.key} is to start` : `${put.key} was there already: nothing starts`);
					if (started.length === 0) world.error(`No trigger waits for the event "${event}": nothing starts.`);
					else await tellWhereNobodyLeads(books, shared, world);
					return EXIT.completed;
				}),
			),
		);
};
