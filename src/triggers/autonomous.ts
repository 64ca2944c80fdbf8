import type { Duration } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { checkWhole } from "../core/whole.js";
import { type Agent, defineAgent } from "../executor/agent.js";
import type { AgentContext } from "../executor/context.js";
import { defineTrigger } from "./define-trigger.js";
import type { Every, TriggerSpec } from "./trigger.js";

/** Iterations of a tick, unless told otherwise. */
const MAX_ITERATIONS = 10;

/** After failures the wait grows up to this, unless told otherwise. */
const MAX_BACKOFF = "1h";

/** What an iteration of an autonomous agent is given. */
export interface Iteration<Memory> {
	readonly goal: string;
	/** What the iteration before has left, of this tick or of an earlier one; at the very first one what the definition says. */
	readonly memory: Memory;
	/** From 1, within the tick. */
	readonly iteration: number;
	/** The tick's own identity: the key of its occurrence. */
	readonly tick: string;
}

/** What an iteration comes to. */
export interface IterationResult<Memory> {
	/** What the next one is to find; by default it stays as it is. */
	readonly memory?: Memory;
	/** Nothing is left to do in this tick. */
	readonly done?: boolean;
	/** The goal is reached: no tick comes any more, until the agent is started again. */
	readonly reached?: boolean;
}

/** What the author of an autonomous agent writes. */
export interface AutonomousDefinition<Name extends string, Memory> {
	/** Unique among the agents and triggers: letters, digits, `.`, `_`, `-`. */
	readonly name: Name;
	readonly goal: string;
	/** How long after a tick the next one comes; a text that cannot be read is five minutes, with a warning. */
	readonly every: Every;
	/** When the first tick comes: after one interval (default), or at once. */
	readonly first?: "interval" | "now";
	/** Iterations of a tick at most; 1 to 10,000, default 10. */
	readonly maxIterations?: number;
	/** What it remembers at the very beginning: plain data, as all that it remembers. */
	readonly memory: Memory;
	/** After failures the wait doubles up to this; default 1 hour. */
	readonly maxBackoff?: Duration;
	/** A tick ends `timed_out` after so long. */
	readonly deadline?: Duration;
	readonly description?: string;
	/**
	 * One iteration: a step of the tick, which is recorded, and not made again when the tick goes on in another process.
	 */
	readonly iterate: (
		iteration: Iteration<Memory>,
		ctx: AgentContext,
	) => IterationResult<Memory> | Promise<IterationResult<Memory>>;
}

/** What a tick came to. */
export interface Tick<Memory> {
	readonly memory: Memory;
	readonly iterations: number;
	/** Whether it ended by itself, and not at the last iteration that it had. */
	readonly done: boolean;
	readonly reached: boolean;
}

/** What a tick is started with. */
export interface TickInput<Memory> {
	readonly tick: string;
	/** Null before the first tick has ended. */
	readonly memory: Memory | null;
}

/** An agent that works towards a goal by itself: an agent of the swarm, and the trigger that has it tick. */
export interface AutonomousAgent<Name extends string = string, Memory = unknown> {
	readonly name: Name;
	readonly goal: string;
	readonly agent: Agent<Name, TickInput<Memory>, Tick<Memory>>;
	readonly trigger: TriggerSpec;
}

/**
 * Defines an agent that has a goal, and works towards it in ticks: at most so many iterations each, one tick at a time, with what
 * it remembers kept between them, over restarts too. A tick that fails is counted, keeps what was remembered before, and the next
 * one comes later. Its ticks share the swarm's limit for background work: three at a time, unless told otherwise.
 *
 * @returns `agent` for `createSwarm({ agents })`, `trigger` for `createService({ triggers })` or `service.agents.start`
 * @throws SwarmError `INVALID_OPTION`, `INVALID_SPEC`
 *
 * @example
 * ```ts
 * import { createService, createSwarm, defineAutonomous, memoryStore } from "dagswarm";
 *
 * const reader = defineAutonomous({
 *   name: "reader",
 *   goal: "read five pages",
 *   every: "every 10m",
 *   first: "now",
 *   memory: { page: 0 },
 *   iterate: async ({ memory }) => {
 *     const page = memory.page + 1;
 *     return { memory: { page }, reached: page === 5 };
 *   },
 * });
 * const store = memoryStore();
 * const swarm = createSwarm({ agents: [reader.agent], journal: store.journal });
 * const service = createService({ store, swarm });
 * await service.start();
 * await service.agents.start(reader);
 * (await service.agents.get("reader"))?.state; // "ticking"
 * await service.stop();
 * ```
 */
export function defineAutonomous<const Name extends string, Memory>(
	definition: AutonomousDefinition<Name, Memory>,
): AutonomousAgent<Name, Memory> {
	const { name, goal, every, first = "interval", maxIterations = MAX_ITERATIONS, deadline, description } = definition;
	checkWhole(maxIterations, "maxIterations", 1, 10_000);
	if (typeof goal !== "string" || goal === "")
		throw new SwarmError("INVALID_OPTION", `the autonomous agent ${JSON.stringify(name)} has no goal`);
	if (typeof definition.iterate !== "function")
		throw new SwarmError("INVALID_OPTION", `iterate of the autonomous agent "${name}" is no function`);
	const trigger = defineTrigger({
		id: name,
		on: {
			kind: "every",
			every,
			first,
			mode: "delay",
			onBadSchedule: "default",
			backoff: { max: definition.maxBackoff ?? MAX_BACKOFF },
		},
		start: {
			call: name,
			input: { tick: { $occurrence: "/key" }, memory: { $remembered: name } },
		},
		overlap: "skip",
		remember: { as: name, path: "/memory" },
		until: "/reached",
		...(deadline !== undefined && { deadline }),
		...(description !== undefined && { description }),
		metadata: { goal },
	});
	const agent = defineAgent({
		name,
		background: true,
		...(description !== undefined && { description }),
		run: (input: TickInput<Memory>, ctx) => tick(definition, maxIterations, input, ctx),
	});
	return Object.freeze({ name, goal, agent, trigger });
}

async function tick<Memory>(
	{ goal, iterate, memory: first }: Pick<AutonomousDefinition<string, Memory>, "goal" | "iterate" | "memory">,
	most: number,
	input: TickInput<Memory>,
	ctx: AgentContext,
): Promise<Tick<Memory>> {
	let memory = input.memory ?? first;
	for (let iteration = 1; iteration <= most; iteration++) {
		const given = { goal, memory, iteration, tick: input.tick };
		const result = await ctx.step(`iteration ${iteration}`, async () => (await iterate(given, ctx)) ?? {});
		memory = result.memory ?? memory;
		const reached = result.reached === true;
		if (reached || result.done === true) return { memory, iterations: iteration, done: true, reached };
	}
	return { memory, iterations: most, done: false, reached: false };
}
