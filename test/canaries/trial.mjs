// Lets one layer look for the bug that is planted in a build of the library, in a process of its own:
// a bug may as well never return. Arguments: the folder of the build, the layer, a file with cases, the kind of cases.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { byFiles, byService, byStore } from "./service-trial.mjs";

const [, , folder = "", layer = "", file = "", kind = "cases"] = process.argv;
/** @type {typeof import("dagswarm/testing")} */
const testing = await import(pathToFileURL(join(folder, "dist", "testing", "index.js")).href);
const { seed, services, [kind]: cases = [] } = JSON.parse(readFileSync(file, "utf8"));

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

/** How many cases with ports there are. */
const PORTS = 100;

/** A ledger with a limit, and books beside it: what is settled may be above the limit by what was used beyond its reserve only. */
function keptBooks(ledger, limit) {
	const open = new Map();
	let settled = 0;
	let beyond = 0;
	let wrong = false;
	const budget = {
		open: (run, spent) => ledger.open(run, spent),
		reserve(request) {
			const verdict = ledger.reserve(request);
			if (verdict.verdict !== "blocked") open.set(verdict.reservation, request.estimate.cost ?? 0);
			return verdict;
		},
		settle(reservation, used, last) {
			ledger.settle(reservation, used, last);
			if (!last) return;
			settled += used.cost ?? 0;
			beyond += Math.max(0, (used.cost ?? 0) - (open.get(reservation) ?? 0));
			open.delete(reservation);
			wrong ||= settled > limit + beyond;
		},
		close: (run, ended) => ledger.close(run, ended),
	};
	return { budget, isWrong: () => wrong || open.size > 0 };
}

async function byPorts() {
	const { budgetLedger, defineAgent, idleCritic, VirtualClock } = await import(
		pathToFileURL(join(folder, "dist", "index.js")).href
	);
	const random = new testing.Random(seed);
	for (let count = 1; count <= PORTS; count++) {
		const clock = new VirtualClock(1_000);
		const limit = 1 + random.below(20);
		const ledger = budgetLedger({ limits: [{ measure: "cost", limit, of: "run" }], clock });
		const { budget, isWrong } = keptBooks(ledger, limit);
		const spend = defineAgent({
			name: "spend",
			estimate: ({ cost }) => ({ cost }),
			run: async ({ cost, ms }, ctx) => {
				await new Promise((resolve) => clock.set(clock.now() + ms, resolve));
				ctx.usage({ cost });
			},
		});
		const nodes = Array.from({ length: 3 + random.below(8) }, (_, i) => ({
			id: `n${i}`,
			agent: "spend",
			input: { cost: random.below(6), ms: 1 + random.below(40) },
		}));
		try {
			await testing.simulate({
				seed: random.next(),
				clock,
				agents: [spend],
				graph: { nodes },
				swarm: { ports: { budget, critic: idleCritic({ idleAfter: 10_000 }) }, concurrency: 1 + random.below(4) },
			});
		} catch (error) {
			if (!(error instanceof testing.SimulationFailedError)) throw error;
			if (error.problems.some(({ judge }) => judge === layer)) return count;
		}
		if (layer === "books" && isWrong()) return count;
	}
	return undefined;
}

async function search() {
	if (layer === "model") return byModel();
	if (layer === "service") return byService(folder, services);
	if (layer === "store") return byStore(folder, testing);
	if (layer === "files") return byFiles(folder, new testing.Random(seed), cases.length);
	return kind === "ports" ? byPorts() : bySimulation();
}

const found = await search();
console.log(JSON.stringify({ found }));
