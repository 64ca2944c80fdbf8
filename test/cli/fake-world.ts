import { resolve } from "node:path";
import { countingIds, systemClock, wallClock } from "dagswarm";
import { command } from "../../src/cli/program.js";
import type { World } from "../../src/cli/world.js";

/** What a command has printed. */
export interface Printed {
	out: string;
	error: string;
}

/** A world without a process, which keeps what is printed. */
export function fakeWorld(changes: Partial<World> = {}): { readonly world: World; readonly printed: Printed } {
	const printed: Printed = { out: "", error: "" };
	const never = new AbortController().signal;
	const world: World = {
		out: (text) => {
			printed.out += `${text}\n`;
		},
		error: (text) => {
			printed.error += `${text}\n`;
		},
		screen: undefined,
		isTerminal: false,
		columns: 80,
		colours: false,
		errorColours: false,
		cwd: resolve("."),
		storeFile: undefined,
		signal: never,
		abort: never,
		questions: undefined,
		user: "ada",
		node: { version: process.version, typescript: true },
		clock: systemClock,
		wall: changes.clock ?? wallClock,
		ids: countingIds(),
		...changes,
	};
	return { world, printed };
}

/** Runs a command line in a world of its own. */
export async function dagswarm(
	args: readonly string[],
	changes: Partial<World> = {},
): Promise<Printed & { readonly code: number }> {
	const { world, printed } = fakeWorld(changes);
	const code = await command(args, world);
	return { code, ...printed };
}
