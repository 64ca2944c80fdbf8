"use strict";
// Replays one case of a random test, as its failure prints it.

const { spawnSync } = require("node:child_process");
const { dirname, join } = require("node:path");
const { parseArgs } = require("node:util");

const SUITES = {
	swarm: "test/sim/swarm.test.ts",
	restarts: "test/sim/restarts.test.ts",
	ports: "test/sim/ports.test.ts",
	calls: "test/sim/calls.test.ts",
	"same-seed": "test/sim/same-seed.test.ts",
	rates: "test/sim/rates.test.ts",
	commands: "test/model/commands.test.ts",
	"commands-growth": "test/model/commands-growth.test.ts",
	"commands-marks": "test/model/commands-marks.test.ts",
	"commands-waits": "test/model/commands-waits.test.ts",
	replay: "test/model/replay.test.ts"
};
const usage = `npm run sim -- --seed N --case PATH [--replay PATH] [--suite ${Object.keys(SUITES).join("|")}]`;

function fail(message) {
	console.error(`${message}\n${usage}`);
	process.exit(2);
}

let values = {};
try {
	const text = { type: "string" };
	values = parseArgs({
		options: { seed: text, case: text, replay: text, suite: { ...text, default: "swarm" } }
	}).values;
} catch (error) {
	fail(error.message);
}
if (!/^-?\d+$/.test(values.seed ?? "")) fail("--seed takes a whole number");
if (!/^\d+(:\d+)*$/.test(values.case ?? "")) fail("--case takes a path such as 17:0:3");
const file = SUITES[values.suite];
if (file === undefined) fail(`there is no suite ${values.suite}`);

const replay = values.replay === undefined ? {} : { DAGSWARM_REPLAY: values.replay };
const vitest = join(dirname(require.resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--typecheck.enabled=false", file], {
	stdio: "inherit",
	env: { ...process.env, DAGSWARM_SEED: values.seed, DAGSWARM_CASE: values.case, DAGSWARM_RUNS: "1", ...replay }
});
process.exit(status ?? 1);
