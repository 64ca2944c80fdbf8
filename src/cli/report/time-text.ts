const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in a few characters: `350 ms`, `4.2 s`, `3 m 5 s`, `2 h 10 m`, `5 d 3 h`. */
export function lengthText(ms: number): string {
	if (!(ms > 0)) return "0 ms";
	if (ms < 999.5) return `${Math.max(1, Math.round(ms))} ms`;
	if (ms < 59_950) return `${(ms / SECOND).toFixed(1)} s`;
	if (ms < HOUR - 500) return pair(Math.round(ms / SECOND), 60, "m", "s");
	if (ms < DAY - 30_000) return pair(Math.round(ms / MINUTE), 60, "h", "m");
	return pair(Math.round(ms / HOUR), 24, "d", "h");
}

function pair(count: number, factor: number, large: string, small: string): string {
	const rest = count % factor;
	const whole = `${Math.floor(count / factor)} ${large}`;
	return rest === 0 ? whole : `${whole} ${rest} ${small}`;
}

/** A moment as the clock on the wall here shows it: `2026-11-25 20:00:01`. */
export function momentText(at: number): string {
	return `${dayText(at)} ${clockText(at)}`;
}

/** The day of a moment here: `2026-11-25`. */
export function dayText(at: number): string {
	const date = new Date(at);
	return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The time of day of a moment here, to the second or the millisecond. */
export function clockText(at: number, precise = false): string {
	const date = new Date(at);
	const seconds = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
	return precise ? `${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}` : seconds;
}

function two(count: number): string {
	return String(count).padStart(2, "0");
}
