import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSwarm, defineAgent, sqliteJournal } from "dagswarm";
import { expect, onTestFinished, test } from "vitest";
import { agents, startGraph } from "../../demo/agents.ts";
import { command } from "../../demo/command.ts";
import { built } from "../integration/build.js";
import { root } from "../source.js";
import { folderWith, project } from "./fixture.ts";

/** Runs the demo in this process; `stopAt` stops it as soon as it has said this. */
async function demo(args: readonly string[], cwd: string, stopAt?: string) {
	const stop = new AbortController();
	const said = { out: "", err: "" };
	const out = (text: string) => {
		said.out += text;
		if (stopAt !== undefined && said.out.includes(stopAt)) stop.abort("SIGTERM");
		return true;
	};
	const err = (text: string) => {
		said.err += text;
		return true;
	};
	const host = { cwd, out: { write: out }, err: { write: err }, terminal: false, signal: stop.signal };
	return { code: await command(args, host), ...said };
}

/** The report without its times. */
async function reportIn(folder: string): Promise<string> {
	const text = await readFile(join(folder, "demo-report.md"), "utf8");
	return text.replaceAll(/^- (wall time|time per node outside agents): .*$/gm, "- $1");
}

/** The arguments of the command that goes on with a run. */
function goingOn(text: string): string[] {
	return /npm run demo -- (--resume=.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
}

/** Packages each of which needs the next: they are read one after the other. */
function inARow(length: number): Promise<string> {
	const packages = Array.from({ length }, (_, i) => {
		return [`node_modules/p${i}`, i + 1 < length ? { dependencies: { [`p${i + 1}`]: "1" } } : {}] as const;
	});
	return project({ ...Object.fromEntries(packages), "node_modules/gone": { onDisk: false } });
}

test("a durable run reports what one in memory does, and its report can be had again", async () => {
	const folder = await inARow(5);
	await demo([], folder);
	const usual = await reportIn(folder);
	const first = await demo([".", "--journal", "runs.db", "--out", "first"], folder);
	expect(first).toMatchObject({ code: 0, err: "" });
	expect(first.out).toContain("100 %: 14 of 14 nodes");
	expect(await reportIn(join(folder, "first"))).toBe(usual);
	await mkdir(join(folder, "again"));
	const again = await demo([...goingOn(first.out), "--out", "again"], folder);
	expect(again).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^status +completed/) });
	expect(await readFile(join(folder, "again", "demo-graph.mmd"), "utf8")).toBe(
		await readFile(join(folder, "first", "demo-graph.mmd"), "utf8"),
	);
	expect(await reportIn(join(folder, "again"))).toBe(usual);
});

test.each(["goes on with", "planned", "50 %"])(
	"one that is stopped at %j says how it goes on, and then reports the same",
	async (line) => {
		const folder = await inARow(40);
		await demo([], folder);
		const usual = await reportIn(folder);
		const stopped = await demo([".", "--journal", "runs.db", "--out", "out"], folder, line);
		expect(stopped.code).toBe(143);
		expect(stopped.err).toMatch(/^demo: interrupted, go on with: npm run demo -- --resume=.+\n$/);
		expect(goingOn(stopped.err)).toEqual(goingOn(stopped.out));
		expect(await readdir(join(folder, "out"))).toEqual([]);
		const resumed = await demo(goingOn(stopped.err), folder);
		expect(resumed).toMatchObject({ code: 0, err: "", out: expect.stringContaining("100 %: 49 of 49 nodes") });
		expect(await reportIn(join(folder, "out"))).toBe(usual);
	},
);

test("one that is stopped before it has begun leaves nothing", async () => {
	const folder = await inARow(2);
	const { code, err } = await demo([".", "--journal", "runs.db"], folder, "reading");
	expect({ code, err }).toEqual({ code: 143, err: "demo: interrupted, nothing written\n" });
	expect(await readdir(folder)).not.toContain("runs.db");
});

test("a run that cannot go on is one line", async () => {
	const folder = await folderWith({ "text.db": "this is no database ".repeat(100) });
	const resume = (run: string, file: string) => demo([`--resume=${run}`, "--journal", file], folder);
	expect(await resume("r", "none.db")).toMatchObject({
		code: 1,
		err: expect.stringMatching(/^demo: there is no journal .+\n$/),
	});
	expect(await readdir(folder)).toEqual(["text.db"]);
	expect(await resume("r", "text.db")).toMatchObject({ code: 1, err: expect.stringMatching(/^demo: .*text\.db.+\n$/) });

	const journal = sqliteJournal(join(folder, "runs.db"));
	const other = createSwarm({ agents: [defineAgent({ name: "other", run: async () => 1 })], journal });
	await other.start({ nodes: [{ agent: "other" }] }, { runId: "foreign" }).result();
	const busy = createSwarm({ agents, journal });
	busy.start(startGraph(folder), { runId: "busy", open: true });
	const lines: string[] = [];
	for (const run of ["unknown", "foreign", "busy"]) {
		const { code, err } = await resume(run, "runs.db");
		expect({ code, lines: err.split("\n").length }).toEqual({ code: 1, lines: 2 });
		lines.push(err);
	}
	expect(lines).toEqual([
		expect.stringContaining('no run "unknown"'),
		expect.stringContaining("is none of this demo"),
		expect.stringContaining(`is written by process ${process.pid}`),
	]);
	await busy.close();
	await journal.close();
});

test("a process that is killed in the middle is gone on with by the command that it printed", async () => {
	// By hundreds of commits longer than it takes to kill it.
	const folder = await inARow(300);
	await demo([], folder);
	const usual = await reportIn(folder);
	const library = await built();
	onTestFinished(library.remove);
	cpSync(join(root, "demo"), join(library.folder, "demo"), {
		recursive: true,
		filter: (path) => path !== join(root, "demo", "output"),
	});
	const file = join(folder, "runs.db");
	const args = [folder, "--journal", file, "--out", join(folder, "out")];
	const killed = await processOf(library.folder, args, "10 %");
	expect(killed).toMatchObject({ signal: "SIGKILL", err: "" });
	expect(await readdir(join(folder, "out"))).toEqual([]);
	const resumed = await processOf(library.folder, goingOn(killed.out));
	expect(resumed).toMatchObject({ code: 0, err: "", out: expect.stringContaining("100 %: 309 of 309 nodes") });
	expect(resumed.out).not.toContain("planned");
	expect(await reportIn(join(folder, "out"))).toBe(usual);
	const journal = sqliteJournal(file, { readOnly: true });
	const [summary] = await journal.runs();
	const run = await createSwarm({ agents, journal }).recover(summary?.run ?? "");
	const { nodes, attempts } = (await run.result()).stats;
	await journal.close();
	// Only what was being read when the process died was read again: one package, as each waits for the one before.
	expect(nodes).toBe(309);
	expect(attempts - nodes).toBeLessThanOrEqual(1);
});

interface Exit {
	readonly code: number | null;
	readonly signal: string | null;
	readonly out: string;
	readonly err: string;
}

/** The demo as a process, killed as soon as it has said `killAt`. */
function processOf(library: string, args: readonly string[], killAt?: string): Promise<Exit> {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, [join(library, "demo", "main.ts"), ...args], {
			cwd: library,
			stdio: ["ignore", "pipe", "pipe"],
		});
		const said = { out: "", err: "" };
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			said.out += text;
			if (killAt !== undefined && said.out.includes(killAt)) child.kill("SIGKILL");
		});
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			said.err += text;
		});
		child.on("close", (code, signal) => resolve({ code, signal, ...said }));
	});
}
