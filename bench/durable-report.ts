import type { DurableFigures, DurableRow } from "./durable.ts";
import { type DurableCase, type DurableCaseName, durableCases } from "./durable-cases.ts";
import { figure, type Gauges } from "./gauge.ts";
import { printTable } from "./table.ts";

/** A limit on a figure of a row. */
interface Limit {
	readonly what: string;
	readonly value: number;
	readonly limit: number;
	readonly unit: string;
}

const perNode = "µs/node";
const MOST_BYTES = 450;
const RESUME_SECONDS = 4;

/** A run that waits for the disk may take 1.3 times what the disk takes, and the runtime beside it. */
function diskLimit(row: DurableRow, sync: number): Limit {
	return { what: "wall", value: row.wall.median, limit: 1.3 * (2 + sync * row.commits), unit: perNode };
}

const six = (row: DurableRow): Limit => ({ what: "wall", value: row.wall.median, limit: 6, unit: perNode });
const bytes = (row: DurableRow): Limit => ({ what: "disk", value: row.bytes, limit: MOST_BYTES, unit: "bytes/node" });
const commits = (row: DurableRow, limit: number): Limit => {
	return { what: "commits", value: row.commits, limit, unit: "commits/node" };
};

const limits: Readonly<Partial<Record<DurableCaseName, (row: DurableRow, sync: number) => Limit>>> = {
	relaxed: six,
	strict: diskLimit,
	// No more than a layer can share a commit, whatever else is allowed at a time.
	strict512: diskLimit,
	wide512: six,
	chain: (row) => commits(row, 1.1),
	independent: (row) => commits(row, 1.1 / durableCases.independent.concurrency),
	outputs: bytes,
	strictOutputs: bytes,
};

export function printDurable({ sync, rows, resume }: DurableFigures, gauges: Gauges): void {
	const cells = rows.map((row) => {
		const limit = limits[row.case]?.(row, sync.median);
		const { name } = durableCases[row.case];
		const said = limit && gauges.judge(`${name}, ${limit.what}`, limit.value, limit.limit, limit.unit);
		return [...cellsOf(row), said ? `${limit.what} ${said}` : ""];
	});
	printTable(
		`durable runs, µs/node; a commit that only waits for the disk: ${syncText(sync)}`,
		["case", "at a time", ...columns, "limits"],
		cells,
	);
	const { wall, opened, events, bytes } = resume;
	printTable(
		"resume in a fresh process, seconds",
		["", "events", "MB on disk", "open", "best", "median", "limits"],
		[
			[
				"recover",
				events.toLocaleString("en-US"),
				figure(bytes / 1e6),
				figure(opened.median),
				figure(wall.best),
				figure(wall.median),
				gauges.judge("resume", wall.median, RESUME_SECONDS, "s"),
			],
		],
	);
}

function syncText({ median, mean }: DurableFigures["sync"]): string {
	return `${figure(median)} µs (mean ${figure(mean)})`;
}

const columns = ["nodes", "wall best", "median", "CPU best", "median", "in append", "commits/node", "bytes/node"];

function cellsOf(row: DurableRow): string[] {
	const { name, concurrency }: DurableCase = durableCases[row.case];
	return [
		name,
		String(concurrency),
		row.nodes.toLocaleString("en-US"),
		figure(row.wall.best),
		figure(row.wall.median),
		figure(row.cpu.best),
		figure(row.cpu.median),
		row.commits === 0 ? "–" : figure(row.append),
		row.commits === 0 ? "–" : row.commits.toFixed(4),
		row.bytes === 0 ? "–" : figure(row.bytes),
	];
}

/** Prints the section as the table of the README; bold: a limit missed. */
export function printDurableMarkdown({ sync, rows, resume }: DurableFigures): void {
	const head = ["case", "at a time", ...columns, "limit"];
	const lines = [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`];
	for (const row of rows) {
		const limit = limits[row.case]?.(row, sync.median);
		lines.push(`| ${[...cellsOf(row), limit === undefined ? "" : limitText(limit)].join(" | ")} |`);
	}
	const { wall, events, bytes } = resume;
	const limit = { what: "resume", value: wall.median, limit: RESUME_SECONDS, unit: "s" };
	console.log(lines.join("\n"));
	console.log(
		`\nA commit that only waits for the disk: ${syncText(sync)}. Resume of a run of ${events.toLocaleString("en-US")} ` +
			`events (${figure(bytes / 1e6)} MB): ${figure(wall.median)} s, best ${figure(wall.best)} s; ${limitText(limit)}.`,
	);
}

function limitText({ what, value, limit, unit }: Limit): string {
	return value <= limit ? `${what} ≤ ${figure(limit)} ${unit}` : `**${what} ≤ ${figure(limit)} ${unit}**`;
}
