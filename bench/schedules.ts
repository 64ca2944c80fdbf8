import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
	compareSchedules,
	ganttSvg,
	type ReplayPolicy,
	readWorkflow,
	type ScheduleQuality,
	type Workflow,
} from "./schedule-kit.ts";
import type { ScheduleOptions } from "./schedule-options.ts";
import { printTable } from "./table.ts";

/** A row of the figures: everything but the schedule itself. */
type Row = Omit<ScheduleQuality, "schedule"> & { readonly workflow: string; readonly tasks: number };

/** Replays the workflows of some files and prints how far each schedule is from the best possible. */
export async function compareFiles(options: ScheduleOptions): Promise<void> {
	const rows: Row[] = [];
	for (const file of options.files) {
		const workflow = await readOrStop(file);
		if (workflow === undefined) return;
		rows.push(...(await compare(workflow, options)));
	}
	printMeans(rows);
	if (options.json !== undefined) writeRows(options.json, rows);
}

async function readOrStop(file: string): Promise<Workflow | undefined> {
	try {
		return await readWorkflow(file);
	} catch (error) {
		if ((error as { code?: unknown }).code !== "INVALID_WORKFLOW") throw error;
		console.error(`${file}: ${(error as Error).message}`);
		process.exitCode = 1;
		return undefined;
	}
}

async function compare(workflow: Workflow, { workers, policies, svg }: ScheduleOptions): Promise<Row[]> {
	const qualities = await compareSchedules(workflow, { workers, policies });
	if (svg !== undefined) for (const quality of qualities) draw(svg, workflow, quality);
	const rows = qualities.map(({ schedule: _, ...row }) => ({
		workflow: workflow.name,
		tasks: workflow.tasks.length,
		...row,
	}));
	printRows(workflow, rows);
	return rows;
}

function draw(folder: string, workflow: Workflow, { policy, workers, schedule }: ScheduleQuality): void {
	const name = workflow.name.replace(/[^\w.-]+/g, "-");
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, `${name}-${workers}-${policy}.svg`), ganttSvg(workflow, schedule, { label: policy }));
}

function printRows(workflow: Workflow, rows: readonly Row[]): void {
	printTable(
		`${workflow.name}: ${workflow.tasks.length} tasks (seconds of virtual time)`,
		["policy", "workers", "makespan", "bound", "ratio", "tighter bound", "ratio", "used", ""],
		rows.map((row) => [
			row.policy,
			String(row.workers),
			(row.makespan / 1000).toFixed(3),
			(row.lowerBound / 1000).toFixed(3),
			row.ratio.toFixed(3),
			(row.tighterBound / 1000).toFixed(3),
			row.ratioToTighter.toFixed(3),
			`${(100 * row.utilisation).toFixed(1)} %`,
			"",
		]),
	);
}

function printMeans(rows: readonly Row[]): void {
	const byPolicy = Map.groupBy(rows, ({ policy }): ReplayPolicy => policy);
	printTable(
		"means over all workflows and numbers of workers",
		["policy", "ratio", "ratio to the tighter bound", ""],
		[...byPolicy].map(([policy, some]) => [
			policy,
			mean(some.map(({ ratio }) => ratio)).toFixed(4),
			mean(some.map(({ ratioToTighter }) => ratioToTighter)).toFixed(4),
			"",
		]),
	);
}

function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function writeRows(file: string, rows: readonly Row[]): void {
	const { version, arch, platform } = process;
	const about = { format: 1, at: new Date().toISOString(), node: version, platform, arch };
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, `${JSON.stringify({ ...about, schedules: rows }, undefined, "\t")}\n`);
}

/** A workflow small enough to see that nothing is broken. */
const small = {
	name: "smoke",
	schemaVersion: "1.5",
	workflow: {
		specification: {
			tasks: [
				{ name: "split", id: "split", parents: [], children: ["left", "right"] },
				{ name: "work", id: "left", parents: ["split"], children: ["join"] },
				{ name: "work", id: "right", parents: ["split"], children: ["join"] },
				{ name: "join", id: "join", parents: ["left", "right"], children: [] },
			],
		},
		execution: {
			tasks: [
				{ id: "split", runtimeInSeconds: 1 },
				{ id: "left", runtimeInSeconds: 2 },
				{ id: "right", runtimeInSeconds: 3 },
				{ id: "join", runtimeInSeconds: 1 },
			],
		},
	},
};

/** Replays a small workflow whose makespan is known. */
export async function compareSmall(): Promise<void> {
	const workflow = await readWorkflow([JSON.stringify(small)]);
	const rows = await compareSchedules(workflow, { workers: 2 });
	for (const { policy, makespan, schedule } of rows) {
		if (makespan !== 5000) throw new Error(`${policy} took ${makespan} ms in place of 5000`);
		if (!ganttSvg(workflow, schedule).startsWith("<svg")) throw new Error("there is no picture");
	}
	printRows(
		workflow,
		rows.map(({ schedule: _, ...row }) => ({ workflow: workflow.name, tasks: workflow.tasks.length, ...row })),
	);
}
