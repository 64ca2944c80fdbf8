const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** Bytes in the unit that keeps them short, a thousand to the next. */
export function bytesText(bytes: number): string {
	let value = bytes;
	let unit = 0;
	while (value >= 999.95 && unit < UNITS.length - 1) {
		value /= 1000;
		unit++;
	}
	return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A number with its thousands apart. */
export function count(value: number): string {
	return value.toLocaleString("en-US");
}

/** A number of things, in words. */
export function things(value: number, one: string, many = `${one}s`): string {
	return `${count(value)} ${value === 1 ? one : many}`;
}

export function duration(ms: number): string {
	return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Names and messages come from the disk: what could steer a terminal is shown as a question mark. */
export function printable(text: string): string {
	return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}

/** Text as it may stand in Markdown without being taken for markup. */
export function plain(text: string): string {
	return printable(text).replace(/[\\`*_{}[\]<>|#~]/g, "\\$&");
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
	return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The first names of a list, and how many more there are. */
export function some(names: readonly string[], most: number): string {
	const shown = names.slice(0, most).map(plain).join(", ");
	return names.length > most ? `${shown} and ${count(names.length - most)} more` : shown;
}
