import { SwarmError } from "../core/errors.js";

/**
 * What goes wrong in a simulation, and how often: chances are per mille of the occasions, from 0 to
 * 1,000. Whatever is left out does not happen.
 */
export interface Faults {
	/** An outcome takes up to {@link maxDelay} to arrive. */
	readonly delay?: number;
	/** Longest delay in virtual milliseconds, at least 1; default 50. */
	readonly maxDelay?: number;
	/** An outcome arrives after one that came later. */
	readonly reorder?: number;
	/** An outcome arrives twice, the second time up to {@link maxDelay} later. */
	readonly duplicate?: number;
	/** An outcome never arrives. */
	readonly drop?: number;
	/** The worker dies when it is to begin: the function is not called, and nothing comes back. */
	readonly crash?: number;
	/** In a step, or while an outcome is on its way: somebody outside pauses, resumes, signals, approves, rejects, or changes the graph. */
	readonly interfere?: number;
	/** As often: somebody outside cancels the run. */
	readonly cancel?: number;
	/**
	 * In a step, or while something is written: the process dies, and another one takes over what the journal has. With
	 * this the runs have a journal, in memory and `strict`.
	 */
	readonly restart?: number;
}

/** How often each fault was put in. */
export type FaultCounts = { -readonly [Name in Exclude<keyof Faults, "maxDelay">]-?: number };

const NAMES = ["delay", "reorder", "duplicate", "drop", "crash", "interfere", "cancel", "restart"] as const;
const DEFAULT_MAX_DELAY = 50;

/** Faults with every chance filled in. */
export type ResolvedFaults = Required<Faults>;

/** @throws SwarmError `INVALID_OPTION` for a chance outside 0 to 1,000 or a delay below 1 */
export function resolveFaults(faults: Faults): ResolvedFaults {
	const { maxDelay = DEFAULT_MAX_DELAY } = faults;
	if (!Number.isInteger(maxDelay) || maxDelay < 1)
		throw new SwarmError("INVALID_OPTION", `faults.maxDelay is ${maxDelay}, not a whole number of milliseconds from 1`);
	const chances = Object.fromEntries(NAMES.map((name) => [name, faults[name] ?? 0])) as FaultCounts;
	for (const name of NAMES) {
		const chance = chances[name];
		if (!Number.isInteger(chance) || chance < 0 || chance > 1_000)
			throw new SwarmError("INVALID_OPTION", `faults.${name} is ${chance}, not a whole number from 0 to 1,000`);
	}
	return { maxDelay, ...chances };
}

export function noCounts(): FaultCounts {
	return { delay: 0, reorder: 0, duplicate: 0, drop: 0, crash: 0, interfere: 0, cancel: 0, restart: 0 };
}
