/** Prints rows under a heading, columns aligned; everything but the first `texts` columns and the last is a number. */
export function printTable(
	heading: string,
	columns: readonly string[],
	rows: readonly (readonly string[])[],
	texts = 1,
): void {
	const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => (row[at] ?? "").length)));
	const line = (cells: readonly string[]) =>
		cells
			.map((cell, at) =>
				at < texts || at === columns.length - 1 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!),
			)
			.join("  ")
			.trimEnd();
	console.log(`\n${heading}\n`);
	console.log(line(columns));
	console.log(
		widths
			.map((width) => "─".repeat(width))
			.join("  ")
			.trimEnd(),
	);
	for (const row of rows) console.log(line(row));
}
