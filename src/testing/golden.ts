import { AssertionError } from "node:assert";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { RunEvent } from "../graph/types.js";
import { traceLines } from "./trace.js";

/** How {@link expectGolden} compares. */
export interface GoldenOptions {
	/** Writes the file instead of comparing; by default whether the environment has `UPDATE_GOLDEN=1`. */
	readonly update?: boolean;
}

/**
 * Compares the events of a run with the trace in a file that is kept with the tests, so that a change
 * of what happens, and when, is seen. With `UPDATE_GOLDEN=1` in the environment the files are written
 * instead; a file that is missing otherwise is a failure. Traces are stable on a virtual clock with
 * counting ids; see {@link traceLines} for what is left out.
 *
 * @param file - path of the golden trace; folders are made when it is written
 * @throws AssertionError of node:assert when they differ or the file is missing, and what node:fs throws
 *
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { expectGolden, simulate } from "dagswarm/testing";
 *
 * const { events } = await simulate({ seed: 1, graph: { nodes: [{ id: "a", agent: "work" }] } });
 * const file = join(mkdtempSync(join(tmpdir(), "golden-")), "one-node.trace");
 * expectGolden(file, events, { update: true });
 * expectGolden(file, events);
 * ```
 */
export function expectGolden(file: string, events: readonly RunEvent[], options: GoldenOptions = {}): void {
	const trace = traceLines(events);
	if (options.update ?? process.env["UPDATE_GOLDEN"] === "1") {
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, trace.map((line) => `${line}\n`).join(""));
		return;
	}
	const golden = readGolden(file);
	const at = firstDifference(trace, golden);
	if (at < 0) return;
	throw new AssertionError({
		message: `the trace differs from ${file} at line ${at + 1}:\n     is ${trace[at] ?? "(the end)"}\n should ${golden[at] ?? "(the end)"}\nUPDATE_GOLDEN=1 writes it anew`,
		actual: trace,
		expected: golden,
		operator: "expectGolden",
	});
}

function readGolden(file: string): string[] {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		throw new AssertionError({ message: `there is no golden trace ${file}; UPDATE_GOLDEN=1 writes it` });
	}
	// A checkout may have changed the ends of the lines.
	return text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
}

function firstDifference(a: readonly string[], b: readonly string[]): number {
	for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) return i;
	return -1;
}
