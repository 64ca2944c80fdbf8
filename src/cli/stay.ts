import { resolve } from "node:path";
import type { RunEvent, Snapshot } from "../graph/types.js";
import type { RunHandle } from "../run.js";
import type { Swarm } from "../swarm.js";
import { DEFAULT_STORE } from "./action.js";
import { attend } from "./attend.js";
import { RunProgress } from "./live/run-progress.js";
import { viewerOf } from "./live/viewer.js";
import type { OpenStore } from "./open-store.js";
import { type CommandLine, type EndReport, endDocument, endText, exitCodeAfter } from "./report/end-report.js";
import { jsonLine } from "./report/json.js";
import { shellLine } from "./report/one-line.js";
import { painter } from "./report/paint.js";
import type { Shared, World } from "./world.js";

/** A run that a command has, from where its events are read. */
export interface Stay {
	readonly run: RunHandle;
	readonly events: AsyncIterable<RunEvent>;
	/** Where the events begin; undefined at the run's own beginning. */
	readonly snapshot?: Snapshot;
	readonly swarm: Swarm;
	readonly wait: boolean;
	/** How long functions may take to return after the first Ctrl-C; milliseconds. */
	readonly grace: number;
}

/** What `--grace` is where nobody says. */
export const DEFAULT_GRACE_MS = 10_000;

/**
 * Stays with a run, and reports on it.
 *
 * @returns the exit code
 */
export async function stay(
	{ run, events, snapshot, swarm, wait, grace }: Stay,
	store: OpenStore,
	shared: Shared,
	world: World,
): Promise<number> {
	const viewer = viewerOf(new RunProgress(run.id, snapshot), shared, world);
	const line = commandLine(shared, world);
	const asks = world.questions !== undefined && !shared.json;
	const stop = await store.answer(swarm);
	try {
		const attended = await attend(
			run,
			events,
			swarm,
			{
				viewer,
				asks,
				wait,
				resume: line("resume", run.id),
				grace,
			},
			world,
		);
		if (attended.type === "ended") await delivered(run, world.signal);
		tellEnd({ run: run.id, attended, line }, shared, world);
		return exitCodeAfter(attended);
	} finally {
		stop();
	}
}

/** Waits until what the run came to was handed on, where the project hands it on, or somebody has had enough. */
async function delivered(run: RunHandle, signal: AbortSignal): Promise<void> {
	const enough = Promise.withResolvers<void>();
	const stop = (): void => enough.resolve();
	signal.addEventListener("abort", stop);
	if (signal.aborted) stop();
	await Promise.race([run.delivered(), enough.promise]);
	signal.removeEventListener("abort", stop);
}

/** Says what a run has come to. */
export function tellEnd(report: EndReport, { json }: Shared, world: World): void {
	if (json) world.out(jsonLine(endDocument(report)));
	else world.out(endText(report, painter(world), world.isTerminal ? world.columns : undefined).join("\n"));
}

/** Commands as somebody types them here: the store is named where it is not the one that is found by itself. */
export function commandLine({ store }: Shared, { cwd, storeFile }: World): CommandLine {
	const isFound = resolve(cwd, storeFile ?? DEFAULT_STORE) === store;
	return (...words) => shellLine(...words, ...(isFound ? [] : ["--store", store]));
}
