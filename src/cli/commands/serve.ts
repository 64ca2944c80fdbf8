import { Option } from "commander";
import { SwarmError } from "../../core/errors.js";
import type { HttpOptions } from "../../triggers/http-options.js";
import { action, type Command } from "../action.js";
import { withStore } from "../open-store.js";
import { durationOption, wholeOption } from "../option-values.js";
import { loadProject } from "../project.js";
import { readText } from "../read-text.js";
import { serve as serveProject } from "../serving.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly lease?: string;
	readonly grace?: string;
	readonly recover: "all" | "own";
	readonly port?: string;
	readonly host?: string;
	readonly tokenFile?: string;
	readonly quiet?: boolean;
}

const DEFAULT_GRACE_MS = 10_000;

/** `dagswarm serve`: starts what the triggers of a project say, until it is stopped. */
export const serve: Command = (program, world) => {
	program
		.command("serve")
		.description("Runs the service of a project: starts what is due and what is handed in, until it is stopped.")
		.argument("<file>", "a module, also in TypeScript, that exports `agents`, and what it has of `triggers`")
		.option("--lease <time>", "how long the process that leads may be silent before another one leads (default: 10s)")
		.option("--grace <time>", "how long what runs may take to end when it is stopped (default: 10s)")
		.addOption(
			new Option("--recover <what>", "brings back at the start: all runs that have not ended, or the service's own")
				.choices(["all", "own"])
				.default("all"),
		)
		.option("--port <n>", "listens for health, metrics, webhooks and events; 0 is any that is free (default: off)")
		.option("--host <host>", "where it listens (default: 127.0.0.1); any other needs a token")
		.option("--token-file <file>", "the file with the token that requests bear")
		.option("-q, --quiet", "only says what is odd")
		.addHelpText(
			"after",
			"\nCtrl-C or SIGTERM: nothing starts any more, what runs may end within the grace, then it exits with 0.\nA second one: what runs is told to stop at once, and it exits with 130. Nothing is lost either way.",
		)
		.action(
			action(world, async (shared: Shared, file: string, options: Options) => {
				const serving = {
					lease: durationOption(options.lease, "--lease"),
					grace: durationOption(options.grace, "--grace") ?? DEFAULT_GRACE_MS,
					recover: options.recover,
					http: httpOf(options, world),
					quiet: options.quiet === true,
				};
				const project = await loadProject(file, world.cwd);
				return withStore(shared, (store) => serveProject(project, store, serving, shared, world));
			}),
		);
};

function httpOf({ port: text, host, tokenFile }: Options, world: World): HttpOptions | undefined {
	const port = wholeOption(text, "--port");
	if (port === undefined) {
		if (host === undefined && tokenFile === undefined) return undefined;
		throw new SwarmError("INVALID_OPTION", "--host and --token-file say nothing without --port", {
			hint: "--port 0 takes any that is free",
		});
	}
	const token = tokenFile === undefined ? undefined : readText(tokenFile, "--token-file", world).trim();
	return { port, ...(host !== undefined && { host }), ...(token !== undefined && { token }) };
}
