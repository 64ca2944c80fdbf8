import type { Workflow, WorkflowTask } from "dagswarm/bench";
import fc from "fast-check";

/** What a random task is made from: its run time, its priority, and which of the tasks before it it waits for. */
export interface WorkflowShape {
	/** Of `task`: at most so many tasks. */
	readonly most: number;
	readonly longest?: number;
}

/** Workflows of whole-number run times, some 0, whose tasks stand in any order. */
export function workflows({ most, longest = 9 }: WorkflowShape): fc.Arbitrary<Workflow> {
	const task = fc.record({
		runtimeMs: fc.integer({ min: 0, max: longest }),
		priority: fc.integer({ min: 0, max: 2 }),
		before: fc.array(fc.nat({ max: most }), { maxLength: 3 }),
		place: fc.nat(),
	});
	return fc.array(task, { minLength: 1, maxLength: most }).map((drawn) => {
		const tasks = drawn.map(({ runtimeMs, priority, before }, i): WorkflowTask & { place: number } => ({
			id: `t${i}`,
			name: `kind${i % 3}`,
			runtimeMs,
			priority,
			dependsOn: i === 0 ? [] : [...new Set(before.map((k) => `t${k % i}`).slice(0, i % 4))],
			place: drawn[i]?.place ?? 0,
		}));
		tasks.sort((a, b) => (a.place % 7) - (b.place % 7));
		return { name: "drawn", tasks: tasks.map(({ place: _, ...rest }) => rest) };
	});
}

/** Some tasks, written `id:runtime<dependency,dependency`. */
export function workflowOf(text: string, name = "written"): Workflow {
	const tasks = text.split(/\s+/).map((word): WorkflowTask => {
		const [, id = "", runtime = "", before = ""] = /^([^:]+):(\d+)(?:<(.*))?$/.exec(word) ?? [];
		return { id, runtimeMs: Number(runtime), dependsOn: before === "" ? [] : before.split(",") };
	});
	return { name, tasks };
}
