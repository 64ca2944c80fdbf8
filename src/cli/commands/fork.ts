import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SwarmError } from "../../core/errors.js";
import type { Patch } from "../../graph/types.js";
import type { ForkOptions } from "../../swarm-options.js";
import { action, type Command } from "../action.js";
import { withStore } from "../open-store.js";
import { durationOption, jsonOption, wholeOption } from "../option-values.js";
import { loadProject, PROJECT_KEY, swarmOf } from "../project.js";
import { metadataOf, projectOf } from "../project-of-run.js";
import { checkStore, findRunId } from "../read-store.js";
import { DEFAULT_GRACE_MS, stay } from "../stay.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly at?: string;
	readonly reset?: readonly string[];
	readonly edit?: string;
	readonly id?: string;
	readonly wait?: boolean;
	readonly grace?: string;
}

/** `dagswarm fork`: a new run from any point of an old one. */
export const fork: Command = (program, world) => {
	program
		.command("fork")
		.description(
			"Starts a new run from any point of an old one: what had ended, and is not changed, is not done again.",
		)
		.argument("<run>", "the id of the old one or a beginning of it, or @last")
		.argument("[file]", "its module, where that is another file now")
		.option("--at <seq>", "the last event of the old run that counts; by default all do")
		.option("--reset <node>", "a node that runs again as it is; may be given several times", collect)
		.option("--edit <json>", "mutations of the graph before anything runs; @FILE reads them from a file")
		.option("--id <run>", "the new run's id")
		.option("--wait", "stays although nobody sits here who answers its questions")
		.option("--grace <time>", "how long agents may take to return after Ctrl-C (default: 10s)")
		.action(
			action(world, (shared: Shared, text: string, file: string | undefined, options: Options) => {
				checkStore(shared.store);
				const changes = changesOf(options, world);
				const grace = durationOption(options.grace, "--grace") ?? DEFAULT_GRACE_MS;
				return withStore(shared, async (store) => {
					const from = await findRunId(store.journal, text);
					const project = await loadProject(
						file ?? (await projectOf(store.journal, from, "name it behind the run")),
						world.cwd,
					);
					const swarm = swarmOf(project, store.journal);
					const metadata = { ...(await metadataOf(store.journal, from)), [PROJECT_KEY]: project.file };
					const run = await swarm.fork(from, { ...changes, metadata });
					const snapshot = run.snapshot();
					const events = run.events({ from: snapshot.seq + 1 });
					return stay({ run, events, snapshot, swarm, wait: options.wait === true, grace }, store, shared, world);
				});
			}),
		);
};

function changesOf({ at, reset, edit, id }: Options, world: World): ForkOptions {
	const atSeq = wholeOption(at, "--at", 1);
	const patch = patchOf(edit, world);
	return {
		...(atSeq !== undefined && { atSeq }),
		...(reset !== undefined && { reset }),
		...(patch !== undefined && { edit: patch }),
		...(id !== undefined && { runId: id }),
	};
}

/** Mutations that somebody has typed or written into a file: a list, or a single one. */
function patchOf(text: string | undefined, { cwd }: World): Patch | undefined {
	const json = text?.startsWith("@") === true ? contentOf(resolve(cwd, text.slice(1))) : text;
	const patch = jsonOption(json, "--edit");
	if (patch === undefined) return undefined;
	// What they are is looked at by the swarm, which knows them.
	return (Array.isArray(patch) ? patch : [patch]) as Patch;
}

function contentOf(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new SwarmError("INVALID_OPTION", `--edit: ${file} cannot be read: ${why}`);
	}
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
	return [...before, value];
}
