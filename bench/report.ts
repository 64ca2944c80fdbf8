import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ColdRow } from "./cold.ts";
import type { DurableFigures } from "./durable.ts";
import type { FeatureRow } from "./features.ts";
import { figure, type Gauges } from "./gauge.ts";
import type { MemoryRow } from "./memory.ts";
import type { MutationRow } from "./mutations.ts";
import type { Options } from "./options.ts";
import type { OverheadRow } from "./overhead.ts";
import type { ServiceFigures } from "./service.ts";
import { standingOf } from "./standing.ts";
import type { StreamingFigures } from "./streaming.ts";

/** All figures of one run, as they go into the JSON file. */
export interface Report {
	readonly overhead: OverheadRow[];
	readonly cold: ColdRow[];
	readonly features: FeatureRow[];
	readonly mutations: MutationRow[];
	readonly memory: MemoryRow[];
	durable?: DurableFigures;
	streaming?: StreamingFigures;
	service?: ServiceFigures;
}

export function writeReport(file: string, report: Report, gauges: Gauges, options: Options): void {
	const { version, arch, platform } = process;
	const { json: _, ...asked } = options;
	const about = { format: 1, at: new Date().toISOString(), node: version, v8: process.versions.v8, platform, arch };
	const standing = standingOf(report.overhead);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(
		file,
		`${JSON.stringify({ ...about, options: asked, ...report, standing, limits: gauges.all }, undefined, "\t")}\n`,
	);
}

/** Says which limits were missed, and by how much. */
export function printVerdict(gauges: Gauges): void {
	if (!gauges.judging) {
		console.log("\nlimits: not judged (a smoke run, or fewer than five rounds)");
		return;
	}
	if (gauges.all.length === 0) {
		console.log("\nlimits: none on what was measured");
		return;
	}
	const missed = gauges.all.filter((gauge) => !gauge.reached);
	console.log(`\nlimits: ${gauges.all.length - missed.length} of ${gauges.all.length} reached`);
	for (const { what, value, limit, unit } of missed) {
		console.log(`  missed: ${what}: ${figure(value)} ${unit}, limit ${figure(limit)}`);
	}
}
