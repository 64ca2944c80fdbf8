import { resolve } from "node:path";
import { type Salvaged, salvageJournal } from "../../journal/sqlite-salvage.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { json } from "../report/json.js";
import type { Shared } from "../world.js";

/** `dagswarm salvage`: what can be read of a damaged file, in a new one. */
export const salvage: Command = (program, world) => {
	program
		.command("salvage")
		.description("Copies the runs that can be read of a damaged store into a new file.")
		.argument("<from>", "the damaged file; it is not changed, and no process may be writing it")
		.argument("<to>", "the new file; it must not be there")
		.option("--prefixes", "copy a damaged run up to the last whole record before the damage")
		.addHelpText("after", "\nExit code: 0 everything was copied, 1 something was not, 2 wrong arguments")
		.action(
			action(world, (shared: Shared, from: string, to: string, options: { readonly prefixes?: boolean }) => {
				const salvaged = salvageJournal(resolve(world.cwd, from), resolve(world.cwd, to), options);
				world.out(shared.json ? json(salvaged, world) : report(salvaged, to));
				const lost = salvaged.incomplete.length + salvaged.damaged.length + salvaged.nameless;
				return lost === 0 ? EXIT.completed : EXIT.failed;
			}),
		);
};

function report({ copied, incomplete, damaged, nameless }: Salvaged, to: string): string {
	const lines = [`${runs(copied.length + incomplete.length)} copied to ${to}`];
	for (const { run, reason } of incomplete) lines.push(`  incomplete: ${run}: ${reason}`);
	if (damaged.length > 0) lines.push(`${runs(damaged.length)} not copied`);
	for (const { run, reason } of damaged) lines.push(`  damaged: ${run}: ${reason}`);
	if (nameless > 0) lines.push(`${runs(nameless)} not copied and not named: their list is damaged`);
	return lines.join("\n");
}

function runs(count: number): string {
	return count === 1 ? "1 run" : `${count} runs`;
}
