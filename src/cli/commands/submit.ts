import { SwarmError } from "../../core/errors.js";
import type { GraphSpec } from "../../swarm-options.js";
import type { StartSpec } from "../../triggers/trigger.js";
import { action, type Command } from "../action.js";
import { tellPut } from "../await-occurrence.js";
import { durationOption, jsonOption } from "../option-values.js";
import { jsonInput, readText } from "../read-text.js";
import { withBooks } from "../use-books.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly input?: string;
	readonly key?: string;
	readonly deadline?: string;
	readonly wait?: boolean;
}

/** `dagswarm submit`: hands something in to be run by the service. */
export const submit: Command = (program, world) => {
	program
		.command("submit")
		.description("Hands something in to be run by the service of the store. It is kept until one runs.")
		.argument("<what>", "an agent or a skill of the project, `graph` for its own graph, or a .json file with a graph")
		.option("--input <json>", "what it takes (default: the occurrence); @FILE reads it from a file")
		.option("--key <key>", "twice the same key is one submission (default: a fresh one)")
		.option("--deadline <time>", "ends it after so long, such as 5m")
		.option("--wait", "waits until it has ended, and exits with its exit code")
		.action(
			action(world, (shared: Shared, what: string, { key, wait = false, ...options }: Options) => {
				const start = startOf(what, options.input, world);
				const deadline = durationOption(options.deadline, "--deadline");
				return withBooks("create", shared, world, async (books) => {
					const put = await books.occurrences.submit(start, {
						...(key !== undefined && { key }),
						...(deadline !== undefined && { deadline }),
					});
					return tellPut(put, wait, books, shared, world);
				});
			}),
		);
};

function startOf(what: string, input: string | undefined, world: World): GraphSpec | StartSpec {
	const given = jsonInput(input, "--input", world);
	if (!what.endsWith(".json")) return given === undefined ? what : { call: what, input: given };
	if (given !== undefined)
		throw new SwarmError("INVALID_OPTION", "--input is for an agent or a skill: a graph has inputs of its own");
	const graph = jsonOption(readText(what, "the graph", world), what);
	if (typeof graph === "object" && graph !== null && "nodes" in graph) return graph as GraphSpec;
	throw new SwarmError("INVALID_SPEC", `${what} holds no graph`, {
		hint: '{ "nodes": [{ "id": "a", "agent": "…", "input": … }] }',
	});
}
