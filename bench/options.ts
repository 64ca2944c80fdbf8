import { parseArgs } from "node:util";
import { readScheduleOptions, type ScheduleOptions, scheduleUsage } from "./schedule-options.ts";
import { UsageError } from "./usage-error.ts";
import { type WorkloadName, workloadNames } from "./workloads.ts";

export const sectionNames = ["overhead", "features", "mutations", "memory", "durable", "streaming", "service"] as const;

export type SectionName = (typeof sectionNames)[number];

/** What this run of the benchmark does. */
export interface Options {
	readonly sections: readonly SectionName[];
	readonly workloads: readonly WorkloadName[];
	/** Ascending. */
	readonly sizes: readonly number[];
	/** Nodes in the graphs of the features, mutations and durable sections. */
	readonly graphSize: number;
	readonly rounds: number;
	/** Small graphs are run several times per sample, so that a sample is longer than the noise of the clock. */
	readonly nodesPerSample: number;
	/** Where the figures go as JSON; nowhere when left out. */
	readonly json: string | undefined;
	/** A report to print as a table for the README; then nothing is measured. */
	readonly markdown: string | undefined;
	/** Everything once and very small: is it broken? */
	readonly smoke: boolean;
	/** Workflows to replay; then nothing else is measured. */
	readonly schedules: ScheduleOptions | undefined;
	/** Whether the figures mean anything: enough rounds, and not the smoke run. */
	readonly judging: boolean;
}

export const usage = `npm run bench -- [options]

  --section NAME[,…]    ${sectionNames.join(", ")} (default all)
  --durable             the durable section alone
  --workload NAME[,…]   ${workloadNames.join(", ")} (default all)
  --size N[,…]          nodes (default 1000,10000,100000,1000000; features, mutations and durable take the
                        largest, at most 100000)
  --rounds N            measured rounds; limits are judged from five on (default 7)
  --json FILE           where the figures go (default bench/results/latest.json)
  --markdown FILE       measures nothing: prints the overhead and durable sections of such a file as tables of
                        the README
  --smoke               everything once and very small, to see that nothing is broken; writes only to --json
  --help                this text

${scheduleUsage}`;

/** Reads the command line, or returns `undefined` when only help is wanted. */
export function readOptions(args: readonly string[]): Options | undefined {
	const values = parse(args);
	if (values.help === true) return undefined;
	const smoke = values.smoke === true;
	const sizes = values.size === undefined ? undefined : numbers("--size", values.size, 100, 5_000_000);
	const rounds = values.rounds === undefined ? undefined : numbers("--rounds", values.rounds, 1, 1000);
	if (rounds !== undefined && rounds.length > 1) throw new UsageError("--rounds takes one number");
	const given = sizes?.toSorted((a, b) => a - b) ?? (smoke ? [100, 5000] : [1000, 10_000, 100_000, 1_000_000]);
	const count = rounds?.[0] ?? (smoke ? 1 : 7);
	return {
		sections: sectionsOf(values.section, values.durable === true),
		workloads: names("--workload", values.workload, workloadNames),
		sizes: given,
		graphSize: Math.min(given.at(-1)!, 100_000),
		rounds: count,
		nodesPerSample: smoke ? 1000 : 20_000,
		json: values.json ?? (smoke ? undefined : new URL("results/latest.json", import.meta.url).pathname),
		markdown: values.markdown,
		smoke,
		schedules: readScheduleOptions(values),
		judging: !smoke && count >= 5,
	};
}

function parse(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	try {
		return parseArgs({
			args: [...args],
			options: {
				...{ section: text, workload: text, size: text, rounds: text, json: text },
				...{ smoke: flag, help: flag, durable: flag },
				...{ workflow: text, workers: text, policy: text, svg: text, markdown: text },
			},
		}).values;
	} catch (error) {
		throw new UsageError((error as Error).message);
	}
}

function sectionsOf(section: string | undefined, durable: boolean): readonly SectionName[] {
	if (!durable) return names("--section", section, sectionNames);
	if (section !== undefined) throw new UsageError("--durable is --section durable: give one of them");
	return ["durable"];
}

function names<Name extends string>(option: string, text: string | undefined, known: readonly Name[]): readonly Name[] {
	if (text === undefined) return known;
	const asked = new Set(text.split(","));
	for (const name of asked) {
		if (!(known as readonly string[]).includes(name)) {
			throw new UsageError(`${option}: expected one of ${known.join(", ")}, got ${JSON.stringify(name)}`);
		}
	}
	return known.filter((name) => asked.has(name));
}

function numbers(option: string, text: string, least: number, most: number): number[] {
	return text.split(",").map((part) => {
		const value = Number(part);
		if (/^\d+$/.test(part) && value >= least && value <= most) return value;
		throw new UsageError(`${option}: expected a whole number from ${least} to ${most}, got ${JSON.stringify(part)}`);
	});
}
