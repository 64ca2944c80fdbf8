import { createMachine } from "xstate";

/** The states of a node. The last five are terminal and absorb. */
export const NODE_STATES = [
	"pending",
	"ready",
	"running",
	"waiting",
	"speculative",
	"completed",
	"failed",
	"skipped",
	"abandoned",
	"cancelled",
] as const;

/** A node's state. */
export type NodeState = (typeof NODE_STATES)[number];

/** What can happen to a node. */
export const NODE_TRIGGERS = [
	"SATISFY",
	"UNSATISFY",
	"CLAIM",
	"PARK",
	"WAKE",
	"RETRY",
	"COMPLETE",
	"FAIL",
	"WITHHOLD",
	"HOLD",
	"CONFIRM",
	"SKIP",
	"ABANDON",
	"CANCEL",
] as const;

export type NodeTrigger = (typeof NODE_TRIGGERS)[number];

/** The status of a run: two before it ends that move, and how it ended. */
export const RUN_STATES = [
	"created",
	"running",
	"waiting",
	"paused",
	"stopping",
	"completed",
	"failed",
	"stalled",
	"cancelled",
	"timed_out",
	"budget_exceeded",
] as const;

export type RunStatus = (typeof RUN_STATES)[number];

export const RUN_TRIGGERS = [
	"START",
	"WAIT",
	"CONTINUE",
	"PAUSE",
	"RESUME",
	"STOP",
	"COMPLETE",
	"FAIL",
	"STALL",
	"CANCEL",
	"TIME_OUT",
	"EXHAUST",
] as const;

export type RunTrigger = (typeof RUN_TRIGGERS)[number];

/**
 * A node's life. `waiting` is a retry wait or a parked attempt; `speculative` is a node that is held,
 * or one whose eager outcome is withheld.
 */
export const nodeMachine = createMachine({
	id: "node",
	initial: "pending",
	states: {
		pending: {
			on: { SATISFY: "ready", HOLD: "speculative", SKIP: "skipped", ABANDON: "abandoned", CANCEL: "cancelled" },
		},
		// SKIP: a mutation can make a join die under a node that was ready.
		ready: {
			on: {
				UNSATISFY: "pending",
				CLAIM: "running",
				HOLD: "speculative",
				SKIP: "skipped",
				// A total time limit can run out while a retry waits for a slot.
				FAIL: "failed",
				WITHHOLD: "speculative",
				ABANDON: "abandoned",
				CANCEL: "cancelled",
			},
		},
		running: {
			on: {
				PARK: "waiting",
				RETRY: "waiting",
				COMPLETE: "completed",
				FAIL: "failed",
				WITHHOLD: "speculative",
				ABANDON: "abandoned",
				CANCEL: "cancelled",
			},
		},
		waiting: {
			on: { WAKE: "ready", FAIL: "failed", WITHHOLD: "speculative", ABANDON: "abandoned", CANCEL: "cancelled" },
		},
		// CONFIRM puts a held node back; a withheld outcome then counts at once: COMPLETE, FAIL or RETRY.
		speculative: {
			on: {
				CONFIRM: "pending",
				COMPLETE: "completed",
				FAIL: "failed",
				RETRY: "waiting",
				SKIP: "skipped",
				ABANDON: "abandoned",
				CANCEL: "cancelled",
			},
		},
		completed: { type: "final" },
		failed: { type: "final" },
		skipped: { type: "final" },
		abandoned: { type: "final" },
		cancelled: { type: "final" },
	},
});

const ENDS = {
	COMPLETE: "completed",
	FAIL: "failed",
	STALL: "stalled",
	CANCEL: "cancelled",
	TIME_OUT: "timed_out",
	EXHAUST: "budget_exceeded",
} as const;

/** A run's life. `stopping`: it failed, and only nodes that run in any case may still run. */
export const runMachine = createMachine({
	id: "run",
	initial: "created",
	states: {
		created: { on: { START: "running", ...ENDS } },
		running: { on: { WAIT: "waiting", PAUSE: "paused", STOP: "stopping", ...ENDS } },
		waiting: { on: { CONTINUE: "running", PAUSE: "paused", STOP: "stopping", ...ENDS } },
		paused: { on: { RESUME: "running", STOP: "stopping", ...ENDS } },
		stopping: { on: { FAIL: "failed", CANCEL: "cancelled", TIME_OUT: "timed_out", EXHAUST: "budget_exceeded" } },
		completed: { type: "final" },
		failed: { type: "final" },
		stalled: { type: "final" },
		cancelled: { type: "final" },
		timed_out: { type: "final" },
		budget_exceeded: { type: "final" },
	},
});

/** A transition table: `table[state * triggers + trigger]` is the next state, or -1 where none is allowed. */
export type TransitionTable = Int8Array;

interface Definition {
	readonly config: { readonly states?: Record<string, { readonly on?: unknown }> };
}

/**
 * The table that a machine defines, for the hot path: a lookup in place of an interpreter.
 *
 * @throws Error when the machine names a state or trigger that the lists do not have: a bug
 */
export function deriveTable(
	machine: Definition,
	states: readonly string[],
	triggers: readonly string[],
): TransitionTable {
	const table = new Int8Array(states.length * triggers.length).fill(-1);
	for (const [name, node] of Object.entries(machine.config.states ?? {})) {
		const from = indexIn(states, name);
		for (const [trigger, target] of Object.entries(node.on ?? {})) {
			table[from * triggers.length + indexIn(triggers, trigger)] = indexIn(states, String(target));
		}
	}
	return table;
}

function indexIn(names: readonly string[], name: string): number {
	const index = names.indexOf(name);
	if (index < 0) throw new Error(`the lifecycle names ${name}, which is not in ${names.join(", ")}`);
	return index;
}

export const NODE_TABLE = deriveTable(nodeMachine as Definition, NODE_STATES, NODE_TRIGGERS);
export const RUN_TABLE = deriveTable(runMachine as Definition, RUN_STATES, RUN_TRIGGERS);

/** The next run status, or undefined where the trigger is not allowed. */
export function nextRunStatus(status: RunStatus, trigger: RunTrigger): RunStatus | undefined {
	const next = RUN_TABLE[RUN_STATES.indexOf(status) * RUN_TRIGGERS.length + RUN_TRIGGERS.indexOf(trigger)] ?? -1;
	return RUN_STATES[next];
}

/** Whether nothing more can happen to a node in this state. */
export function isTerminal(state: NodeState): boolean {
	return NODE_STATES.indexOf(state) >= NODE_STATES.indexOf("completed");
}

/** Whether a run with this status has ended. */
export function hasEnded(status: RunStatus): boolean {
	return RUN_STATES.indexOf(status) >= RUN_STATES.indexOf("completed");
}
