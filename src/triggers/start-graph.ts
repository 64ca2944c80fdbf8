import { SwarmError } from "../core/errors.js";
import { atPointer, findNotPlain } from "../core/plain.js";
import type { GraphSpec } from "../swarm-options.js";
import type { Occurrence, OccurrenceInfo } from "./occurrence.js";
import type { StartSpec } from "./trigger.js";

/** Makes the graph of an agent or a skill by its name, see `swarm.graphOf`. */
export type GraphSource = (name: string, input: unknown) => GraphSpec | Promise<GraphSpec>;

const PLACE = "$occurrence";

/**
 * The graph that an occurrence starts.
 *
 * @throws SwarmError `INVALID_INPUT` for a place in the occurrence that is not there; what the source throws
 */
export async function startGraph(start: StartSpec, occurrence: Occurrence, source: GraphSource): Promise<GraphSpec> {
	const info = infoOf(occurrence);
	if (typeof start === "string") return source(start, info);
	if ("call" in start) return source(start.call, "input" in start ? filled(start.input, info) : info);
	return {
		nodes: start.nodes.map((node) => ("input" in node ? { ...node, input: filled(node.input, info) } : node)),
	};
}

/** What a run is told of its occurrence. */
export function infoOf({ key, trigger, due, attempt, payload }: Occurrence): OccurrenceInfo {
	return {
		key,
		...(trigger !== undefined && { trigger }),
		due: new Date(due).toISOString(),
		attempt: Math.max(attempt, 1),
		...(payload !== undefined && { payload }),
	};
}

/** Plain data with its places filled in: itself where there are none. */
function filled(value: unknown, info: OccurrenceInfo): unknown {
	let isTouched = false;
	findNotPlain(value, (object) => {
		if (Object.hasOwn(object, PLACE)) isTouched = true;
	});
	return isTouched ? fill(value, info) : value;
}

/** Plain data is no deeper than its check allows, so this may go down by itself. */
function fill(value: unknown, info: OccurrenceInfo): unknown {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
	if (Array.isArray(value)) return value.map((member) => fill(member, info));
	const { [PLACE]: path, ...others } = value as Record<string, unknown>;
	if (path !== undefined && Object.keys(others).length === 0) return at(path, info);
	return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fill(member, info)]));
}

function at(path: unknown, info: OccurrenceInfo): unknown {
	const found = typeof path === "string" ? atPointer(info, path) : ({ found: false } as const);
	if (found.found) return found.value;
	throw new SwarmError("INVALID_INPUT", `the occurrence "${info.key}" has nothing at ${JSON.stringify(path)}`, {
		path: String(path),
		hint: 'it has /key, /trigger, /due, /attempt and, where something came with it, /payload; "" is all of it',
	});
}
