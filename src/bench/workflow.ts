import { SwarmError } from "../core/errors.js";
import { TaskGraph } from "../scheduler/task-graph.js";

/** One task of a workflow with its recorded run time. */
export interface WorkflowTask {
	/** Unique in the workflow. */
	readonly id: string;
	/** What it is called where it comes from. */
	readonly name?: string;
	/** The program that it runs, where that is a plain name: it tells kinds of tasks apart. */
	readonly program?: string;
	/** How long it ran, in milliseconds, at least 0. */
	readonly runtimeMs: number;
	/** The ids of the tasks that have to end first. */
	readonly dependsOn: readonly string[];
	/** Larger first, under the `priority` policy; default 0. */
	readonly priority?: number;
}

/** A workflow trace: what ran, how long each task took, and what waited for what. Plain data. */
export interface Workflow {
	readonly name: string;
	readonly tasks: readonly WorkflowTask[];
}

/** A workflow as numbers. */
export interface CompiledWorkflow {
	readonly graph: TaskGraph;
	/** Of each number of the graph the place in `tasks`. */
	readonly order: Int32Array;
}

/** Where in its source a task, or one of its dependencies, is. */
export type Place = (task: number, dependency?: number) => { readonly path?: string; readonly line?: number };

const pointerOf: Place = (task, dependency) => ({
	path: dependency === undefined ? `/tasks/${task}` : `/tasks/${task}/dependsOn/${dependency}`,
});

/**
 * Checks a workflow and numbers its tasks so that each comes after those it depends on: as they are
 * given where that is so already.
 *
 * @param place - says where a task is, for the error
 * @throws SwarmError `INVALID_WORKFLOW`
 */
export function compileWorkflow(workflow: Workflow, place: Place = pointerOf): CompiledWorkflow {
	const { tasks } = workflow;
	if (!Array.isArray(tasks) || tasks.length === 0)
		throw new SwarmError("INVALID_WORKFLOW", "the workflow has no tasks");
	const index = indexOf(tasks, place);
	const from: number[] = [];
	const to: number[] = [];
	/** Of each task the latest that depends on it, from 1: a dependency that is named twice counts once. */
	const dependent = new Int32Array(tasks.length);
	for (let i = 0; i < tasks.length; i++) {
		const task = tasks[i] as WorkflowTask;
		for (let d = 0; d < task.dependsOn.length; d++) {
			const id = task.dependsOn[d] as string;
			const source = index.get(id);
			if (source === undefined) {
				throw invalid(`task "${task.id}" depends on "${id}", which is no task`, place(i, d), [task.id, id]);
			}
			if (dependent[source] === i + 1) continue;
			dependent[source] = i + 1;
			from.push(source);
			to.push(i);
		}
	}
	return numberTasks(tasks, from, to, place);
}

function indexOf(tasks: readonly WorkflowTask[], place: Place): Map<string, number> {
	const index = new Map<string, number>();
	for (let i = 0; i < tasks.length; i++) {
		const task = tasks[i] as WorkflowTask;
		if (typeof task?.id !== "string" || task.id === "") throw invalid(`task ${i} has no id`, place(i), []);
		const { id, runtimeMs, priority = 0 } = task;
		if (index.has(id)) throw invalid(`there are two tasks "${id}"`, place(i), [id]);
		if (typeof runtimeMs !== "number" || !(runtimeMs >= 0 && runtimeMs < Number.POSITIVE_INFINITY)) {
			throw invalid(`the run time of task "${id}" is ${String(runtimeMs)}, not a number of at least 0`, place(i), [id]);
		}
		if (!Number.isFinite(priority)) throw invalid(`the priority of task "${id}" is no number`, place(i), [id]);
		if (!Array.isArray(task.dependsOn)) throw invalid(`task "${id}" has no list dependsOn`, place(i), [id]);
		index.set(id, i);
	}
	return index;
}

/**
 * Numbers tasks so that each comes after those it depends on.
 *
 * @param from - of each edge the task that comes first, by its place in the list
 * @param to - the one that waits for it
 * @throws SwarmError `INVALID_WORKFLOW` when they wait for each other
 */
export function numberTasks(
	tasks: readonly WorkflowTask[],
	from: readonly number[],
	to: readonly number[],
	place: Place,
): CompiledWorkflow {
	const given = new TaskGraph(durationsOf(tasks), from, to, prioritiesOf(tasks));
	if (from.every((source, e) => source < (to[e] as number))) {
		return { graph: given, order: Int32Array.from({ length: tasks.length }, (_, i) => i) };
	}
	const order = topologicalOrder(given);
	if (order === undefined) throw cycleIn(tasks, given, place);
	const number = new Int32Array(tasks.length);
	for (let k = 0; k < order.length; k++) number[order[k] as number] = k;
	const sorted = Array.from(order, (i) => tasks[i] as WorkflowTask);
	// By target, so that what waits for a task stands in the order of the numbers, as it does in a run.
	const edges = Array.from(to, (_, e) => e).sort((a, b) => numberAt(number, to, a) - numberAt(number, to, b));
	const graph = new TaskGraph(
		durationsOf(sorted),
		edges.map((e) => numberAt(number, from, e)),
		edges.map((e) => numberAt(number, to, e)),
		prioritiesOf(sorted),
	);
	return { graph, order };
}

function numberAt(number: Int32Array, ends: readonly number[], e: number): number {
	return number[ends[e] as number] as number;
}

function durationsOf(tasks: readonly WorkflowTask[]): Float64Array {
	return Float64Array.from(tasks, ({ runtimeMs }) => runtimeMs);
}

function prioritiesOf(tasks: readonly WorkflowTask[]): Float64Array {
	return Float64Array.from(tasks, ({ priority = 0 }) => priority);
}

/** Kahn, "Topological sorting of large networks" (CACM 5, 1962); undefined when there is a cycle. */
function topologicalOrder(graph: TaskGraph): Int32Array | undefined {
	const open = graph.inDegree.slice();
	const order = new Int32Array(graph.size);
	let count = 0;
	for (let i = 0; i < graph.size; i++) if (open[i] === 0) order[count++] = i;
	for (let k = 0; k < count; k++) {
		const i = order[k] as number;
		for (let s = graph.firstSuccessor[i] as number; s < (graph.firstSuccessor[i + 1] as number); s++) {
			const next = graph.successors[s] as number;
			open[next] = (open[next] as number) - 1;
			if (open[next] === 0) order[count++] = next;
		}
	}
	return count === graph.size ? order : undefined;
}

/** Follows dependencies that never end until one comes again. */
function cycleIn(tasks: readonly WorkflowTask[], graph: TaskGraph, place: Place): SwarmError {
	const backwards = graph.reversed();
	const open = graph.inDegree.slice();
	const stack = Array.from(open.keys()).filter((i) => open[i] === 0);
	for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
		for (let s = graph.firstSuccessor[i] as number; s < (graph.firstSuccessor[i + 1] as number); s++) {
			const next = graph.successors[s] as number;
			open[next] = (open[next] as number) - 1;
			if (open[next] === 0) stack.push(next);
		}
	}
	const at = new Map<number, number>();
	const path: number[] = [];
	for (let i = open.findIndex((count) => count > 0); !at.has(i); ) {
		at.set(i, path.length);
		path.push(i);
		const mirrored = graph.size - 1 - i;
		let s = backwards.firstSuccessor[mirrored] as number;
		const before = (edge: number): number => graph.size - 1 - (backwards.successors[edge] as number);
		while ((open[before(s)] as number) === 0) s++;
		i = before(s);
		if (at.has(i)) path.push(i);
	}
	const last = path.at(-1) as number;
	const cycle = path.slice(at.get(last)).reverse();
	const ids = cycle.map((i) => (tasks[i] as WorkflowTask).id);
	const shown = ids.length <= 12 ? ids : [...ids.slice(0, 6), "…", ...ids.slice(-5)];
	return invalid(`the tasks wait for each other: ${shown.join(" → ")}`, place(cycle[0] as number), ids);
}

/** The error for a workflow that cannot be used. */
export function invalid(
	message: string,
	where: { readonly path?: string; readonly line?: number } = {},
	nodes: readonly string[] = [],
): SwarmError {
	const prefix = where.line === undefined ? "" : `line ${where.line}: `;
	const suffix = where.path === undefined ? "" : ` (at ${where.path === "" ? "the top" : where.path})`;
	return new SwarmError("INVALID_WORKFLOW", `${prefix}${message}${suffix}`, { ...where, nodes });
}
