import { NODE_TRIGGERS, type NodeTrigger } from "../core/lifecycle.js";

/** A trigger's column in the transition table. */
export const TRIGGER = Object.fromEntries(NODE_TRIGGERS.map((name, index) => [name, index])) as Readonly<
	Record<NodeTrigger, number>
>;
