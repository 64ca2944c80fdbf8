import { readFileSync } from "node:fs";
import type { DurableFigures } from "./durable.ts";
import { printDurableMarkdown } from "./durable-report.ts";
import { figure } from "./gauge.ts";
import type { OverheadRow } from "./overhead.ts";
import { UsageError } from "./usage-error.ts";

/** Prints the overhead and durable sections of a written report as tables of the README. */
export function printMarkdown(file: string): void {
	const { overhead, durable } = readReport(file);
	if (overhead.length > 0) printOverheadMarkdown(overhead);
	if (overhead.length > 0 && durable !== undefined) console.log("");
	if (durable !== undefined) printDurableMarkdown(durable);
}

function printOverheadMarkdown(overhead: readonly OverheadRow[]): void {
	const sizes = [...new Set(overhead.map((row) => row.size))];
	const lines = [
		`| workload | | ${sizes.map((size) => size.toLocaleString("en-US")).join(" | ")} |`,
		`|---|---|${sizes.map(() => "---|").join("")}`,
	];
	for (const workload of new Set(overhead.map((row) => row.workload))) {
		const rows = overhead.filter((row) => row.workload === workload);
		for (const contender of new Set(rows.map((row) => row.contender))) {
			const cells = sizes.map((size) => cellOf(rows.find((row) => row.size === size && row.contender === contender)));
			lines.push(`| ${contender === rows[0]!.contender ? workload : ""} | ${contender} | ${cells.join(" | ")} |`);
		}
	}
	const versions = new Map(overhead.map((row) => [row.contender, row.version]));
	const named = [...versions].flatMap(([name, version]) => (version === undefined ? [] : [`${name} ${version}`]));
	console.log(lines.join("\n"));
	if (named.length > 0) console.log(`\n${named.join(", ")}.`);
}

/** The product with its multiple of the ideal loop, everybody else with theirs of the product. */
function cellOf(row: OverheadRow | undefined): string {
	if (row === undefined) return "";
	if (row.cost === undefined) return row.note?.split(":")[0] ?? "";
	const median = figure(row.cost.median);
	if (row.contender === "dagswarm") return row.ratio === undefined ? median : `${median} (${figure(row.ratio)})`;
	const times = row.toProduct === undefined ? "" : ` [${figure(row.toProduct)}]`;
	return `${median}${times}${row.note?.startsWith("stopped") === true ? " †" : ""}`;
}

interface WrittenReport {
	readonly overhead: readonly OverheadRow[];
	readonly durable?: DurableFigures;
}

function readReport(file: string): WrittenReport {
	let report: Partial<WrittenReport>;
	try {
		report = JSON.parse(readFileSync(file, "utf8")) as typeof report;
	} catch (error) {
		throw new UsageError(`--markdown: ${(error as Error).message}`);
	}
	if (!Array.isArray(report.overhead)) throw new UsageError(`--markdown: ${file} is no report of this benchmark`);
	return { ...report, overhead: report.overhead };
}
