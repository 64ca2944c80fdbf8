import { access, constants, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readArguments, USAGE } from "./arguments.ts";
import { inspect } from "./inspection.ts";
import { progressOn } from "./progress.ts";
import { ProjectError } from "./project-error.ts";
import { figureRows, reportText } from "./report.ts";

const REPORT = "demo-report.md";
const GRAPH = "demo-graph.mmd";

async function main(): Promise<number> {
	const { env } = process;
	// npm runs scripts in the folder of the package; paths are meant from where the user is.
	const cwd = (env["npm_lifecycle_event"] === "demo" ? env["INIT_CWD"] : undefined) ?? process.cwd();
	const args = readArguments(process.argv.slice(2), cwd);
	if (args.kind === "help") {
		console.log(USAGE);
		return 0;
	}
	if (args.kind === "wrong") {
		console.error(`demo: ${args.message} (--help shows the usage)`);
		return 2;
	}
	const stop = new AbortController();
	const interrupt = () => stop.abort();
	process.once("SIGINT", interrupt);
	try {
		await prepare(args.out);
		console.log(`reading what is installed for ${args.project}`);
		const terminal = process.stdout.isTTY && env["TERM"] !== "dumb";
		const { summary, sections, figures, picture } = await inspect(
			args.project,
			progressOn(process.stdout, terminal),
			stop.signal,
		);
		await writeFile(join(args.out, GRAPH), picture.mermaid);
		await writeFile(join(args.out, REPORT), reportText(summary, sections, figures, { ...picture, file: GRAPH }));
		for (const [label, value] of figureRows(figures)) console.log(`${label.padEnd(30)}${value}`);
		console.log(`wrote ${join(args.out, REPORT)} and ${GRAPH}`);
		return 0;
	} catch (error) {
		if (stop.signal.aborted) {
			console.error("demo: interrupted, nothing written");
			return 130;
		}
		const { errno, message } = error as NodeJS.ErrnoException;
		if (error instanceof ProjectError) console.error(`demo: ${message}`);
		else if (errno !== undefined) console.error(`demo: cannot write to ${args.out}: ${message}`);
		else throw error;
		return 1;
	} finally {
		process.off("SIGINT", interrupt);
	}
}

/** Before the run, not after it: a run whose report cannot be written is a waste. */
async function prepare(out: string): Promise<void> {
	await mkdir(out, { recursive: true });
	await access(out, constants.W_OK);
}

// `npm run demo | head` closes the pipe: no reason for a stack.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code !== "EPIPE") throw error;
	process.exit(0);
});
process.exitCode = await main();
