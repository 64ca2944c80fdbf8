import { resolve } from "node:path";
import type { Command as Commander } from "commander";
import { SwarmError } from "../core/errors.js";
import { EXIT, exitCodeOfError } from "./exit-code.js";
import type { Shared, World } from "./world.js";

/** Registers one subcommand. Its action is wrapped by {@link action}. */
export type Command = (program: Commander, world: World) => void;

/** What the actions of a program came to. */
const exitCodes = new WeakMap<Commander, number>();

/** Where the store is looked for when nobody says. */
export const DEFAULT_STORE = "dagswarm.db";

/** The options of the whole program, as commander has them. */
interface GlobalOptions {
	readonly store?: string;
	readonly json?: boolean;
	readonly debug?: boolean;
}

/**
 * What commander calls for a subcommand: the handler gets the shared options, the operands and the options of its own, and
 * says the exit code. What it throws becomes a message, never a bare stack.
 *
 * @param run - `(shared, ...operands, options)`
 */
export function action<Given extends readonly unknown[]>(
	world: World,
	run: (shared: Shared, ...given: Given) => number | Promise<number>,
): (...given: unknown[]) => Promise<void> {
	return async (...given) => {
		// The last one is the subcommand itself.
		const program = rootOf(given.at(-1) as Commander);
		const options = program.opts<GlobalOptions>();
		const shared = sharedOf(options, world);
		try {
			exitCodes.set(program, await run(shared, ...(given.slice(0, -1) as unknown as Given)));
		} catch (error) {
			exitCodes.set(program, tellError(error, world, { json: shared.json, debug: options.debug === true }));
		}
	};
}

/** What the action of this program came to; undefined when none has run. */
export function exitCode(program: Commander): number | undefined {
	return exitCodes.get(program);
}

/**
 * Says on stderr what was thrown, and what to do about it.
 *
 * @returns the exit code
 */
export function tellError(error: unknown, world: World, { json, debug }: { json: boolean; debug: boolean }): number {
	const known = SwarmError.is(error);
	const message = known
		? withoutHint(error.message, error.hint)
		: error instanceof Error
			? error.message
			: String(error);
	const hint = known ? error.hint : "this is a bug of dagswarm: run it again with --debug for the stack";
	if (json) {
		const nodes = known && error.nodes.length > 0 ? { nodes: error.nodes } : {};
		world.error(JSON.stringify({ error: { code: known ? error.code : "INTERNAL", message, hint, ...nodes } }));
	} else {
		world.error(`${known ? error.code : "error"}: ${message}`);
		if (hint !== undefined) world.error(`  ${hint}`);
	}
	if (debug && error instanceof Error) world.error(String(error.stack));
	return known ? exitCodeOfError(error.code) : EXIT.failed;
}

/** A message without its hint, which has a line of its own. */
export function withoutHint(message: string, hint: string | undefined): string {
	const tail = hint === undefined ? "" : ` (${hint})`;
	return tail !== "" && message.endsWith(tail) ? message.slice(0, -tail.length) : message;
}

function rootOf(command: Commander): Commander {
	let root = command;
	while (root.parent !== null) root = root.parent;
	return root;
}

function sharedOf({ store, json = false }: GlobalOptions, world: World): Shared {
	return { store: resolve(world.cwd, store ?? world.storeFile ?? DEFAULT_STORE), json };
}
