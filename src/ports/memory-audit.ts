import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { checkWhole } from "../core/whole.js";
import type { AuditEntry, AuditPort, AuditStats } from "./audit.js";
import type { RunInfo } from "./port.js";

/** What was recorded of one run. */
export interface RecordedRun {
	/** As it was when its record began. */
	readonly info: RunInfo;
	readonly entries: readonly AuditEntry[];
	/** Of the last process that closed it. */
	readonly stats?: AuditStats;
}

/** An audit in memory: for tests, to look at. */
export interface MemoryAudit extends AuditPort {
	readonly runs: ReadonlyMap<RunId, RecordedRun>;
}

/**
 * Keeps the records of runs in memory.
 *
 * @param options - `only`: which runs are recorded, default all; `maxEntries`: of one run, default 100,000: further ones are
 *   rejected with `LIMIT_EXCEEDED`
 * @throws SwarmError `INVALID_OPTION`
 */
export function memoryAudit(
	options: { readonly only?: (run: RunInfo) => boolean; readonly maxEntries?: number } = {},
): MemoryAudit {
	const { only = () => true, maxEntries = 100_000 } = options;
	checkWhole(maxEntries, "maxEntries", 1, Number.MAX_SAFE_INTEGER);
	const runs = new Map<RunId, { info: RunInfo; entries: AuditEntry[]; stats?: AuditStats }>();
	return {
		runs,
		startRun(info) {
			if (!only(info)) return null;
			const kept = runs.get(info.run) ?? { info, entries: [] };
			runs.set(info.run, kept);
			let closed = false;
			return {
				record(entry) {
					if (closed) throw new SwarmError("ILLEGAL_STATE", "the record is closed");
					if (kept.entries.length >= maxEntries)
						throw new SwarmError("LIMIT_EXCEEDED", `a run has more than ${maxEntries} audit entries`);
					// What it refers to may change afterwards.
					kept.entries.push(structuredClone(entry));
				},
				close(stats) {
					closed = true;
					kept.stats = structuredClone(stats);
				},
			};
		},
	};
}
