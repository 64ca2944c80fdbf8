import { VirtualClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { createSwarm } from "../create-swarm.js";
import { defineAgent } from "../executor/agent.js";
import { type SchedulingPolicy, schedulingPolicies } from "../scheduler/run-queue.js";
import type { Schedule, ScheduledTask } from "./schedule.js";
import { type CompiledWorkflow, compileWorkflow, type Workflow, type WorkflowTask } from "./workflow.js";

/** How the ready tasks of a replay are ordered: a policy of the runtime, or the workflow's own priorities. */
export type ReplayPolicy = SchedulingPolicy | "priority";

/** Every policy of a replay, in the order in which they are compared. */
export const replayPolicies: readonly ReplayPolicy[] = ["fifo", "priority", "critical-path", "planned"];

/** How a workflow is replayed. */
export interface ReplayOptions {
	/** Tasks at a time, 1 to 100,000. */
	readonly workers: number;
	readonly policy: ReplayPolicy;
}

const MOST_WORKERS = 100_000;

/**
 * Runs a workflow in virtual time: a swarm with so many slots and a clock that stands still, agents that
 * take the recorded times. What comes of it is what the runtime would do, to the millisecond.
 *
 * @throws SwarmError `INVALID_WORKFLOW`, `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { replayWorkflow } from "dagswarm/bench";
 *
 * const tasks = [
 *   { id: "short", runtimeMs: 10, dependsOn: [] },
 *   { id: "long", runtimeMs: 30, dependsOn: [] },
 *   { id: "last", runtimeMs: 20, dependsOn: ["short"] },
 * ];
 * const schedule = await replayWorkflow({ name: "three", tasks }, { workers: 2, policy: "fifo" });
 * schedule.makespan; // 30
 * schedule.tasks[2]; // { id: "last", worker: 0, start: 10, end: 30 }
 * ```
 */
export async function replayWorkflow(workflow: Workflow, options: ReplayOptions): Promise<Schedule> {
	checkWorkers(options.workers);
	checkPolicy(options.policy);
	return replayCompiled(workflow, compileWorkflow(workflow), options);
}

/** @throws SwarmError `INVALID_OPTION` */
export function checkWorkers(workers: number): void {
	if (Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS) return;
	throw new SwarmError(
		"INVALID_OPTION",
		`workers is ${String(workers)}, not a whole number from 1 to ${MOST_WORKERS.toLocaleString("en")}`,
	);
}

/** @throws SwarmError `INVALID_OPTION` */
export function checkPolicy(policy: ReplayPolicy): void {
	if (replayPolicies.includes(policy)) return;
	throw new SwarmError("INVALID_OPTION", `policy is ${JSON.stringify(policy)}: use ${replayPolicies.join(" or ")}`);
}

/** Replays a workflow whose options were checked. */
export async function replayCompiled(
	workflow: Workflow,
	{ order }: CompiledWorkflow,
	{ workers, policy }: ReplayOptions,
): Promise<Schedule> {
	const clock = new ReplayClock();
	const tasks = Array.from(order, (i) => workflow.tasks[i] as WorkflowTask);
	const lanes = new Lanes();
	const scheduled: ScheduledTask[] = [];
	const agent = defineAgent({
		name: "task",
		run: (number: number) => {
			const { id, runtimeMs } = tasks[number] as WorkflowTask;
			const start = clock.now();
			const end = start + runtimeMs;
			const worker = lanes.take();
			scheduled.push({ id, worker, start, end });
			return new Promise<void>((resolve) => {
				clock.set(end, () => {
					lanes.give(worker);
					resolve();
				});
			});
		},
	});
	const ownPolicy = schedulingPolicies.find((name) => name === policy) ?? "fifo";
	const swarm = createSwarm({ agents: [agent], concurrency: workers, policy: ownPolicy, clock, eventBuffer: 1 });
	const run = swarm.start({ nodes: tasks.map((task, number) => specOf(task, number, policy)) });
	const state = { over: false };
	const outcome = run.result().finally(() => {
		state.over = true;
	});
	for (await clock.turn(); !state.over; await clock.turn()) {
		if (!clock.step()) throw new SwarmError("INTERNAL", `the replay of "${workflow.name}" stands still`);
	}
	const { status } = await outcome;
	await swarm.close();
	if (status !== "completed") throw new SwarmError("INTERNAL", `the replay of "${workflow.name}" ended ${status}`);
	return { workers, makespan: clock.now(), tasks: scheduled };
}

function specOf(task: WorkflowTask, number: number, policy: ReplayPolicy) {
	const { id, dependsOn, runtimeMs, priority } = task;
	const spec = { id, agent: "task" as const, input: number, dependsOn };
	if (policy === "fifo") return spec;
	if (policy === "priority") return priority === undefined ? spec : { ...spec, priority };
	return { ...spec, estimateMs: runtimeMs };
}

/** Virtual time in which the runtime never waits for the machine's event loop. */
class ReplayClock extends VirtualClock {
	override yield(fire: () => void): void {
		queueMicrotask(fire);
	}

	/** Lets everything that is under way come to rest. */
	turn(): Promise<void> {
		return new Promise((resolve) => super.yield(resolve));
	}
}

/** Numbers for those that run at a time: always the smallest that is free. */
class Lanes {
	/** A heap of numbers that were given back. */
	readonly #free: number[] = [];
	#next = 0;

	take(): number {
		const free = this.#free;
		const smallest = free[0];
		if (smallest === undefined) return this.#next++;
		const last = free.pop() as number;
		if (free.length === 0) return smallest;
		let i = 0;
		for (let child = 1; child < free.length; child = 2 * i + 1) {
			if (child + 1 < free.length && (free[child + 1] as number) < (free[child] as number)) child++;
			if ((free[child] as number) >= last) break;
			free[i] = free[child] as number;
			i = child;
		}
		free[i] = last;
		return smallest;
	}

	give(lane: number): void {
		const free = this.#free;
		let i = free.length;
		for (; i > 0; i = (i - 1) >> 1) {
			const above = free[(i - 1) >> 1] as number;
			if (above <= lane) break;
			free[i] = above;
		}
		free[i] = lane;
	}
}
