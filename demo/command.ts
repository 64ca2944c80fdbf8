import { access, constants, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SwarmError } from "dagswarm";
import { type Arguments, readArguments, resumeCommand, USAGE } from "./arguments.ts";
import { inspectDurably, Stopped, Suspended } from "./durable-inspection.ts";
import { type Inspection, inspect } from "./inspection.ts";
import { type Output, progressOn } from "./progress.ts";
import { ProjectError } from "./project-error.ts";
import { figureRows, reportText } from "./report.ts";
import { stoppedCode } from "./stop.ts";
import { printable } from "./text.ts";

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

type Asked = Extract<Arguments, { readonly out: string }>;

/**
 * The demo as a command.
 *
 * @returns its exit code: 1 when the project, the journal or the output is at fault, 2 for wrong arguments, 130 or
 * 143 when it was stopped by SIGINT or SIGTERM
 */
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
		await demonstrate(asked, host);
		return 0;
	} catch (error) {
		const stopped = whenStopped(error, asked, host);
		const said = stopped ?? fault(error, asked);
		if (said === undefined) throw error;
		host.err.write(`demo: ${said}\n`);
		return stopped === undefined ? 1 : stoppedCode(host.signal);
	}
}

async function demonstrate(asked: Asked, host: Host): Promise<void> {
	const { out } = host;
	await prepare(asked.out);
	const { summary, sections, figures, picture } = await inspection(asked, host);
	await writeFile(join(asked.out, GRAPH), picture.mermaid);
	await writeFile(join(asked.out, REPORT), reportText(summary, sections, figures, { ...picture, file: GRAPH }));
	for (const [label, value] of figureRows(figures)) out.write(`${label.padEnd(30)}${value}\n`);
	out.write(`wrote ${join(asked.out, REPORT)} and ${GRAPH}\n`);
}

function inspection(asked: Asked, { out, terminal, signal, cwd }: Host): Promise<Inspection> {
	const progress = progressOn(out, terminal);
	if (asked.kind === "run") {
		out.write(`reading what is installed for ${asked.project}\n`);
		return inspect(asked.project, progress, signal);
	}
	const { run } = asked;
	if ("project" in run) out.write(`reading what is installed for ${run.project}\n`);
	const onKept = (id: string) => {
		out.write(`kept in ${run.journal}; if this ends early, it goes on with\n`);
		out.write(`  ${resumeCommand(id, run.journal, asked.out, cwd)}\n`);
	};
	return inspectDurably(run, progress, { signal, onKept });
}

/** What is said when the user has stopped it; undefined when something else has. */
function whenStopped(error: unknown, asked: Asked, { cwd, signal }: Host): string | undefined {
	if (error instanceof Suspended && asked.kind === "durable")
		return `interrupted, go on with: ${resumeCommand(error.run, asked.run.journal, asked.out, cwd)}`;
	const inMemory = signal.aborted && asked.kind === "run";
	return inMemory || error instanceof Stopped ? "interrupted, nothing written" : undefined;
}

/** What is wrong, in one line; undefined for what is a bug. */
function fault(error: unknown, { out }: Asked): string | undefined {
	const { errno, message } = error as NodeJS.ErrnoException;
	if (error instanceof ProjectError) return message;
	if (SwarmError.is(error)) return error.code === "INTERNAL" ? undefined : printable(message);
	return errno === undefined ? undefined : `cannot write to ${out}: ${message}`;
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
