/** An axis of time. */
export interface Axis {
	/** Pixels per millisecond. */
	readonly scale: number;
	readonly ticks: readonly { readonly at: number; readonly text: string }[];
	/** What the numbers at the ticks are. */
	readonly unit: string;
}

const UNITS = [
	{ ms: 86_400_000, short: "d", long: "days" },
	{ ms: 3_600_000, short: "h", long: "hours" },
	{ ms: 60_000, short: "min", long: "minutes" },
	{ ms: 1_000, short: "s", long: "seconds" },
	{ ms: 1, short: "ms", long: "milliseconds" },
] as const;

/** Pixels between ticks, at least. */
const TICK_WIDTH = 80;
/** A unit is used from so many of it on: three minutes read better as 180 seconds. */
const LEAST_UNITS = 4;

/** An axis from 0 to a makespan, in a unit and with steps that people count in. */
export function axisOf(makespan: number, width: number): Axis {
	const scale = makespan === 0 ? 0 : width / makespan;
	const unit = UNITS.find(({ ms }) => makespan >= LEAST_UNITS * ms) ?? UNITS[4];
	const most = Math.max(1, Math.floor(width / TICK_WIDTH));
	const step = stepOf(makespan / unit.ms / most, unit.ms);
	const ticks: { at: number; text: string }[] = [];
	for (let k = 0; k * step * unit.ms <= makespan * (1 + 1e-9); k++) {
		ticks.push({ at: k * step * unit.ms, text: String(Number((k * step).toPrecision(12))) });
		if (makespan === 0) break;
	}
	return { scale, ticks, unit: unit.long };
}

/** The smallest step of 1, 2 or 5 times a power of ten, or of what a unit divides into, that is not below this. */
function stepOf(least: number, unitMs: number): number {
	const parts = unitMs === 60_000 || unitMs === 1_000 ? [15, 30, 60] : unitMs === 3_600_000 ? [6, 12, 24] : [];
	const power = 10 ** Math.floor(Math.log10(Math.max(least, Number.MIN_VALUE)));
	const steps = [power, 2 * power, 5 * power, 10 * power, ...parts];
	return Math.min(...steps.filter((step) => step >= least * (1 - 1e-9)));
}

/** A duration with its unit, to three digits or so. */
export function durationText(ms: number): string {
	const unit = UNITS.find((one) => ms >= one.ms) ?? UNITS[4];
	return `${Number((ms / unit.ms).toPrecision(4))} ${unit.short}`;
}
