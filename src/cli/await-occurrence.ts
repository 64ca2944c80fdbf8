import { readRun } from "../run-reader.js";
import { type Occurrence, runOf } from "../triggers/occurrence.js";
import type { Put } from "../triggers/occurrence-book.js";
import { EXIT, exitCodeOfOccurrence } from "./exit-code.js";
import { endText } from "./report/end-report.js";
import { json } from "./report/json.js";
import { occurrenceJson } from "./report/occurrence-list.js";
import { oneLine } from "./report/one-line.js";
import { lookOf, painter } from "./report/paint.js";
import { commandLine } from "./stay.js";
import { type Books, leaderOf, tellWhereNobodyLeads } from "./use-books.js";
import type { Shared, World } from "./world.js";

/**
 * Says what was put into the store, and waits until it has ended where that is wanted.
 *
 * @returns the exit code: that of the occurrence where it is waited for
 */
export async function tellPut(put: Put, wait: boolean, books: Books, shared: Shared, world: World): Promise<number> {
	await tellWhereNobodyLeads(books, shared, world);
	if (!wait) {
		if (shared.json) world.out(json({ ...put, leader: (await leaderOf(books, world)) ?? null }, world));
		else world.out(put.isNew ? `${put.key} is to start` : `${put.key} was there already: nothing starts`);
		return EXIT.completed;
	}
	let ended: Occurrence;
	try {
		ended = await books.occurrences.ended(put.key, world.signal);
	} catch (error) {
		if (!world.signal.aborted) throw error;
		world.error(`Not waited for any more: \`${commandLine(shared, world)("show", put.key)}\` says how it stands.`);
		return EXIT.interrupted;
	}
	await tellEnded(ended, put, books, shared, world);
	return exitCodeOfOccurrence(ended);
}

async function tellEnded(
	ended: Occurrence,
	{ isNew }: Put,
	{ store }: Books,
	shared: Shared,
	world: World,
): Promise<void> {
	const { key, state, attempt, reason } = ended;
	const run = runOf(key, attempt);
	// One that was skipped, or could not even begin, has no run.
	const stored = (await store.journal.find(run)) === undefined ? undefined : await readRun(store.journal, run);
	const outcome = stored?.outcome;
	if (shared.json) {
		const { outputs, failures, stats } = outcome ?? {};
		const exitCode = exitCodeOfOccurrence(ended);
		world.out(json({ ...occurrenceJson(ended), isNew, exitCode, outputs, failures, stats }, world));
		return;
	}
	const paint = painter(world);
	if (outcome !== undefined && (state === "completed" || state === "failed")) {
		const report = { run, attended: { type: "ended", outcome }, line: commandLine(shared, world) } as const;
		world.out(endText(report, paint, world.isTerminal ? world.columns : undefined).join("\n"));
		return;
	}
	const { sign, format } = lookOf(state);
	world.out(
		`${paint(format, `${sign} ${state}`)}${reason === undefined ? "" : `: ${oneLine(reason)}`}  ${oneLine(key)}`,
	);
}
