import { readFileSync } from "node:fs";
import type { SoakEffect } from "./soak-child.ts";

/** What of the library the judge reads with: of the build, or of the sources. */
type Product = Pick<typeof import("../src/index.js"), "readRun" | "sqliteStore">;
type Row = Awaited<ReturnType<ReturnType<Product["sqliteStore"]>["occurrences"]>>[number];

/** What the judge goes by beside the files. */
export interface SoakEvidence {
	readonly file: string;
	readonly effects: string;
	readonly intervalMs: number;
	readonly endAt: number;
	/** Processes that were killed, and when; milliseconds since the Unix epoch. */
	readonly killed: ReadonlyMap<number, number>;
}

/** What came of a soak, counted in occurrences. */
export interface SoakVerdict {
	readonly due: number;
	readonly started: number;
	readonly completed: number;
	readonly skipped: number;
	/** More than one run, more than one completion, or an effect again without a crash that would explain it. */
	readonly doubled: number;
	/** Due, and not there, never started, or not ended. */
	readonly lost: number;
	/** Effects once more, because the process that did it was killed before it could write that it had. */
	readonly repeatedAfterKill: number;
	/** There, and not due. */
	readonly unasked: number;
	/** Milliseconds from the slot to the first effect. */
	readonly late: { readonly p50: number; readonly p99: number; readonly max: number };
	/** What is wrong, in words; the first hundred. */
	readonly problems: readonly string[];
}

const MOST_PROBLEMS = 100;

/**
 * Judges by what was due, by the rows of the store, by the runs of the journal and by the effects, each read on its own.
 */
export async function judge(
	{ file, effects, intervalMs, endAt, killed }: SoakEvidence,
	{ readRun, sqliteStore }: Product,
): Promise<SoakVerdict> {
	const problems: string[] = [];
	const store = sqliteStore(file, { readOnly: true });
	const due = dueKeys(await store.triggers(), intervalMs, endAt);
	const rows = new Map((await store.occurrences()).map((row) => [row.key, row]));
	const byKey = Map.groupBy(readEffects(effects), ({ key }) => key);
	const runs = Map.groupBy(await store.journal.runs(), ({ run }) => run.replace(/#\d+$/, ""));

	const lost = new Set<string>();
	const doubled = new Set<string>();
	const blame = (set: Set<string>, key: string, what: string): void => {
		set.add(key);
		if (problems.length < MOST_PROBLEMS) problems.push(`${key}: ${what}`);
	};
	let repeatedAfterKill = 0;
	const late: number[] = [];
	for (const [key, slot] of due) {
		const row = rows.get(key);
		const done = byKey.get(key) ?? [];
		if (row === undefined) blame(lost, key, "no row");
		else if (row.state !== "completed") blame(lost, key, `it is ${row.state}: ${row.reason ?? ""}`);
		if (done.length === 0) blame(lost, key, "no effect");
		else late.push(done[0]!.at - slot);
		const again = done.slice(0, -1);
		const unexplained = again.filter(({ pid, at }) => !((killed.get(pid) ?? Number.NEGATIVE_INFINITY) >= at));
		if (unexplained.length > 0) blame(doubled, key, `effects again without a kill: ${JSON.stringify(done)}`);
		repeatedAfterKill += again.length - unexplained.length;
		const of = runs.get(key) ?? [];
		if (of.length !== 1 || row?.attempt !== 1)
			blame(of.length > 1 ? doubled : lost, key, `${of.length} runs in ${row?.attempt} attempts`);
		for (const { run } of of) {
			let completions = 0;
			const stored = await readRun(store.journal, run);
			for await (const _ of stored.events({ types: ["node.completed"] })) completions++;
			if (completions !== 1 || stored.outcome?.status !== "completed")
				blame(completions > 1 ? doubled : lost, key, `${completions} completions, ${stored.outcome?.status}`);
		}
	}
	const unasked = [...new Set([...rows.keys(), ...byKey.keys(), ...runs.keys()])].filter((key) => !due.has(key));
	for (const key of unasked.slice(0, MOST_PROBLEMS)) problems.push(`${key}: it was not due`);
	await store.close();
	const all = [...rows.values()];
	const count = (is: (row: Row) => boolean): number => all.filter(is).length;
	late.sort((a, b) => a - b);
	return {
		due: due.size,
		started: count(({ attempt }) => attempt > 0),
		completed: count(({ state }) => state === "completed"),
		skipped: count(({ state }) => state === "skipped"),
		doubled: doubled.size,
		lost: lost.size,
		repeatedAfterKill,
		unasked: unasked.length,
		late: { p50: share(late, 0.5), p99: share(late, 0.99), max: late.at(-1) ?? 0 },
		problems,
	};
}

/** Slot by slot from when each trigger was made, as plainly as possible: not by the arithmetic that is judged. */
function dueKeys(
	records: readonly { readonly spec: { readonly id: string }; readonly createdAt: number }[],
	intervalMs: number,
	endAt: number,
): Map<string, number> {
	const keys = new Map<string, number>();
	for (const { spec, createdAt } of records)
		for (let slot = createdAt + intervalMs; slot < endAt; slot += intervalMs)
			keys.set(`${spec.id}@1:${new Date(slot).toISOString()}`, slot);
	return keys;
}

function readEffects(file: string): SoakEffect[] {
	const lines = readFileSync(file, "utf8").split("\n");
	return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as SoakEffect);
}

function share(sorted: readonly number[], part: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
