import type { OccurrenceCounts, ServiceNumbers } from "./service-metrics.js";

/** What all samples of one name have in common. */
interface Family {
	/** Without the `_total` that counters have. */
	readonly name: string;
	readonly type: "counter" | "gauge" | "summary";
	readonly help: string;
	readonly samples: readonly Sample[];
}

interface Sample {
	/** What is put behind the name. */
	readonly suffix?: "_total" | "_sum" | "_count";
	readonly labels?: Readonly<Record<string, string>>;
	readonly value: number;
}

/** The two formats that are read by what collects metrics. */
export const METRICS_TYPES = {
	prometheus: "text/plain; version=0.0.4; charset=utf-8",
	openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

/**
 * The numbers of a service in the text format of Prometheus 0.0.4, or that of OpenMetrics 1.0, which names counters without their
 * suffix and says where it ends.
 */
export function metricsText(numbers: ServiceNumbers, format: keyof typeof METRICS_TYPES): string {
	const isOpen = format === "openMetrics";
	const lines = familiesOf(numbers).flatMap(({ name, type, help, samples }) => {
		const family = type === "counter" && !isOpen ? `${name}_total` : name;
		return [
			`# HELP ${family} ${escaped(help)}`,
			`# TYPE ${family} ${type}`,
			...samples.map(({ suffix = "", labels = {}, value }) => `${name}${suffix}${labelsText(labels)} ${value}`),
		];
	});
	if (isOpen) lines.push("# EOF");
	return `${lines.join("\n")}\n`;
}

const COUNTS: Readonly<Record<keyof OccurrenceCounts, string>> = {
	started: "Occurrences whose first attempt this process has started.",
	retried: "Further attempts that this process has started.",
	completed: "Occurrences that have completed in this process.",
	failed: "Occurrences that have failed in this process.",
	cancelled: "Occurrences that this process has cancelled.",
	skipped: "Occurrences that this process has left out.",
};

function familiesOf({ isLeading, running, open, byTrigger, delay, errors }: ServiceNumbers): Family[] {
	const counts = (Object.keys(COUNTS) as (keyof OccurrenceCounts)[]).map(
		(what): Family => ({
			name: `dagswarm_occurrences_${what}`,
			type: "counter",
			help: COUNTS[what],
			samples: Object.entries(byTrigger).map(([trigger, each]) => ({
				suffix: "_total",
				labels: { trigger },
				value: each[what],
			})),
		}),
	);
	return [
		gauge("dagswarm_leading", "1 in the process that decides what starts.", [{ value: isLeading ? 1 : 0 }]),
		gauge("dagswarm_running", "Runs of occurrences that go on in this process.", [{ value: running }]),
		gauge(
			"dagswarm_occurrences_open",
			"Occurrences in the store that have not ended.",
			Object.entries(open).map(([state, value]) => ({ labels: { state }, value })),
		),
		...counts,
		{
			name: "dagswarm_start_delay_seconds",
			type: "summary",
			help: "From when occurrences were due to when they started, those excepted that were missed.",
			samples: [
				{ suffix: "_sum", value: delay.sum },
				{ suffix: "_count", value: delay.count },
			],
		},
		gauge("dagswarm_start_delay_seconds_max", "The longest of these delays.", [{ value: delay.max }]),
		{
			name: "dagswarm_errors",
			type: "counter",
			help: "What failed in the background and is tried again.",
			samples: [{ suffix: "_total", value: errors }],
		},
	];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
	return { name, type: "gauge", help, samples };
}

function labelsText(labels: Readonly<Record<string, string>>): string {
	const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
	return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
	return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
