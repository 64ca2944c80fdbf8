import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Judge } from "dagswarm/testing";
import fc from "fast-check";
import { run } from "../integration/build.js";
import { restarts, simulations } from "../sim/cases.js";
import { plans } from "../sim/service-cases.js";

/**
 * A way in which a bug can be found: the model, one of the judges of a simulation, or books kept beside a budget; of a service
 * its own simulation, what a store has to do, or a naive count of changes of files.
 */
export type Layer = "model" | "books" | Judge | "service" | "store" | "files";

const SEED = 20_260;
const CASES = 400;
/** Only for a bug that never returns: the slowest search takes a tenth of it. */
const HANGS_MS = 50_000;

/** The cases that every layer has, as a file: they are plain data. */
export function writeCases(): string {
	const file = join(mkdtempSync(join(tmpdir(), "dagswarm-cases-")), "cases.json");
	const cases = fc.sample(simulations, { seed: SEED, numRuns: CASES });
	const deaths = fc.sample(restarts, { seed: SEED, numRuns: CASES });
	// Most of what can be wrong with a service takes several processes, to which much happens.
	const eventful = plans.filter(({ deeds, processes }) => processes > 1 && deeds.length > 12);
	const services = fc.sample(eventful, { seed: SEED, numRuns: CASES });
	writeFileSync(file, JSON.stringify({ seed: SEED, cases, deaths, services }));
	return file;
}

/**
 * Lets one layer alone look for the bug in a build.
 *
 * @param kind - of cases: `deaths` are those in which the process dies now and then, `ports` those with a budget and a critic
 *
 * @returns after how many cases it was found, undefined when it was not
 */
export async function search(
	folder: string,
	layer: Layer,
	cases: string,
	kind: "cases" | "deaths" | "ports",
): Promise<number | undefined> {
	const trial = fileURLToPath(new URL("trial.mjs", import.meta.url));
	const { stdout } = await run(process.execPath, [trial, folder, layer, cases, kind], { timeout: HANGS_MS });
	return (JSON.parse(stdout) as { readonly found?: number }).found;
}
