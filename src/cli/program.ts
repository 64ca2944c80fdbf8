import { Command as Commander, CommanderError } from "commander";
import { type Command, exitCode, tellError } from "./action.js";
import { approve, reject } from "./commands/answer.js";
import { audit } from "./commands/audit.js";
import { cancel } from "./commands/cancel.js";
import { completion } from "./commands/completion.js";
import { diff } from "./commands/diff.js";
import { doctor } from "./commands/doctor.js";
import { emit } from "./commands/emit.js";
import { explain } from "./commands/explain.js";
import { fork } from "./commands/fork.js";
import { graph } from "./commands/graph.js";
import { init } from "./commands/init.js";
import { logs } from "./commands/logs.js";
import { ls } from "./commands/ls.js";
import { occurrences } from "./commands/occurrences.js";
import { prune } from "./commands/prune.js";
import { resume } from "./commands/resume.js";
import { run } from "./commands/run.js";
import { salvage } from "./commands/salvage.js";
import { serve } from "./commands/serve.js";
import { show } from "./commands/show.js";
import { signal, steer } from "./commands/signal.js";
import { submit } from "./commands/submit.js";
import { trigger } from "./commands/trigger.js";
import { watch } from "./commands/watch.js";
import { EXIT } from "./exit-code.js";
import { packageFacts } from "./package-facts.js";
import type { World } from "./world.js";

/** The subcommands, under the heading that the help has them. */
const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
	"Run:": [run, resume, watch, fork],
	"Service:": [serve, trigger, submit, emit, occurrences],
	"Look:": [ls, show, explain, logs, graph, diff],
	"Act:": [approve, reject, signal, steer, cancel],
	"Store:": [prune, audit, salvage],
	"Set up:": [init, doctor, completion],
};

const EXIT_CODES = `
Exit codes:
  0 completed   1 failed      2 wrong use   3 stalled   4 cancelled
  5 budget      6 timed out   7 waiting     130 interrupted`;

/** The whole command line, as commander knows it. */
export function programOf(world: World): Commander {
	const program = new Commander("dagswarm")
		.description("Runs graphs of agents that change while they run.")
		.version(packageFacts().version, "-V, --version", "says which version this is")
		.option("--store <file>", "the file that runs are kept in (default: DAGSWARM_STORE, or dagswarm.db)")
		.option("--json", "JSON in place of text")
		.option("--debug", "with errors, say where in the code they come from")
		.configureHelp({ showGlobalOptions: true })
		.configureOutput({
			writeOut: (text) => world.out(withoutNewline(text)),
			writeErr: (text) => world.error(withoutNewline(text)),
			getOutHelpWidth: () => world.columns,
			getErrHelpWidth: () => world.columns,
			getOutHasColors: () => world.colours,
			getErrHasColors: () => world.errorColours,
		})
		.showHelpAfterError("(--help says how it is used)")
		.addHelpText("after", EXIT_CODES)
		.exitOverride();
	for (const [heading, commands] of Object.entries(COMMANDS)) {
		program.commandsGroup(heading);
		for (const register of commands) register(program, world);
	}
	return program;
}

/**
 * Does what the command line says.
 *
 * @param args - what follows the name of the program
 * @returns the exit code
 */
export async function command(args: readonly string[], world: World): Promise<number> {
	const program = programOf(world);
	try {
		await program.parseAsync(args, { from: "user" });
		return exitCode(program) ?? EXIT.completed;
	} catch (error) {
		// Commander has said what is wrong, or was asked for help.
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.completed : EXIT.usage;
		return tellError(error, world, { json: args.includes("--json"), debug: args.includes("--debug") });
	}
}

function withoutNewline(text: string): string {
	return text.endsWith("\n") ? text.slice(0, -1) : text;
}
