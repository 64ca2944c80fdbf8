import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { Durability, NodeSpec, RunOutcome } from "dagswarm";
import { describe, expect, test } from "vitest";
import { withDatabase } from "../journal/journal-file.js";
import { type Program, programs } from "./processes.js";
import type { ReaderTask } from "./programs/reader.js";
import type { RunTask } from "./programs/run.js";
import type { ShiftTask } from "./programs/shift.js";
import { problemsOf, readEffects, readRun, type Told } from "./told.js";

const available = programs();

/** Processes that work on one file, one after the other or at a time. */
function shifts(nodes: readonly NodeSpec[], options: Partial<ShiftTask> = {}) {
	const task: ShiftTask = {
		file: available.path("runs.db"),
		effects: available.path("effects.jsonl"),
		durability: "strict",
		nodes,
		within: "2s",
		...options,
	};
	return {
		...task,
		task,
		/** A process which is there and waits for orders. */
		begin: async (...orders: string[]): Promise<Program> => {
			const program = available.start("shift", task);
			await program.expectLine("there");
			for (const order of orders) program.tell(order);
			return program;
		},
		/** How often each node was started, as seen from outside. */
		starts: (pid?: number): Record<string, number> => {
			const counts: Record<string, number> = {};
			for (const effect of readEffects(task.effects))
				if (effect.phase === "start" && (pid === undefined || effect.pid === pid))
					counts[effect.node] = (counts[effect.node] ?? 0) + 1;
			return counts;
		},
		told: async (run = "r"): Promise<Told> => {
			const told = await readRun(task.file, run);
			if (told === undefined) throw new Error(`there is no run ${run}`);
			expect(problemsOf(told)).toEqual([]);
			return told;
		},
	};
}

async function outcomeOf(program: Program): Promise<RunOutcome> {
	return JSON.parse((await program.expectLine(/^result /)).slice("result ".length)) as RunOutcome;
}

const CLEAN = { code: 0, signal: null, stderr: "" };
const KILLED = { code: null, signal: "SIGKILL", stderr: "" };

describe.concurrent("a node that brings down its process", () => {
	test("fails the third time, or at once where it says so; the others go on", async () => {
		const { begin, starts, told } = shifts([
			{ id: "deadly", agent: "deadly" },
			{ id: "careful", agent: "careful" },
			{ id: "after", agent: "work", join: "settled", dependsOn: ["deadly", "careful"], input: 7 },
		]);
		expect(await (await begin("start r")).ended).toEqual(KILLED);
		for (let crash = 2; crash <= 3; crash++) expect(await (await begin("recover r")).ended).toEqual(KILLED);
		expect(starts()).toEqual({ deadly: 3 });
		const last = await begin("recover r");
		const { status, outputs, failures } = await outcomeOf(last);
		expect({ status, outputs }).toEqual({ status: "completed", outputs: { after: 7 } });
		expect(failures).toMatchObject([
			{ id: "deadly", code: "CRASHED", attempts: 3 },
			{ id: "careful", code: "CRASHED", attempts: 1 },
		]);
		expect(await last.ended).toEqual(CLEAN);
		expect(starts()).toEqual({ deadly: 3, after: 1 });
		await told();
	});

	test("waits for a person where it says so, who lets it run or not", async () => {
		const { begin, starts, told } = shifts([
			{ id: "yes", agent: "cautious", input: 1 },
			{ id: "no", agent: "cautious", input: 2 },
		]);
		expect(await (await begin("start r")).ended).toEqual(KILLED);
		const asking = await begin("recover r");
		await asking.expectLine("event node.parked no");
		// Nobody answers in this process: the question outlives it.
		asking.signal("SIGKILL");
		await asking.ended;
		expect([...(await told()).snapshot.nodes()].map(({ state, wait }) => [state, wait?.kind])).toEqual([
			["waiting", "approval"],
			["waiting", "approval"],
		]);
		const last = await begin("recover r", "approve r yes", "reject r no");
		const { status, outputs, failures } = await outcomeOf(last);
		expect({ status, outputs }).toEqual({ status: "failed", outputs: { yes: 1 } });
		expect(failures).toMatchObject([
			{ id: "no", code: "CRASHED", message: expect.stringMatching(/Rejected by somebody: no more$/) },
		]);
		expect(await last.ended).toEqual(CLEAN);
		expect(starts(last.pid)).toEqual({ yes: 1 });
		await told();
	});
});

describe.concurrent("a process that is told to end", () => {
	test.each([
		["SIGTERM", "waits for what returns in time and interrupts the rest", 200],
		["SIGINT", "waits no longer than for what runs", "1h"],
	] as const)("%s: %s; another one goes on at once", async (signal, _, within) => {
		const stubborn: NodeSpec[] = within === "1h" ? [] : [{ id: "stubborn", agent: "stubborn", input: 3 }];
		const { begin, starts, told } = shifts(
			[
				{ id: "gated", agent: "gated", input: 1 },
				{ id: "after", agent: "work", dependsOn: ["gated"], input: 2 },
				...stubborn,
			],
			{ within },
		);
		const first = await begin("start r");
		await first.expectLine("start gated 1");
		if (stubborn.length > 0) await first.expectLine("start stubborn 1");
		first.signal(signal);
		await first.expectLine("draining");
		first.tell("go");
		expect((await outcomeOf(first)).status).toBe("suspended");
		expect(await first.ended).toEqual(CLEAN);
		await first.expectLine("drained");
		const between = await told();
		expect(between.summary).toMatchObject({ ended: false, writer: undefined });
		expect(between.snapshot.get("gated")).toMatchObject({ state: "completed" });

		const second = await begin("recover r");
		const { status, outputs, failures } = await outcomeOf(second);
		expect({ status, failures }).toEqual({ status: "completed", failures: [] });
		expect(outputs).toEqual({ after: 2, ...(stubborn.length > 0 && { stubborn: 3 }) });
		expect(await second.ended).toEqual(CLEAN);
		expect(starts(second.pid)).toEqual({ after: 1, ...(stubborn.length > 0 && { stubborn: 1 }) });
		const interrupted = (await told()).events.filter((event) => event.type === "node.attemptFailed");
		expect(interrupted.map(({ node, interrupted }) => [node, interrupted])).toEqual(
			stubborn.length > 0 ? [["stubborn", "shutdown"]] : [],
		);
	});
});

describe.concurrent("two processes", () => {
	test("that recover a run at the same moment: one does, the other is told that it is busy", async () => {
		const ROUNDS = 20;
		const { begin, told } = shifts([{ id: "sleeper", agent: "sleeper", input: 3_600_000 }]);
		const runs = Array.from({ length: ROUNDS }, (_, i) => `r${i}`);
		const dead = await begin(...runs.map((run) => `start ${run}`));
		await dead.line(/^event node.parked sleeper/, ROUNDS);
		dead.signal("SIGKILL");
		await dead.ended;
		const both = await Promise.all([begin(), begin()]);
		let refused = 0;
		for (const [round, run] of runs.entries()) {
			for (const program of both) program.tell(`recover ${run}`);
			const answers = await Promise.all(both.map((program) => program.line(/^(did|refused)/, round + 1)));
			expect(answers.filter((answer) => answer === `did recover ${run}`)).toHaveLength(1);
			refused += answers.filter((answer) => answer?.startsWith("refused RUN_BUSY") === true).length;
		}
		expect(refused).toBe(ROUNDS);
		for (const program of both) program.signal("SIGKILL");
		await Promise.all(both.map(({ ended }) => ended));
		for (const run of runs) expect((await told(run)).summary.epoch).toBe(2);
	});

	test.each<Durability>(["strict", "relaxed"])(
		"of which one was taken for dead: what it still does to that run is refused, and it stops: %s",
		async (durability) => {
			const { begin, starts, told, file } = shifts(
				[
					{ id: "gated", agent: "gated", input: 1 },
					{ id: "after", agent: "work", dependsOn: ["gated"], input: 2 },
				],
				{ durability },
			);
			const zombie = await begin("start r", "start other");
			await zombie.line("start gated 1", 2);
			const heir = await begin("recover r");
			expect(await heir.expectLine(/^refused/)).toMatch(
				new RegExp(`^refused RUN_BUSY: .*process ${zombie.pid} on ${hostname()} since \\d{4}-`),
			);
			zombie.signal("SIGSTOP");
			// As if it had been silent for a minute, on a machine that cannot be looked into.
			withDatabase(file, (db) => db.exec("UPDATE runs SET heartbeat = heartbeat - 60000, host = 'elsewhere'"));
			heir.tell("recover r");
			await heir.expectLine("start gated 2");
			zombie.signal("SIGCONT");
			// Both of its runs have something to write at the same moment.
			zombie.tell("go");
			expect(await zombie.expectLine(/^result .*"FENCED: /)).toContain('"status":"failed"');
			expect(await zombie.expectLine(/^result .*"status":"completed"/)).toContain('"outputs":{"after":2}');
			// Where effects run ahead, readers may have seen an end that is none.
			if (durability === "strict") await zombie.expectLine("events end with FENCED");
			expect(await zombie.ended).toEqual(CLEAN);
			heir.tell("go");
			expect(await outcomeOf(heir)).toMatchObject({ status: "completed", outputs: { after: 2 } });
			expect(await heir.ended).toEqual(CLEAN);
			expect(starts(heir.pid)).toEqual({ gated: 1, after: 1 });
			// Once for the other run; where effects run ahead, perhaps for this one before it was told.
			if (durability === "strict") expect(starts(zombie.pid)).toEqual({ gated: 2, after: 1 });
			const { events, summary } = await told();
			expect(summary.epoch).toBe(2);
			expect(events.filter(({ type }) => type === "node.completed")).toHaveLength(2);
			expect((await told("other")).summary).toMatchObject({ epoch: 1, ended: true });
		},
	);

	test("of which the second has a clock an hour behind: a sleeper sleeps no longer for it", async () => {
		const { begin, told, task } = shifts([{ id: "sleeper", agent: "sleeper", input: 400 }]);
		const first = await begin("start r");
		await first.expectLine("event node.parked sleeper");
		first.signal("SIGKILL");
		await first.ended;
		const second = available.start("shift", { ...task, clockShift: -3_600_000 } satisfies ShiftTask);
		second.tell("recover r");
		expect((await outcomeOf(second)).status).toBe("completed");
		expect(await second.ended).toEqual(CLEAN);
		await told();
	});

	test("of which one only reads do not disturb each other", async () => {
		const file = available.path("runs.db");
		const run = "plan";
		const task: RunTask = { file, effects: available.path("effects.jsonl"), run, durability: "strict", later: false };
		const writer = available.start("run", task);
		await writer.expectLine(".");
		const reading: ReaderTask = { file, run };
		const readers = [available.start("reader", reading), available.start("reader", reading)];
		expect(await writer.ended).toEqual(CLEAN);
		const told = await readRun(file, run);
		const events = told?.events ?? [];
		const hash = createHash("sha256");
		for (const event of events) hash.update(JSON.stringify(event));
		const expected = `${events.length} ${hash.digest("hex")}`;
		for (const reader of readers) {
			expect(await reader.ended).toEqual(CLEAN);
			expect(reader.lines.at(-1)).toBe(expected);
		}
	});
});
