import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { importBuilt } from "./built.ts";
import { seeded } from "./random.ts";
import type { SoakNote, SoakTask } from "./soak-child.ts";
import { judge, type SoakVerdict } from "./soak-judge.ts";
import { UsageError } from "./usage-error.ts";

const usage = `node bench/soak.ts [options]     (after npm run build)

Several processes of a service on one file, one of which is killed now and then, for some minutes. Then
everything that was due is held against the store, the journal and what the agents did. Ends with 1 when
anything was lost or doubled.

  --minutes N      how long triggers fire (default 1)
  --triggers N     (default 50)
  --interval MS    (default 1000)
  --processes N    (default 3)
  --kill-every S   seconds from one kill -9 to the next, on average; 0: none (default 8)
  --lease MS       (default 2000)
  --seed N         of the moments and the victims (default 1)
  --json FILE      where the figures go
  --keep           leave the files where they are
`;

interface SoakOptions {
	readonly minutes: number;
	readonly triggers: number;
	readonly interval: number;
	readonly processes: number;
	readonly killEvery: number;
	readonly lease: number;
	readonly seed: number;
}

/** Everything must have ended so long after the last slot. */
const SETTLE_MS = 120_000;
const LOOK_MS = 500;
const REPORT_MS = 60_000;

/** A process of the service. */
class Member {
	readonly child: ChildProcess;
	readonly exit: Promise<readonly unknown[]>;
	isLeading = false;
	cpuMs = 0;
	readonly #soak: Soak;

	constructor(task: SoakTask, soak: Soak) {
		this.#soak = soak;
		const { NODE_OPTIONS: _, ...env } = process.env;
		this.child = fork(fileURLToPath(new URL("soak-child.ts", import.meta.url)), [], { env, execArgv: [] });
		this.exit = once(this.child, "exit");
		this.child.on("message", (note: SoakNote) => this.#take(note));
		this.child.send(task);
	}

	#take(note: SoakNote): void {
		if (note.kind === "error") return this.#soak.problem(this, note.text);
		if (note.leading && !this.isLeading) this.#soak.takeovers++;
		this.isLeading = note.leading;
		this.cpuMs = note.cpuMs;
	}
}

/** The processes, and what is done to them. */
class Soak {
	takeovers = 0;
	kills = 0;
	leadersKilled = 0;
	unexpectedExits = 0;
	errors = 0;
	readonly killed = new Map<number, number>();
	readonly #gone: Member[] = [];
	#members: Member[] = [];
	readonly #task: SoakTask;

	constructor(task: SoakTask, processes: number) {
		this.#task = task;
		for (let at = 0; at < processes; at++) this.#begin();
	}

	get cpuMs(): number {
		return [...this.#gone, ...this.#members].reduce((sum, { cpuMs }) => sum + cpuMs, 0);
	}

	problem({ child }: Member, text: string): void {
		this.errors++;
		console.error(`process ${child.pid}: ${text}`);
	}

	async kill(random: () => number): Promise<void> {
		const victim = this.#members[Math.floor(random() * this.#members.length)]!;
		this.kills++;
		if (victim.isLeading) this.leadersKilled++;
		victim.child.kill("SIGKILL");
		await victim.exit;
		this.killed.set(victim.child.pid!, Date.now());
	}

	/** @returns the codes with which they ended */
	async stop(): Promise<readonly unknown[]> {
		const last = this.#members;
		this.#members = [];
		this.#gone.push(...last);
		for (const { child } of last) child.kill("SIGTERM");
		return Promise.all(last.map(async ({ exit }) => (await exit)[0]));
	}

	#begin(): void {
		const member = new Member(this.#task, this);
		this.#members.push(member);
		void member.exit.then(([code, signal]) => {
			if (!this.#members.includes(member)) return;
			this.#members = this.#members.filter((other) => other !== member);
			this.#gone.push(member);
			if (signal !== "SIGKILL") {
				this.unexpectedExits++;
				this.problem(member, `ended by itself with ${code ?? signal}`);
			}
			this.#begin();
		});
	}
}

/** Waits until every trigger is over and every occurrence has ended. @returns whether that came about */
async function settled(file: string, endAt: number): Promise<boolean> {
	const { sqliteStore } = await importBuilt<typeof import("../src/index.js")>("index.js");
	const store = sqliteStore(file, { readOnly: true });
	try {
		while (Date.now() < endAt + SETTLE_MS) {
			const { pending = 0, running = 0, waiting = 0 } = await store.counts();
			const isOver = (await store.triggers()).every(({ over }) => over !== undefined);
			if (isOver && pending + running + waiting === 0) return true;
			await delay(LOOK_MS);
		}
		return false;
	} finally {
		await store.close();
	}
}

async function soak(options: SoakOptions, folder: string): Promise<Record<string, unknown> & SoakVerdict> {
	const { minutes, triggers, interval, processes, killEvery, lease, seed } = options;
	const random = seeded(seed);
	const endAt = Date.now() + minutes * 60_000;
	const file = join(folder, "soak.db");
	const effects = join(folder, "effects.jsonl");
	appendFileSync(effects, "");
	const running = new Soak({ file, effects, triggers, intervalMs: interval, leaseMs: lease, endAt }, processes);
	for (let reportAt = Date.now() + REPORT_MS; Date.now() < endAt; ) {
		// From a quarter to seven quarters of what it is on average.
		const wait = killEvery === 0 ? REPORT_MS : killEvery * 1_000 * (0.25 + 1.5 * random());
		await delay(Math.max(0, Math.min(wait, endAt - Date.now())));
		if (killEvery > 0 && Date.now() < endAt) await running.kill(random);
		if (Date.now() < reportAt) continue;
		reportAt += REPORT_MS;
		console.log(`${new Date().toISOString()}: ${running.kills} kills, ${running.takeovers} take-overs`);
	}
	const isSettled = await settled(file, endAt);
	const codes = await running.stop();
	const verdict = await judge(
		{ file, effects, intervalMs: interval, endAt, killed: running.killed },
		await importBuilt<typeof import("../src/index.js")>("index.js"),
	);
	const { takeovers, kills, leadersKilled, unexpectedExits, errors, cpuMs } = running;
	const counts = { takeovers, kills, leadersKilled, unexpectedExits, errors, cpuSeconds: Math.round(cpuMs / 1_000) };
	return { ...options, ...verdict, ...counts, isSettled, isClean: codes.every((code) => code === 0) };
}

function readOptions(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	const { values } = parseArgs({
		args: [...args],
		options: {
			...{
				minutes: text,
				triggers: text,
				interval: text,
				processes: text,
				"kill-every": text,
				lease: text,
				seed: text,
			},
			...{ json: text, keep: flag, help: flag },
		},
	});
	const number = (name: Exclude<keyof typeof values, "keep" | "help">, fallback: number): number => {
		const value = Number(values[name] ?? fallback);
		if (Number.isFinite(value) && value >= 0) return value;
		throw new UsageError(`--${name}: expected a number, got ${JSON.stringify(values[name])}`);
	};
	const options: SoakOptions = {
		minutes: number("minutes", 1),
		triggers: number("triggers", 50),
		interval: number("interval", 1_000),
		processes: number("processes", 3),
		killEvery: number("kill-every", 8),
		lease: number("lease", 2_000),
		seed: number("seed", 1),
	};
	return { options, json: values.json, keep: values.keep === true, help: values.help === true };
}

async function main(args: readonly string[]): Promise<void> {
	const { options, json, keep, help } = readOptions(args);
	if (help) return console.log(usage);
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-soak-"));
	try {
		const report = await soak(options, folder);
		console.log(JSON.stringify(report, null, "\t"));
		if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, "\t")}\n`);
		const { lost, doubled, unasked, isSettled, isClean } = report;
		if (lost + doubled + unasked > 0 || !isSettled || !isClean) process.exitCode = 1;
	} finally {
		if (keep) console.log(`the files are in ${folder}`);
		else rmSync(folder, { recursive: true, force: true });
	}
}

try {
	await main(process.argv.slice(2));
} catch (error) {
	if (!(error instanceof UsageError) && (error as NodeJS.ErrnoException).code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION")
		throw error;
	console.error(`${(error as Error).message}\n\n${usage}`);
	process.exitCode = 2;
}
