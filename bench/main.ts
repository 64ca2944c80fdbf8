import { measureCold, printCold } from "./cold.ts";
import { measureDurable } from "./durable.ts";
import { printDurable } from "./durable-report.ts";
import { measureFeatures, printFeatures } from "./features.ts";
import { Gauges } from "./gauge.ts";
import { printMarkdown } from "./markdown.ts";
import { measureMemory, printMemory } from "./memory.ts";
import { measureMutations, printMutations } from "./mutations.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { measureOverhead, printOverhead } from "./overhead.ts";
import { printVerdict, type Report, writeReport } from "./report.ts";
import { findRoster, type Roster } from "./roster.ts";
import { compareFiles, compareSmall } from "./schedules.ts";
import { measureService, printService } from "./service.ts";
import { printStanding, standingOf } from "./standing.ts";
import { measureStreaming, printStreaming } from "./streaming.ts";
import { UsageError } from "./usage-error.ts";

async function main(args: readonly string[]): Promise<void> {
	let options: Options | undefined;
	try {
		options = readOptions(args);
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		console.error(`${error.message}\n\n${usage}`);
		process.exitCode = 2;
		return;
	}
	if (options === undefined) console.log(usage);
	else if (options.schedules !== undefined) await compareFiles(options.schedules);
	else if (options.markdown !== undefined) printMarkdown(options.markdown);
	else await bench(options);
}

async function bench(options: Options): Promise<void> {
	const gauges = new Gauges(options.judging);
	const report: Report = { overhead: [], cold: [], features: [], mutations: [], memory: [] };
	const roster = await findRoster();
	for (const section of options.sections) await sections[section](options, report, gauges, roster);
	if (options.smoke) await compareSmall();
	printVerdict(gauges);
	if (options.json !== undefined) writeReport(options.json, report, gauges, options);
}

type Section = (options: Options, report: Report, gauges: Gauges, roster: Roster) => Promise<void>;

const sections: Readonly<Record<Options["sections"][number], Section>> = {
	overhead: async (options, report, gauges, roster) => {
		for (const workload of options.workloads) {
			const rows = await measureOverhead(workload, options, roster);
			printOverhead(workload, rows, gauges);
			report.overhead.push(...rows);
		}
		if (options.judging) printStanding(standingOf(report.overhead));
	},
	features: async (options, report) => {
		const { workloads, sizes, smoke } = options;
		report.features.push(...(await measureFeatures(options)));
		printFeatures(report.features);
		for (const workload of smoke ? workloads.slice(0, 1) : workloads) {
			for (const size of sizes) report.cold.push(await measureCold(workload, size, smoke ? 1 : 3));
		}
		printCold(report.cold);
	},
	mutations: async ({ graphSize, rounds }, report, gauges) => {
		report.mutations.push(...(await measureMutations(graphSize, rounds)));
		printMutations(report.mutations, gauges);
	},
	memory: async ({ workloads, sizes, smoke }, report, gauges, roster) => {
		for (const workload of smoke ? workloads.slice(0, 1) : workloads) {
			report.memory.push(...(await measureMemory(workload, smoke ? sizes.slice(0, 1) : sizes, roster)));
		}
		printMemory(report.memory, gauges);
	},
	durable: async ({ graphSize, rounds, smoke }, report, gauges) => {
		const nodes = smoke ? 1000 : graphSize;
		report.durable = await measureDurable({ nodes, rounds, resumed: smoke ? 3000 : 1_000_000 });
		printDurable(report.durable, gauges);
	},
	streaming: async ({ rounds, smoke }, report, gauges) => {
		report.streaming = await measureStreaming({ chunks: smoke ? 1000 : 50_000, rounds });
		printStreaming(report.streaming, gauges);
	},
	service: async ({ rounds, smoke }, report) => {
		report.service = await measureService({ occurrences: smoke ? 100 : 2000, rounds, idle: !smoke });
		printService(report.service);
	},
};

await main(process.argv.slice(2));
