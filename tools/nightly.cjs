"use strict";
// The random tests with fresh seeds, round after round: npm run test:nightly -- [--minutes 30] [--seed N] [--runs N] [--kills N]
// First kills processes that run graphs durably, 500 times: --kills N, 0 for none.
// Prints every seed that fails; the exit status says whether any did.

const { spawn } = require("node:child_process");
const { randomInt } = require("node:crypto");
const { mkdtempSync, readFileSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { dirname, join } = require("node:path");
const { parseArgs } = require("node:util");

const FILES = [
	"test/model/commands",
	"test/model/replay",
	"test/sim/swarm",
	"test/sim/restarts",
	"test/sim/ports",
	"test/sim/calls",
	"test/sim/same-seed",
	"test/sim/rates"
];
const text = { type: "string" };
const { values } = parseArgs({
	options: {
		minutes: { ...text, default: "30" },
		seed: text,
		runs: { ...text, default: "3000" },
		kills: { ...text, default: "500" }
	}
});
const FORMS = { minutes: /^\d+(\.\d+)?$/, runs: /^[1-9]\d*$/, kills: /^\d+$/, seed: /^-?\d+$/ };
for (const [name, form] of Object.entries(FORMS)) {
	if (values[name] === undefined || form.test(values[name])) continue;
	console.error(
		`--${name} is ${values[name]}: npm run test:nightly -- [--minutes 30] [--seed N] [--runs N] [--kills N]`
	);
	process.exit(2);
}
const end = Date.now() + Number(values.minutes) * 60_000;
const folder = mkdtempSync(join(tmpdir(), "dagswarm-nightly-"));
const vitest = join(dirname(require.resolve("vitest/package.json")), "vitest.mjs");
const totals = { rounds: 0, cases: 0, runs: 0, events: 0, commands: 0, failures: 0 };

/** One round of every random test with one seed. */
function round(seed) {
	return vitestRun(FILES, { DAGSWARM_SEED: String(seed), DAGSWARM_RUNS: values.runs });
}

/** Processes that are killed at moments which come from one seed. */
function kills(seed) {
	return vitestRun(["test/durable/kill"], { DAGSWARM_SEED: String(seed), DAGSWARM_KILLS: values.kills });
}

function vitestRun(files, variables) {
	return new Promise((resolve) => {
		const tally = join(folder, `${totals.rounds}.jsonl`);
		const arguments_ = ["run", "--typecheck.enabled=false", "--testTimeout=0", "--reporter=dot", ...files];
		const env = { ...process.env, ...variables, DAGSWARM_TALLY: tally };
		const child = spawn(process.execPath, [vitest, ...arguments_], { env, stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		const keep = (chunk) => {
			output = (output + chunk).slice(-200_000);
		};
		child.stdout.on("data", keep);
		child.stderr.on("data", keep);
		child.on("close", (status) => resolve({ status, output, lines: readTally(tally) }));
	});
}

function readTally(file) {
	try {
		return readFileSync(file, "utf8").trim().split("\n").map(JSON.parse);
	} catch (error) {
		if (error.code === "ENOENT") return [];
		throw error;
	}
}

async function main() {
	let seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
	if (values.kills !== "0") {
		const { status, output } = await kills(seed);
		if (status !== 0) totals.failures++;
		console.log(`seed ${seed}: ${values.kills} kills ${status === 0 ? "ok" : "FAILED"}`);
		if (status !== 0) console.log(output);
	}
	do {
		const { status, output, lines } = await round(seed);
		totals.rounds++;
		for (const line of lines) {
			for (const key of ["cases", "runs", "events", "commands"]) totals[key] += line[key] ?? 0;
			if (line.failed) totals.failures++;
		}
		if (status !== 0 && !lines.some(({ failed }) => failed)) totals.failures++;
		console.log(`seed ${seed}: ${status === 0 ? "ok" : "FAILED"}; so far ${JSON.stringify(totals)}`);
		if (status !== 0) console.log(output);
		seed = randomInt(2 ** 31);
	} while (Date.now() < end);
	rmSync(folder, { recursive: true, force: true });
	process.exitCode = totals.failures === 0 ? 0 : 1;
}

void main();
