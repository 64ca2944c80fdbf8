import { deepFreeze } from "../core/plain.js";
import { agentName } from "../graph/spec.js";
import { looksLikeCron } from "./cron-slots.js";
import { everyOf } from "./schedule-text.js";
import type { Schedule, StartSpec, TriggerSpec } from "./trigger.js";
import { checkTrigger } from "./trigger-check.js";

/** A trigger as it may be written. */
export interface TriggerInput extends Omit<TriggerSpec, "on"> {
	/** A text of five or six fields, or `@daily` and its like, is a cron expression in UTC; any other text is an interval. */
	readonly on: Schedule | string;
}

/**
 * A trigger, checked: plain data, frozen, a copy of what was given.
 *
 * @throws SwarmError what {@link checkTrigger} throws
 *
 * @example
 * ```ts
 * import { defineTrigger } from "dagswarm";
 *
 * const report = defineTrigger({ id: "report", on: "0 9 * * MON-FRI", start: "report" });
 * report.on; // { kind: "cron", cron: "0 9 * * MON-FRI" }
 * const pulse = defineTrigger({ id: "pulse", on: "every 30s", start: "pulse" });
 * pulse.on;  // { kind: "every", every: "every 30s" }
 * ```
 */
export function defineTrigger(input: TriggerInput): TriggerSpec {
	const { on } = input ?? {};
	const spec = { ...input, ...(typeof on === "string" && { on: scheduleOf(on) }) } as TriggerSpec;
	const named = {
		...spec,
		...(hasNodes(spec.start) && { start: { ...spec.start, nodes: spec.start.nodes.map(byName) } }),
	};
	checkTrigger(named);
	return deepFreeze(structuredClone(named));
}

/** What the writer of a trigger should know although it is not refused: an interval that cannot be read, and what is taken for it. */
export function warningOf({ id, on }: TriggerSpec): string | undefined {
	const warning = on.kind === "every" ? everyOf(on).warning : undefined;
	return warning && `trigger "${id}": ${warning}`;
}

function scheduleOf(text: string): Schedule {
	// "every 5 min or so" has five words, and is no more a cron expression than it is an interval.
	return looksLikeCron(text) && !/^\s*every\b/i.test(text)
		? { kind: "cron", cron: text }
		: { kind: "every", every: text };
}

function hasNodes(start: StartSpec | undefined): start is Extract<StartSpec, { readonly nodes: unknown }> {
	return typeof start === "object" && start !== null && "nodes" in start && Array.isArray(start.nodes);
}

/** In the store an agent is a name. */
function byName<Node extends { readonly agent: string | { readonly name: string } }>(node: Node): Node {
	const agent = typeof node === "object" && node !== null ? agentName(node.agent) : undefined;
	return agent === undefined ? node : { ...node, agent };
}
