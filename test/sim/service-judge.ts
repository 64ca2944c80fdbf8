import type { Occurrence, RunSummary, TriggerRecord, TriggerSpec } from "dagswarm";
import type { Execution, ServiceWorld } from "./service-world.js";
import type { Pause } from "./service-writes.js";

/** Everything that can be seen of a service after a simulation, and what is wrong with it. */
export async function judgeService(world: ServiceWorld): Promise<string[]> {
	const records = await world.store.triggers();
	const rows = await world.store.occurrences();
	const runs = await world.store.journal.runs();
	return [
		...world.problems,
		...world.writes.problems,
		...world.errors(),
		...records.flatMap((record) => slotProblems(record, rows, world.writes.pauses)),
		...rows.flatMap((row) => rowProblems(row, runs)),
		...strayRuns(rows, runs),
		...records.flatMap(({ spec }) => overlapProblems(spec, world.executions)),
		...executionProblems(rows, world),
		...[...world.fresh].filter(([, times]) => times > 1).map(([key, times]) => `${key} was new ${times} times`),
	];
}

/** Slot by slot: each of a trigger that nothing stops has one row, and none while it is paused. */
function slotProblems(
	{ spec, createdAt, cursor, over }: TriggerRecord,
	rows: readonly Occurrence[],
	pauses: readonly Pause[],
): string[] {
	const { id, on, endAt, maxRuns } = spec;
	const problems: string[] = [];
	const own = rows.filter(({ trigger }) => trigger === id);
	const started = own.filter(({ attempt }) => attempt > 0).length;
	if (maxRuns !== undefined && started > maxRuns) problems.push(`${id} has started ${started} of ${maxRuns}`);
	if (cursor.started !== started) problems.push(`${id} counts ${cursor.started} starts, and there are ${started}`);
	if (on.kind !== "every" || on.mode === "delay" || typeof on.every !== "number") return problems;
	const keys = new Set(own.map(({ key }) => key));
	// Slots for which there is no room are none, even if those before them are skipped in the end.
	if (maxRuns !== undefined) return problems;
	if (over !== "endAt") problems.push(`${id} is over for ${over}`);
	for (let slot = createdAt + on.every; slot < Number(endAt); slot += on.every) {
		const key = `${id}@1:${new Date(slot).toISOString()}`;
		const isThere = keys.delete(key);
		const within = pauses.filter(({ trigger, slot: last, to }) => trigger === id && last < slot && slot <= to);
		if (!isThere && within.length === 0) problems.push(`${key} is lost`);
		// What was due just before a pause may have been started yet, or not.
		if (isThere && within.some(({ from }) => from < slot)) problems.push(`${key} came while ${id} was paused`);
	}
	for (const key of keys) problems.push(`${key} was never due`);
	return problems;
}

function rowProblems(row: Occurrence, all: readonly RunSummary[]): string[] {
	const { key, state, attempt, trigger } = row;
	const problems: string[] = [];
	if (state === "pending" || state === "running" || state === "waiting") problems.push(`${key} is still ${state}`);
	const runs = all.filter(({ run }) => run.replace(/#\d+$/, "") === key).toReversed();
	if (runs.length > attempt) problems.push(`${key} has ${runs.length} runs in ${attempt} attempts`);
	for (const { run, ended } of runs) if (!ended) problems.push(`the run ${run} of ${trigger} has not ended`);
	const last = runs.find(({ run }) => run === (attempt <= 1 ? key : `${key}#${attempt}`));
	// One that was cancelled while nobody had begun its run has none.
	if (state === "completed" && last?.status !== "completed") problems.push(`${key} completed, its run ${last?.status}`);
	if (state === "failed" && last?.status !== "failed") problems.push(`${key} failed, its run ${last?.status}`);
	if (state === "cancelled" && last !== undefined && last.status === "completed" && row.cancelling === undefined)
		problems.push(`${key} is cancelled, and its run has completed`);
	if (state === "skipped" && attempt > 0) problems.push(`${key} was skipped after ${attempt} attempts`);
	return problems;
}

function strayRuns(rows: readonly Occurrence[], runs: readonly RunSummary[]): string[] {
	const keys = new Set(rows.map(({ key }) => key));
	return runs.filter(({ run }) => !keys.has(run.replace(/#\d+$/, ""))).map(({ run }) => `the run ${run} is nobody's`);
}

/** Two at a time where the policy says one; more than may be. */
function overlapProblems({ id, overlap = "skip", maxRunning = 100 }: TriggerSpec, all: readonly Execution[]): string[] {
	const own = all.filter(({ key }) => key.startsWith(`${id}@`));
	const most = overlap === "allow" ? maxRunning : 1;
	return own
		.filter((each) => own.filter((other) => isDuring(each.start, other)).length > most)
		.map(({ key, start }) => `${id} (${overlap}): ${key} goes on with too many others at ${start}`);
}

/** An attempt goes on in one process at a time, and again only after one that has died or let go of it. */
function executionProblems(rows: readonly Occurrence[], { executions, lefts }: ServiceWorld): string[] {
	const problems: string[] = [];
	const byKey = Map.groupBy(executions, ({ key }) => key);
	const known = new Set(rows.map(({ key }) => key));
	for (const [key, own] of byKey) {
		if (!known.has(key)) problems.push(`${key} ran, and is not there`);
		for (const [at, each] of own.entries()) {
			const before = own[at - 1];
			if (before === undefined) continue;
			if (before.end === undefined || before.end > each.start) {
				problems.push(`${key} goes on twice at ${each.start}, in ${before.member} and ${each.member}`);
				continue;
			}
			if (
				before.attempt === each.attempt &&
				before.how !== "died" &&
				before.how !== "aborted" &&
				// Its process died or let go of it at the very moment: nobody could know that it had ended.
				(lefts.get(before.member) ?? Number.POSITIVE_INFINITY) > before.end
			)
				problems.push(`${key} ran again after it had ${before.how} in ${before.member}`);
		}
	}
	return problems;
}

function isDuring(time: number, { start, end }: Execution): boolean {
	return start <= time && (end === undefined || end > time);
}
