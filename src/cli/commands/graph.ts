import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { SwarmError } from "../../core/errors.js";
import { readRun, type StoredRun } from "../../run-reader.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { wholeOption } from "../option-values.js";
import { findRunId, readStore } from "../read-store.js";
import { json } from "../report/json.js";
import { counted } from "../report/one-line.js";
import { svgOf } from "../report/svg.js";
import type { Shared } from "../world.js";

interface Options {
	readonly mermaid?: boolean;
	readonly dot?: boolean;
	readonly svg?: boolean;
	readonly seq?: string;
	readonly out?: string;
}

const FORMATS = ["mermaid", "dot", "svg"] as const;

/** `dagswarm graph`: the graph of a run, for a picture. */
export const graph: Command = (program, world) => {
	program
		.command("graph")
		.description("Draws the graph of a run, its nodes coloured by their states.")
		.argument("<run>", "its id or a beginning of it, or @last")
		.option("--mermaid", "as a Mermaid flowchart (default)")
		.option("--dot", "in the language of Graphviz")
		.option("--svg", "as a picture")
		.option("--seq <n>", "as it stood after this event")
		.option("--out <file>", "into this file in place of stdout")
		.action(
			action(world, (shared: Shared, run: string, { seq, out, ...wanted }: Options) =>
				readStore(shared, async (journal) => {
					const format = formatOf(wanted);
					const atSeq = wholeOption(seq, "--seq", 1);
					const stored = await readRun(journal, await findRunId(journal, run), atSeq === undefined ? {} : { atSeq });
					const text = await drawingOf(stored, format);
					const { size } = stored.snapshot();
					if (out !== undefined) {
						const file = resolve(world.cwd, out);
						await writeTo(file, text);
						const said = { run: stored.id, format, nodes: size, file };
						world.out(shared.json ? json(said, world) : `${counted(size, "node")} drawn to ${file}`);
					} else if (shared.json) world.out(json({ run: stored.id, format, nodes: size, text }, world));
					else world.out(text.trimEnd());
					return EXIT.completed;
				}),
			),
		);
};

function formatOf(wanted: Pick<Options, (typeof FORMATS)[number]>): (typeof FORMATS)[number] {
	const formats = FORMATS.filter((each) => wanted[each] === true);
	if (formats.length <= 1) return formats[0] ?? "mermaid";
	throw new SwarmError("INVALID_OPTION", `--${formats.join(" and --")} are different drawings`, {
		hint: "name one of them",
	});
}

async function drawingOf(run: StoredRun, format: (typeof FORMATS)[number]): Promise<string> {
	switch (format) {
		case "mermaid":
			return run.toMermaid();
		case "dot":
			return run.toDot();
		case "svg":
			return svgOf(run.snapshot(), () => run.toDot());
	}
}

async function writeTo(file: string, text: string): Promise<void> {
	try {
		await writeFile(file, text);
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new SwarmError("INVALID_OPTION", `the drawing cannot be written: ${why}`, {
			hint: "--out names a file in a folder that is there",
		});
	}
}
