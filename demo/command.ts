import { access, constants, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readArguments, USAGE } from "./arguments.ts";
import { inspect } from "./inspection.ts";
import { type Output, progressOn } from "./progress.ts";
import { ProjectError } from "./project-error.ts";
import { figureRows, reportText } from "./report.ts";

const REPORT = "demo-report.md";
const GRAPH = "demo-graph.mmd";

/** Where a command runs and what it writes to. */
export interface Host {
	readonly cwd: string;
	readonly out: Output;
	readonly err: Pick<Output, "write">;
	/** Whether a line can be redrawn on `out`. */
	readonly terminal: boolean;
	/** Aborted when the user has had enough. */
	readonly signal: AbortSignal;
}

/** The demo as a command. @returns its exit code: 1 when the project or the output is at fault, 2 for wrong arguments */
export async function command(args: readonly string[], host: Host): Promise<number> {
	const asked = readArguments(args, host.cwd);
	if (asked.kind === "help") {
		host.out.write(`${USAGE}\n`);
		return 0;
	}
	if (asked.kind === "wrong") {
		host.err.write(`demo: ${asked.message} (--help shows the usage)\n`);
		return 2;
	}
	try {
		await demonstrate(asked.project, asked.out, host);
		return 0;
	} catch (error) {
		if (host.signal.aborted) {
			host.err.write("demo: interrupted, nothing written\n");
			return 130;
		}
		const { errno, message } = error as NodeJS.ErrnoException;
		if (error instanceof ProjectError) host.err.write(`demo: ${message}\n`);
		else if (errno !== undefined) host.err.write(`demo: cannot write to ${asked.out}: ${message}\n`);
		else throw error;
		return 1;
	}
}

async function demonstrate(project: string, folder: string, { out, terminal, signal }: Host): Promise<void> {
	await prepare(folder);
	out.write(`reading what is installed for ${project}\n`);
	const { summary, sections, figures, picture } = await inspect(project, progressOn(out, terminal), signal);
	await writeFile(join(folder, GRAPH), picture.mermaid);
	await writeFile(join(folder, REPORT), reportText(summary, sections, figures, { ...picture, file: GRAPH }));
	for (const [label, value] of figureRows(figures)) out.write(`${label.padEnd(30)}${value}\n`);
	out.write(`wrote ${join(folder, REPORT)} and ${GRAPH}\n`);
}

/** Before the run, not after it: a run whose report cannot be written is a waste. */
async function prepare(folder: string): Promise<void> {
	// Not recursive: on file systems that take no folders Node would try for ever.
	await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
		if (error.code !== "EEXIST") throw error;
	});
	if (!(await stat(folder)).isDirectory()) throw new ProjectError(`${folder} is no folder`);
	await access(folder, constants.W_OK);
}
