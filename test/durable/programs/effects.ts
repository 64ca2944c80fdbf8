import { appendFileSync } from "node:fs";

/** One thing that was seen to happen, in whatever process. */
export interface Effect {
	readonly pid: number;
	/**
	 * `start` and `end` of an attempt; `step` inside a step's function, `stepped` when it is recorded; `part` of work
	 * with a checkpoint, `saved` when it is kept; `seen` by a reader of events; `result` of a run.
	 */
	readonly phase: "start" | "end" | "step" | "stepped" | "part" | "saved" | "seen" | "result";
	/** The run in a `result`. */
	readonly node: string;
	readonly attempt: number;
	/** What is there by name: dependencies of a `start`, the name of a step, the type of an event. */
	readonly of?: readonly string[];
}

export type Note = (phase: Effect["phase"], node: string, attempt: number, of?: readonly string[]) => void;

/** Writes effects to a file which outlives the process, one line each. */
export function effectsFile(file: string, also?: () => void): Note {
	return (phase, node, attempt, of) => {
		const effect: Effect = { pid: process.pid, phase, node, attempt, ...(of !== undefined && { of }) };
		appendFileSync(file, `${JSON.stringify(effect)}\n`);
		also?.();
	};
}
