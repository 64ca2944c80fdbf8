"use strict";
// Replays one case of a random test: npm run sim -- --seed N --case PATH [--suite simulation|model|replay]

const { spawnSync } = require("node:child_process");
const { parseArgs } = require("node:util");

const FILES = {
	simulation: ["test/sim/swarm.test.ts", "test/sim/same-seed.test.ts"],
	model: ["test/model/commands.test.ts"],
	replay: ["test/model/replay.test.ts"]
};
const usage = "npm run sim -- --seed N --case PATH [--suite " + Object.keys(FILES).join("|") + "]";

function fail(message) {
	console.error(`${message}\n${usage}`);
	process.exit(2);
}

let values = {};
try {
	const text = { type: "string" };
	values = parseArgs({ options: { seed: text, case: text, suite: { ...text, default: "simulation" } } }).values;
} catch (error) {
	fail(error.message);
}
if (!/^-?\d+$/.test(values.seed ?? "")) fail("--seed takes a whole number");
if (!/^\d+(:\d+)*$/.test(values.case ?? "")) fail("--case takes a path such as 17:0:3");
const files = FILES[values.suite];
if (files === undefined) fail(`there is no suite ${values.suite}`);

const vitest = require.resolve("vitest/vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--typecheck.enabled=false", files[0]], {
	stdio: "inherit",
	env: { ...process.env, DAGSWARM_SEED: values.seed, DAGSWARM_CASE: values.case, DAGSWARM_RUNS: "1" }
});
process.exit(status ?? 1);
