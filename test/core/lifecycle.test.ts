import { describe, expect, test } from "vitest";
import { type AnyStateMachine, transition } from "xstate";
import {
	deriveTable,
	hasEnded,
	isTerminal,
	NODE_STATES,
	NODE_TABLE,
	NODE_TRIGGERS,
	nextRunStatus,
	nodeMachine,
	RUN_STATES,
	RUN_TABLE,
	RUN_TRIGGERS,
	runMachine,
	type TransitionTable,
} from "../../src/core/lifecycle.js";

/** What the machine itself does, asked of xstate: the next state, or undefined where it ignores the trigger. */
function interpret(machine: AnyStateMachine, state: string, trigger: string): string | undefined {
	const snapshot = machine.resolveState({ value: state, context: {} });
	const event = { type: trigger };
	if (!snapshot.can(event)) return undefined;
	return String(transition(machine, snapshot, event)[0].value);
}

interface Lifecycle {
	readonly name: string;
	readonly machine: AnyStateMachine;
	readonly table: TransitionTable;
	readonly states: readonly string[];
	readonly triggers: readonly string[];
	readonly ends: (state: string) => boolean;
}

const lifecycles: readonly Lifecycle[] = [
	{
		name: "node",
		machine: nodeMachine,
		table: NODE_TABLE,
		states: NODE_STATES,
		triggers: NODE_TRIGGERS,
		ends: (state) => isTerminal(state as (typeof NODE_STATES)[number]),
	},
	{
		name: "run",
		machine: runMachine,
		table: RUN_TABLE,
		states: RUN_STATES,
		triggers: RUN_TRIGGERS,
		ends: (state) => hasEnded(state as (typeof RUN_STATES)[number]),
	},
];

describe.each(lifecycles)("the $name table", ({ machine, table, states, triggers, ends }) => {
	const lookUp = (state: string, trigger: string): string | undefined =>
		states[table[states.indexOf(state) * triggers.length + triggers.indexOf(trigger)] ?? -1];
	const pairs = states.flatMap((state) => triggers.map((trigger) => [state, trigger] as const));

	test("has a row for every state of the machine and a column for every trigger", () => {
		expect(Object.keys(machine.states).sort()).toEqual([...states].sort());
		expect(new Set(machine.events)).toEqual(new Set(triggers));
		expect(table).toHaveLength(pairs.length);
	});

	test.each(pairs)("in %s, %s does what the machine does", (state, trigger) => {
		expect(lookUp(state, trigger)).toBe(interpret(machine, state, trigger));
	});

	test("has terminal states exactly where the machine is final, and they absorb", () => {
		for (const state of states) {
			expect([state, ends(state)]).toEqual([state, machine.states[state]?.type === "final"]);
			if (!ends(state)) continue;
			for (const trigger of triggers)
				expect([state, trigger, lookUp(state, trigger)]).toEqual([state, trigger, undefined]);
		}
	});

	test("reaches every state from the first one, and from every open state some end", () => {
		const reached = new Set([states[0]]);
		for (const state of reached) {
			for (const trigger of triggers) {
				const next = lookUp(state ?? "", trigger);
				if (next !== undefined) reached.add(next);
			}
		}
		expect([...reached].sort()).toEqual([...states].sort());
		for (const state of states.filter((open) => !ends(open))) {
			expect([state, triggers.some((trigger) => ends(lookUp(state, trigger) ?? state))]).toEqual([state, true]);
		}
	});
});

describe("nextRunStatus", () => {
	test("looks the table up", () => {
		expect(nextRunStatus("created", "START")).toBe("running");
		expect(nextRunStatus("paused", "RESUME")).toBe("running");
	});

	test("is undefined where the trigger is not allowed", () => {
		expect(nextRunStatus("completed", "START")).toBeUndefined();
		expect(nextRunStatus("stopping", "COMPLETE")).toBeUndefined();
	});
});

describe("deriveTable", () => {
	const states = ["off", "on"];

	test("gives -1 where a state has no transition", () => {
		const machine = { config: { states: { off: { on: { PRESS: "on" } }, on: {} } } };
		expect([...deriveTable(machine, states, ["PRESS", "HOLD"])]).toEqual([1, -1, -1, -1]);
	});

	test("refuses a machine that names what the lists do not have", () => {
		const odd = (from: string, trigger: string, target: unknown) => () =>
			deriveTable({ config: { states: { [from]: { on: { [trigger]: target } } } } }, states, ["PRESS"]);
		expect(odd("broken", "PRESS", "on")).toThrow("the lifecycle names broken");
		expect(odd("off", "KICK", "on")).toThrow("the lifecycle names KICK");
		expect(odd("off", "PRESS", "up")).toThrow("the lifecycle names up");
		expect(odd("off", "PRESS", { target: "on" })).toThrow("the lifecycle names [object Object]");
	});
});
