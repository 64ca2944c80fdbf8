import { SwarmError } from "../../core/errors.js";
import type { RunId } from "../../core/ids.js";
import type { Journal } from "../../journal/journal.js";
import type { VersionPolicy } from "../../recovery.js";
import { optionsOf } from "../../run-settings.js";
import { loadState } from "../../stored-run.js";
import { action, type Command, tellError, withoutHint } from "../action.js";
import { EXIT } from "../exit-code.js";
import { type OpenStore, withStore } from "../open-store.js";
import { durationOption, wordsOption } from "../option-values.js";
import { loadProject, swarmOf } from "../project.js";
import { projectOf } from "../project-of-run.js";
import { checkStore, findRunId } from "../read-store.js";
import { DEFAULT_GRACE_MS, stay } from "../stay.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly all?: boolean;
	readonly wait?: boolean;
	readonly grace?: string;
	readonly versions?: string;
}

const VERSIONS = ["fail", "run", "ask"] as const satisfies readonly VersionPolicy[];

/** `dagswarm resume`: goes on with a run that no process has any more. */
export const resume: Command = (program, world) => {
	program
		.command("resume")
		.description("Goes on with a run that no process has any more: what is done stays done.")
		.argument("[run]", "its id or a beginning of it; by default the last one that has not ended")
		.argument("[file]", "its module, where that is another file now")
		.option("--all", "every run that has not ended, one after the other")
		.option("--wait", "stays although nobody sits here who answers its questions")
		.option("--grace <time>", "how long agents may take to return after Ctrl-C (default: 10s)")
		.option("--versions <policy>", "where an agent has another major version: fail, run, or ask", "fail")
		.action(
			action(world, (shared: Shared, text: string | undefined, file: string | undefined, options: Options) => {
				checkStore(shared.store);
				const [onVersionMismatch = "fail"] = wordsOption(options.versions, "--versions", VERSIONS) ?? [];
				const grace = durationOption(options.grace, "--grace") ?? DEFAULT_GRACE_MS;
				const how = { file, wait: options.wait === true, grace, onVersionMismatch };
				return withStore(shared, async (store) => {
					if (options.all !== true) return resumeIt(await wanted(store.journal, text), how, store, shared, world);
					if (text !== undefined)
						throw new SwarmError("INVALID_OPTION", "--all takes no run", { hint: "leave one of them out" });
					return resumeAll(how, store, shared, world);
				});
			}),
		);
};

interface How {
	readonly file: string | undefined;
	readonly wait: boolean;
	readonly grace: number;
	readonly onVersionMismatch: VersionPolicy;
}

async function wanted(journal: Journal, text: string | undefined): Promise<RunId> {
	if (text !== undefined) return findRunId(journal, text);
	const [last] = await journal.runs({ ended: false, limit: 1 });
	if (last !== undefined) return last.run;
	throw new SwarmError("UNKNOWN_RUN", "every run of this store has ended", { hint: "`dagswarm ls` shows them" });
}

async function resumeIt(run: RunId, how: How, store: OpenStore, shared: Shared, world: World): Promise<number> {
	const project = await loadProject(
		how.file ?? (await projectOf(store.journal, run, `name it: dagswarm resume ${run} FILE`)),
		world.cwd,
	);
	const swarm = swarmOf(project, store.journal);
	const recovered = await swarm.recover(run, { onVersionMismatch: how.onVersionMismatch }).catch((error: unknown) => {
		throw SwarmError.is(error) && error.code === "RUN_BUSY" ? busy(error, run) : error;
	});
	const snapshot = recovered.snapshot();
	const events = recovered.events({ from: snapshot.seq + 1 });
	return stay({ run: recovered, events, snapshot, swarm, wait: how.wait, grace: how.grace }, store, shared, world);
}

/** One after the other: the first that does not complete says the exit code. */
async function resumeAll(how: How, store: OpenStore, shared: Shared, world: World): Promise<number> {
	const open = (await store.journal.runs({ ended: false })).toReversed();
	if (open.length === 0) world.error("Every run of this store has ended.");
	let code: number = EXIT.completed;
	for (const { run } of open) {
		if (world.signal.aborted) return EXIT.interrupted;
		// Runs that were called go on with those that called them.
		const { parent } = optionsOf((await loadState(store.journal, run)).settings);
		if (parent !== undefined) continue;
		const ended = await resumeIt(run, how, store, shared, world).catch((error: unknown) => {
			// The others can go on all the same.
			if (!SwarmError.is(error)) throw error;
			return tellError(error, world, { json: shared.json, debug: false });
		});
		if (code === EXIT.completed) code = ended;
	}
	return code;
}

/** Another process has it: nothing has to be done for it to go on. */
function busy({ message, hint }: SwarmError, run: RunId): SwarmError {
	return new SwarmError("RUN_BUSY", withoutHint(message, hint), {
		hint: `it goes on there: look with \`dagswarm watch ${run}\`; it can be answered and cancelled from here`,
	});
}
