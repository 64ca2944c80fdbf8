// Lets one layer look for the bug that is planted in a build of the library, in a process of its own:
// a bug may as well never return. Arguments: the folder of the build, the layer, a file with cases, the kind of cases.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , folder = "", layer = "", file = "", kind = "cases"] = process.argv;
/** @type {typeof import("dagswarm/testing")} */
const testing = await import(pathToFileURL(join(folder, "dist", "testing", "index.js")).href);
const { seed, [kind]: cases } = JSON.parse(readFileSync(file, "utf8"));

async function byModel() {
	const { failed, runs } = await testing.checkModel({ seed, runs: cases.length, endOnFailure: true, check: "off" });
	return failed ? runs : undefined;
}

async function bySimulation() {
	let count = 0;
	for (const options of cases) {
		count++;
		// The other judges are to find it by themselves, not because the actor has stopped.
		const check = layer === "invariants" ? "full" : "off";
		try {
			await testing.simulate({ ...options, swarm: { ...options.swarm, check } });
		} catch (error) {
			if (!(error instanceof testing.SimulationFailedError)) throw error;
			if (error.problems.some(({ judge }) => judge === layer)) return count;
		}
	}
	return undefined;
}

const found = layer === "model" ? await byModel() : await bySimulation();
console.log(JSON.stringify({ found }));
