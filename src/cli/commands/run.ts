import { SwarmError } from "../../core/errors.js";
import type { RunPlan } from "../../run-plan.js";
import type { StartOptions } from "../../swarm-options.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { withStore } from "../open-store.js";
import { durationOption, wholeOption } from "../option-values.js";
import { type LoadedProject, loadProject, PROJECT_KEY, swarmOf } from "../project.js";
import { jsonInput } from "../read-text.js";
import { json } from "../report/json.js";
import { painter } from "../report/paint.js";
import { planText } from "../report/plan-report.js";
import { DEFAULT_GRACE_MS, stay } from "../stay.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly input?: string;
	readonly id?: string;
	readonly deadline?: string;
	readonly concurrency?: string;
	readonly dryRun?: boolean;
	readonly wait?: boolean;
	readonly grace?: string;
	readonly set?: readonly string[];
}

/** `dagswarm run`: starts what a module says, and stays with it. */
export const run: Command = (program, world) => {
	program
		.command("run")
		.description("Runs the graph of a module, and stays with it until it has ended or waits for somebody.")
		.argument("<file>", "a module, also in TypeScript, that exports `graph` or `plan`, and `agents`")
		.option("--input <json>", "what the graph is made of; @FILE reads it from a file")
		.option("--id <run>", "the run's id: a second start with it is refused")
		.option("--deadline <time>", "ends it after so long, such as 5m")
		.option("--concurrency <n>", "attempts at a time")
		.option("--set <key=value>", "metadata of the run; may be given several times", collect)
		.option("--wait", "stays although nobody sits here who answers its questions")
		.option("--grace <time>", "how long agents may take to return after Ctrl-C (default: 10s)")
		.option("--dry-run", "only says what would run")
		.action(
			action(world, async (shared: Shared, file: string, options: Options) => {
				const concurrency = wholeOption(options.concurrency, "--concurrency", 1);
				const grace = durationOption(options.grace, "--grace") ?? DEFAULT_GRACE_MS;
				const input = jsonInput(options.input, "--input", world);
				const start = startOptions(options);
				const project = await loadProject(file, world.cwd);
				const more = concurrency === undefined ? {} : { concurrency };
				if (options.dryRun === true) return dryRun(project, { input, start, more }, shared, world);
				return withStore(shared, async (store) => {
					const swarm = swarmOf(project, store.journal, more);
					const graph = await project.graphOf(input);
					const metadata = { ...start.metadata, [PROJECT_KEY]: project.file };
					const started = swarm.start(graph, { ...start, metadata });
					return stay(
						{ run: started, events: started.events(), swarm, wait: options.wait === true, grace },
						store,
						shared,
						world,
					);
				});
			}),
		);
};

async function dryRun(
	project: LoadedProject,
	{ input, start, more }: { input: unknown; start: StartOptions; more: { concurrency?: number } },
	shared: Shared,
	world: World,
): Promise<number> {
	const plan: RunPlan = swarmOf(project, undefined, more).plan(await project.graphOf(input), start);
	const width = world.isTerminal ? world.columns : undefined;
	world.out(shared.json ? json(plan, world) : planText(plan, painter(world), width).join("\n"));
	return EXIT.completed;
}

function startOptions({ id, deadline, set = [] }: Options): StartOptions {
	const ms = durationOption(deadline, "--deadline");
	const metadata: Record<string, string> = {};
	for (const pair of set) {
		const at = pair.indexOf("=");
		if (at <= 0) {
			throw new SwarmError("INVALID_OPTION", `--set is ${JSON.stringify(pair)}, no pair`, {
				hint: "write --set key=value",
			});
		}
		metadata[pair.slice(0, at)] = pair.slice(at + 1);
	}
	return {
		...(id !== undefined && { runId: id }),
		...(ms !== undefined && { deadline: ms }),
		metadata,
	};
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
	return [...before, value];
}
