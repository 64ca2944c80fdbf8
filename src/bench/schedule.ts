import { SwarmError } from "../core/errors.js";
import { compileWorkflow, type Workflow } from "./workflow.js";

/** When and where a task ran. */
export interface ScheduledTask {
	readonly id: string;
	/** From 0 on. */
	readonly worker: number;
	/** In milliseconds from the start of the schedule. */
	readonly start: number;
	readonly end: number;
}

/** A workflow laid out on workers. */
export interface Schedule {
	readonly workers: number;
	/** The end of the last task, in milliseconds. */
	readonly makespan: number;
	/** In the order in which they started. */
	readonly tasks: readonly ScheduledTask[];
}

/** Times that differ by less than this share are the same: they are sums of the same numbers in another order. */
const ROUNDING = 1e-9;

/**
 * Judges a schedule from nothing but the workflow: every task once and for as long as it takes, none before
 * what it depends on has ended, no two at a time on one worker, and the makespan is the last end.
 *
 * @throws SwarmError `INVALID_WORKFLOW` for the workflow, `EXPECTATION_FAILED` for the schedule, with the
 * ids of the tasks concerned
 */
export function checkSchedule(workflow: Workflow, schedule: Schedule): void {
	compileWorkflow(workflow);
	judgeSchedule(workflow, schedule);
}

/** As {@link checkSchedule}, of a workflow that was checked. */
export function judgeSchedule(workflow: Workflow, schedule: Schedule): void {
	const { workers, makespan } = schedule;
	if (!Number.isInteger(workers) || workers < 1) throw wrong(`the schedule is for ${workers} workers`);
	// Neither NaN nor Infinity: rounding would excuse everything.
	if (!(makespan >= 0 && makespan < Number.POSITIVE_INFINITY)) throw wrong(`the makespan is ${makespan}`);
	const slack = makespan * ROUNDING;
	const byId = new Map<string, ScheduledTask>();
	for (const task of schedule.tasks) {
		if (byId.has(task.id)) throw wrong(`task "${task.id}" is scheduled twice`, task.id);
		byId.set(task.id, task);
		if (!Number.isInteger(task.worker) || task.worker < 0 || task.worker >= schedule.workers) {
			throw wrong(`task "${task.id}" is on worker ${task.worker} of ${schedule.workers}`, task.id);
		}
		if (!(task.start >= 0)) throw wrong(`task "${task.id}" starts at ${task.start}`, task.id);
	}
	let last = 0;
	for (const { id, runtimeMs, dependsOn } of workflow.tasks) {
		const task = byId.get(id);
		if (task === undefined) throw wrong(`task "${id}" is not scheduled`, id);
		if (!(Math.abs(task.end - task.start - runtimeMs) <= slack)) {
			throw wrong(`task "${id}" takes ${task.end - task.start} ms in place of ${runtimeMs}`, id);
		}
		for (const other of dependsOn) {
			const before = byId.get(other);
			if (before === undefined || before.end > task.start + slack) {
				throw wrong(`task "${id}" starts before "${other}" has ended`, other, id);
			}
		}
		last = Math.max(last, task.end);
	}
	if (byId.size > workflow.tasks.length) throw wrong("the schedule has tasks that the workflow has not");
	if (!(Math.abs(last - schedule.makespan) <= slack)) {
		throw wrong(`the makespan is ${schedule.makespan} and the last task ends at ${last}`);
	}
	checkWorkers(schedule, slack);
}

function checkWorkers(schedule: Schedule, slack: number): void {
	const order = schedule.tasks.toSorted((a, b) => a.worker - b.worker || a.start - b.start || a.end - b.end);
	for (let i = 1; i < order.length; i++) {
		const [one, two] = [order[i - 1] as ScheduledTask, order[i] as ScheduledTask];
		if (one.worker === two.worker && one.end > two.start + slack) {
			throw wrong(`tasks "${one.id}" and "${two.id}" overlap on worker ${one.worker}`, one.id, two.id);
		}
	}
}

function wrong(message: string, ...nodes: readonly string[]): SwarmError {
	return new SwarmError("EXPECTATION_FAILED", message, { nodes });
}
