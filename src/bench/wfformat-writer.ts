import { SwarmError } from "../core/errors.js";
import type { RunEvent } from "../graph/types.js";
import { type TracedNode, traceRun } from "./run-trace.js";
import { invalid } from "./workflow.js";

/** A task of the specification. */
export interface WfFormatTask {
	readonly name: string;
	readonly id: string;
	readonly parents: readonly string[];
	readonly children: readonly string[];
}

/** A task of the execution. */
export interface WfFormatExecutedTask {
	readonly id: string;
	readonly runtimeInSeconds: number;
	/** When it started first; left out when it never did. */
	readonly executedAt?: string;
	readonly command: { readonly program: string };
	readonly priority?: number;
	readonly machines?: readonly string[];
}

/** The machine that a run was on. */
export interface WfFormatMachine {
	/** A host name. */
	readonly nodeName: string;
	readonly system?: "linux" | "macos" | "windows";
	readonly architecture?: string;
	readonly release?: string;
	readonly memoryInBytes?: number;
	readonly cpu?: { readonly coreCount?: number; readonly speedInMHz?: number; readonly vendor?: string };
}

/** A workflow trace in WfFormat 1.5, ready for `JSON.stringify`. */
export interface WfFormat {
	readonly name: string;
	readonly description: string;
	readonly createdAt: string;
	readonly schemaVersion: "1.5";
	readonly workflow: {
		readonly specification: { readonly tasks: readonly WfFormatTask[] };
		readonly execution: {
			readonly makespanInSeconds: number;
			readonly executedAt: string;
			readonly tasks: readonly WfFormatExecutedTask[];
			readonly machines?: readonly WfFormatMachine[];
		};
	};
}

/** How a run is written. */
export interface WfFormatOptions {
	/** By default the id of the run. */
	readonly name?: string;
	readonly description?: string;
	/** The run time of a node: how long its `last` attempt held a slot (default), or `all` together. */
	readonly attempts?: "last" | "all";
	/** Where it ran. */
	readonly machine?: WfFormatMachine;
}

/**
 * Writes a run as a trace in WfFormat 1.5, which the tools of WfCommons read, and {@link readWfFormat}.
 *
 * A task is a node: its name is the agent, its run time the time that it held a slot, so waits for retries, sleeps
 * and approvals are not in it. Nodes that never started take no time; those that were pruned, removed or
 * replaced before they started are left out. WfFormat allows letters, digits, `_`, `-` and `.` in ids: any other
 * character becomes `_` and its code in hexadecimal.
 *
 * @param events - all events of the run, from the first to the last: what `run.events()` gives when it is
 * opened in the same tick as the run is started, or what a journal has taken
 * @throws SwarmError `INVALID_WORKFLOW` when events are missing or no node is left, `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent } from "dagswarm";
 * import { readWfFormat, toWfFormat } from "dagswarm/bench";
 *
 * const swarm = createSwarm({ agents: [defineAgent({ name: "step", run: async () => {} })] });
 * const run = swarm.start({ nodes: [{ id: "a", agent: "step" }, { id: "b", agent: "step", dependsOn: ["a"] }] });
 * const trace = await toWfFormat(run.events());
 * trace.workflow.specification.tasks[1]; // { name: "step", id: "b", parents: ["a"], children: [] }
 * const workflow = await readWfFormat([JSON.stringify(trace)]);
 * workflow.tasks.length; // 2
 * ```
 */
export async function toWfFormat(
	events: AsyncIterable<RunEvent> | Iterable<RunEvent>,
	options: WfFormatOptions = {},
): Promise<WfFormat> {
	const { attempts = "last", machine } = options;
	if (attempts !== "last" && attempts !== "all") {
		throw new SwarmError("INVALID_OPTION", `attempts is ${JSON.stringify(attempts)}: use last or all`);
	}
	const trace = await traceRun(events);
	const nodes = [...trace.nodes.values()].filter((node) => !node.abandoned || node.startedAt !== undefined);
	if (nodes.length === 0) throw invalid(`the run "${trace.run}" has no nodes: WfFormat asks for one task at least`);
	const ids = taskIds(nodes);
	return {
		name: options.name ?? trace.run,
		description: options.description ?? "A run of a graph of agents.",
		createdAt: timestamp(trace.endedAt),
		schemaVersion: "1.5",
		workflow: {
			specification: { tasks: specified(nodes, ids) },
			execution: {
				makespanInSeconds: (trace.endedAt - trace.startedAt) / 1000,
				executedAt: timestamp(trace.startedAt),
				tasks: nodes.map((node) => executed(node, ids, attempts, machine)),
				...(machine !== undefined && { machines: [machine] }),
			},
		},
	};
}

function specified(nodes: readonly TracedNode[], ids: ReadonlyMap<string, string>): WfFormatTask[] {
	const children = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
	const tasks = nodes.map(({ id, agent, dependsOn }) => {
		const parents: string[] = [];
		for (const other of dependsOn) {
			const parent = ids.get(other);
			if (parent === undefined) continue;
			parents.push(parent);
			// A node that has an id here has a list there.
			(children.get(other) as string[]).push(ids.get(id) as string);
		}
		return { name: agent, id, parents };
	});
	return tasks.map(({ name, id, parents }) => ({
		name,
		id: ids.get(id) as string,
		parents,
		children: children.get(id) as string[],
	}));
}

function executed(
	node: TracedNode,
	ids: ReadonlyMap<string, string>,
	attempts: "last" | "all",
	machine: WfFormatMachine | undefined,
): WfFormatExecutedTask {
	const { id, agent, priority, startedAt } = node;
	return {
		id: ids.get(id) as string,
		runtimeInSeconds: (attempts === "last" ? node.lastMs : node.allMs) / 1000,
		...(startedAt !== undefined && { executedAt: timestamp(startedAt) }),
		command: { program: agent },
		...(priority !== undefined && { priority }),
		...(machine !== undefined && startedAt !== undefined && { machines: [machine.nodeName] }),
	};
}

/** Ids that the format allows, each a different one. */
function taskIds(nodes: readonly TracedNode[]): Map<string, string> {
	const ids = new Map<string, string>();
	// Those that are allowed as they are keep them, whatever another one would turn into.
	const taken = new Set(nodes.map(({ id }) => id).filter((id) => /^[\w.-]+$/.test(id)));
	for (const { id } of nodes) {
		let allowed = id;
		if (!taken.has(id)) {
			allowed = id.replace(/[^\w.-]/gu, (character) => `_${(character.codePointAt(0) ?? 0).toString(16)}`);
			while (taken.has(allowed)) allowed += "_";
			taken.add(allowed);
		}
		ids.set(id, allowed);
	}
	return ids;
}

function timestamp(ms: number): string {
	return new Date(ms).toISOString();
}
