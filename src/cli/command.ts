import { parseArgs } from "node:util";
import { type Salvaged, SwarmError, salvageJournal } from "../index.js";

const USAGE = `Usage: dagswarm salvage <from> <to> [--prefixes]

Copies the runs that can be read of a damaged journal into a new file.

  <from>       the damaged file; it is not changed, and no process may be writing it
  <to>         the new file; it must not be there
  --prefixes   copy a damaged run up to the last whole record before the damage

Exit code: 0 everything was copied, 1 something was not, 2 wrong arguments`;

/** Where a command writes: one text, lines and all. */
export interface Output {
	out(text: string): void;
	error(text: string): void;
}

/**
 * Does what the command line says.
 *
 * @param args - what follows the name of the command; by default that of this process
 * @returns the exit code: 0 all is well, 1 it failed in part or as a whole, 2 the arguments are wrong
 */
export function command(output: Output, args?: readonly string[]): 0 | 1 | 2 {
	let parsed: ReturnType<typeof parse>;
	try {
		parsed = parse(args);
	} catch (error) {
		output.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
		return 2;
	}
	const { values, positionals } = parsed;
	if (values.help) {
		output.out(USAGE);
		return 0;
	}
	const [name, from, to, ...others] = positionals;
	if (name !== "salvage" || from === undefined || to === undefined || others.length > 0) {
		output.error(USAGE);
		return 2;
	}
	try {
		const salvaged = salvageJournal(from, to, { prefixes: values.prefixes });
		output.out(report(salvaged, to));
		return salvaged.incomplete.length + salvaged.damaged.length + salvaged.nameless === 0 ? 0 : 1;
	} catch (error) {
		output.error(SwarmError.is(error) ? `${error.code}: ${error.message}` : String(error));
		return SwarmError.is(error) && error.code === "INVALID_OPTION" ? 2 : 1;
	}
}

function parse(args: readonly string[] | undefined) {
	return parseArgs({
		...(args !== undefined && { args: [...args] }),
		allowPositionals: true,
		options: {
			prefixes: { type: "boolean", default: false },
			help: { type: "boolean", short: "h", default: false },
		},
	});
}

function report({ copied, incomplete, damaged, nameless }: Salvaged, to: string): string {
	const lines = [`${runs(copied.length + incomplete.length)} copied to ${to}`];
	for (const { run, reason } of incomplete) lines.push(`  incomplete: ${run}: ${reason}`);
	if (damaged.length > 0) lines.push(`${runs(damaged.length)} not copied`);
	for (const { run, reason } of damaged) lines.push(`  damaged: ${run}: ${reason}`);
	if (nameless > 0) lines.push(`${runs(nameless)} not copied and not named: their list is damaged`);
	return lines.join("\n");
}

function runs(count: number): string {
	return count === 1 ? "1 run" : `${count} runs`;
}
