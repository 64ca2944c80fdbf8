import { SwarmError } from "../core/errors.js";
import { JsonWalk, type ObjectShape, type Shape } from "./json-walk.js";
import { chunksOf, MOST_TASKS, nameOf, type ReadWorkflowOptions, type WorkflowSource } from "./source.js";
import { ListedTasks, MentionedIds } from "./wfformat-tasks.js";
import { invalid, type Workflow } from "./workflow.js";

const VERSIONS = ["1.3", "1.4", "1.5"];

const LISTS = {
	specification: "/workflow/specification/tasks",
	execution: "/workflow/execution/tasks",
	legacy: "/workflow/tasks",
} as const;

/**
 * Reads a workflow trace in WfFormat, the JSON format of WfCommons (Coleman et al., "WfCommons: A framework
 * for enabling scientific workflow research and development", FGCS 128, 2022), versions 1.3, 1.4 and 1.5. The
 * text is read in a stream: memory follows the number of tasks, not the size of the file.
 *
 * Up to 1.4 tasks name their parents by name or id, and may do so on one side only; from 1.5 on `parents` and
 * `children` have to say the same. Run times are in seconds in the file and are kept to the nanosecond.
 *
 * @param source - the path of a file, or its text or UTF-8 bytes in chunks
 * @throws SwarmError `INVALID_WORKFLOW`; `path` is a JSON Pointer to what is wrong
 *
 * @example
 * ```ts
 * import { readWfFormat } from "dagswarm/bench";
 *
 * const workflow = await readWfFormat([
 *   JSON.stringify({
 *     name: "two steps",
 *     schemaVersion: "1.5",
 *     workflow: {
 *       specification: {
 *         tasks: [
 *           { name: "split", id: "a", parents: [], children: ["b"] },
 *           { name: "count", id: "b", parents: ["a"], children: [] },
 *         ],
 *       },
 *       execution: { tasks: [{ id: "a", runtimeInSeconds: 1.5 }, { id: "b", runtimeInSeconds: 4 }] },
 *     },
 *   }),
 * ]);
 * workflow.tasks[1]; // { id: "b", name: "count", runtimeMs: 4000, dependsOn: ["a"] }
 * ```
 */
export async function readWfFormat(source: WorkflowSource, options: ReadWorkflowOptions = {}): Promise<Workflow> {
	const most = options.maxTasks ?? MOST_TASKS;
	if (!Number.isInteger(most) || most < 1 || most > 50_000_000) {
		throw new SwarmError("INVALID_OPTION", `maxTasks is ${String(most)}, not a whole number from 1 to 50,000,000`);
	}
	const mentioned = new MentionedIds();
	const specified = new ListedTasks(LISTS.specification, mentioned, most);
	const executed = new ListedTasks(LISTS.execution, mentioned, most);
	const legacy = new ListedTasks(LISTS.legacy, mentioned, most);
	const walk = new JsonWalk(shapeOf(specified, executed, legacy));
	for await (const chunk of chunksOf(source)) walk.write(chunk);
	walk.end();
	const { version, name } = headOf(walk.root);
	const tasks = version === "1.5" ? specified : legacy;
	if (tasks.size === 0) throw invalid(`a workflow of version ${version} has tasks here`, { path: tasks.path });
	if (version === "1.5") tasks.takeRuntimes(executed);
	tasks.link(version === "1.5");
	return { name: options.name ?? name ?? nameOf(source), tasks: tasks.toTasks() };
}

function shapeOf(specified: ListedTasks, executed: ListedTasks, legacy: ListedTasks): Shape {
	const list = (tasks: ListedTasks): Shape => ({ items: taskShape, each: (item, index) => tasks.add(item, index) });
	const inWorkflow = object({
		specification: object({ tasks: list(specified) }),
		execution: object({ tasks: list(executed) }),
		tasks: list(legacy),
	});
	return object({ name: "value", schemaVersion: "value", workflow: inWorkflow });
}

function object(members: Readonly<Record<string, Shape>>): ObjectShape {
	return { members: new Map(Object.entries(members)) };
}

const taskShape = object({
	id: "value",
	name: "value",
	parents: { items: "value" },
	children: { items: "value" },
	runtime: "value",
	runtimeInSeconds: "value",
	priority: "value",
	command: object({ program: "value" }),
});

function headOf(root: unknown): { readonly version: string; readonly name?: string } {
	if (typeof root !== "object" || root === null || Array.isArray(root)) {
		throw invalid("a workflow in WfFormat is an object", { path: "" });
	}
	const { schemaVersion, name } = root as { readonly schemaVersion?: unknown; readonly name?: unknown };
	if (schemaVersion === undefined) throw invalid("there is no schemaVersion", { path: "" });
	if (typeof schemaVersion !== "string" || !VERSIONS.includes(schemaVersion)) {
		throw invalid(`schemaVersion is ${JSON.stringify(schemaVersion)}: ${VERSIONS.join(", ")} can be read`, {
			path: "/schemaVersion",
		});
	}
	if (name !== undefined && typeof name !== "string") throw invalid("the name is no string", { path: "/name" });
	return { version: schemaVersion, ...(name !== undefined && name !== "" && { name }) };
}
