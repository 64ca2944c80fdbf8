import { cutEnd, widthOf } from "../live/text-width.js";
import type { Paint } from "./paint.js";

type Format = Parameters<Paint>[0];

/** One field of a line: its text, and how it looks. */
export interface Cell {
	readonly text: string;
	readonly format?: Format;
	/** So many characters at its beginning are lines that are drawn, and have no colour of their own. */
	readonly lead?: number;
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
			if (column < row.length - 1) widths[column] = Math.max(widths[column] ?? 0, Math.min(widthOf(text), widest));
		}
	}
	return rows.map((row) => {
		let line = indent;
		let room = width - indent.length;
		for (const [column, cell] of row.entries()) {
			const isLast = column === row.length - 1;
			const wanted = isLast ? room : Math.min(widths[column] ?? 0, room);
			const shown = cutEnd(cell.text, wanted);
			line += painted(shown, cell, paint);
			if (isLast) break;
			const filled = Math.min((widths[column] ?? 0) + GAP, room);
			line += " ".repeat(Math.max(0, filled - widthOf(shown)));
			room -= filled;
		}
		return line.trimEnd();
	});
}

function painted(shown: string, { format, lead = 0 }: Cell, paint: Paint): string {
	if (format === undefined || shown.length <= lead) return shown;
	return shown.slice(0, lead) + paint(format, shown.slice(lead));
}
