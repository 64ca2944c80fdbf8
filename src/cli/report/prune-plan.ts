import type { RunId } from "../../core/ids.js";
import type { Pruned, Retention, RunSummary } from "../../journal/journal.js";
import { type Cell, columns } from "./columns.js";
import { counted, oneLine } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { lengthText } from "./time-text.js";

/** Runs that a pruning would take away. */
export interface PrunePlan {
	readonly runs: readonly RunSummary[];
	/** Of these runs; values that are stored by themselves are not counted. */
	readonly bytes: number;
	/** What stays, counted likewise. */
	readonly kept: number;
}

/**
 * What `Journal.prune` would take away now, as far as the list of runs tells: it does not know how long values are that
 * are stored by themselves, so that `maxBytes` may take more.
 *
 * @param runs - all of the journal, the newest first
 */
export function planPrune(runs: readonly RunSummary[], retention: Retention, now: number): PrunePlan {
	const { maxAge, maxRuns, maxBytes } = retention;
	const gone = new Set<RunId>();
	const isThere = ({ run, ended }: RunSummary): boolean => ended && !gone.has(run);
	if (maxAge !== undefined) for (const run of runs) if (run.ended && run.updatedAt < now - maxAge) gone.add(run.run);
	if (maxRuns !== undefined) for (const { run } of runs.filter(isThere).slice(maxRuns)) gone.add(run);
	const left = runs.filter(({ run }) => !gone.has(run));
	let bytes = left.reduce((sum, run) => sum + run.bytes, 0);
	if (maxBytes !== undefined) {
		for (const run of left.filter(isThere).toReversed()) {
			if (bytes <= maxBytes) break;
			gone.add(run.run);
			bytes -= run.bytes;
		}
	}
	const going = runs.filter(({ run }) => gone.has(run));
	return { runs: going, bytes: going.reduce((sum, run) => sum + run.bytes, 0), kept: runs.length - going.length };
}

/** What would go, as a document. */
export function prunePlanJson({ runs, bytes, kept }: PrunePlan): object {
	return {
		dryRun: true,
		runs: runs.map(({ run, status, updatedAt, bytes: size }) => ({ run, status, updatedAt, bytes: size })),
		bytes,
		kept,
	};
}

const MAX_LINES = 50;

/** What would go, for people: the newest first. */
export function prunePlanText({ runs, bytes, kept }: PrunePlan, now: number, paint: Paint): string[] {
	const rows = runs.slice(0, MAX_LINES).map(({ run, status, updatedAt, bytes: size }): Cell[] => {
		const { sign, format } = lookOf(status);
		return [
			{ text: oneLine(run) },
			{ text: `${sign} ${status}`, format },
			{ text: `${lengthText(now - updatedAt)} ago` },
			{ text: sizeText(size) },
		];
	});
	const lines = columns(rows, { paint, indent: "  " });
	if (runs.length > MAX_LINES) lines.push(`  … and ${counted(runs.length - MAX_LINES, "more run")}`);
	const size = runs.length === 0 ? "" : `, ${sizeText(bytes)} and the values that only they have`;
	return [`${counted(runs.length, "run")} would go${size}; ${counted(kept, "stays", "stay")}`, ...lines];
}

/** What went, for people. */
export function prunedText({ runs, records, blobs, memos }: Pruned): string {
	const parts = [counted(records, "record"), counted(blobs, "stored value"), counted(memos, "memo")];
	return `${counted(runs.length, "run")} went: ${parts.join(", ")}`;
}

/** Bytes as people read them. */
export function sizeText(bytes: number): string {
	if (bytes < 1_000) return `${bytes} B`;
	const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
	return `${(bytes / 1_000 ** power).toFixed(1)} ${["B", "kB", "MB", "GB", "TB"][power] ?? "B"}`;
}
