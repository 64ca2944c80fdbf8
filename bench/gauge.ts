/** A limit that the project has set itself, and how a measured figure stands to it. */
export interface Gauge {
	readonly what: string;
	readonly value: number;
	readonly limit: number;
	readonly unit: string;
	readonly reached: boolean;
}

/** The limits that were looked at in this run of the benchmark. */
export class Gauges {
	readonly all: Gauge[] = [];

	/** Rounds and sizes are too small for figures to mean anything: everything is measured and nothing is judged. */
	readonly judging: boolean;

	constructor(judging: boolean) {
		this.judging = judging;
	}

	/** Notes a figure against its limit and says how it stands, for a table. */
	judge(what: string, value: number, limit: number, unit: string): string {
		if (!this.judging) return "";
		const reached = value <= limit;
		this.all.push({ what, value, limit, unit, reached });
		return `${reached ? "reached" : "MISSED"} (≤ ${figure(limit)})`;
	}
}

/** A number with as many digits as it is good for. */
export function figure(value: number): string {
	if (!Number.isFinite(value)) return "–";
	if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
	return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
