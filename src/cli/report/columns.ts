import type { Paint } from "./paint.js";

type Format = Parameters<Paint>[0];

/** One field of a line: its text, and how it looks. */
export interface Cell {
	readonly text: string;
	readonly format?: Format;
}

/** How columns are set. */
export interface ColumnsOptions {
	readonly paint: Paint;
	/** Lines are cut to it; undefined: they are not. */
	readonly width?: number | undefined;
	/** Before each line. */
	readonly indent?: string;
	/** No column but the last is wider. */
	readonly widest?: number;
}

const GAP = 2;

/** Lines whose fields stand below each other. Colours take no room. */
export function columns(rows: readonly (readonly Cell[])[], options: ColumnsOptions): string[] {
	const { paint, width = Number.POSITIVE_INFINITY, indent = "", widest = 60 } = options;
	const widths: number[] = [];
	for (const row of rows) {
		for (const [column, { text }] of row.entries()) {
			if (column < row.length - 1) widths[column] = Math.max(widths[column] ?? 0, Math.min(text.length, widest));
		}
	}
	return rows.map((row) => {
		let line = indent;
		let room = width - indent.length;
		for (const [column, { text, format }] of row.entries()) {
			const isLast = column === row.length - 1;
			const wanted = isLast ? room : Math.min(widths[column] ?? 0, room);
			const shown = cut(text, wanted);
			line += format === undefined || shown === "" ? shown : paint(format, shown);
			if (isLast) break;
			const filled = Math.min((widths[column] ?? 0) + GAP, room);
			line += " ".repeat(filled - shown.length);
			room -= filled;
		}
		return line.trimEnd();
	});
}

function cut(text: string, width: number): string {
	if (text.length <= width) return text;
	return width <= 0 ? "" : `${text.slice(0, width - 1)}…`;
}
