import type { AnySwarm } from "../any-swarm.js";
import { SwarmError } from "../core/errors.js";
import { atPointer, findNotPlain } from "../core/plain.js";
import type { GraphSpec } from "../swarm-options.js";
import type { Occurrence, OccurrenceInfo } from "./occurrence.js";
import { rememberedIn } from "./remembered.js";
import type { Store } from "./store.js";
import type { StartSpec } from "./trigger.js";

/** What the graphs of occurrences are made with. */
export interface GraphSource {
	/** The graph of an agent or a skill by its name, see `swarm.graphOf`. */
	readonly graphOf: (name: string, input: unknown) => GraphSpec | Promise<GraphSpec>;
	/** What earlier runs have left under a name; null where none has. */
	readonly remembered: (name: string) => unknown;
}

/** That of a swarm and of what its store remembers. */
export function graphSource(swarm: Pick<AnySwarm, "graphOf">, store: Store): GraphSource {
	return {
		graphOf: (name, input) => swarm.graphOf(name, input),
		remembered: (name) => rememberedIn(store, name),
	};
}

const PLACE = "$occurrence";
const REMEMBERED = "$remembered";

/**
 * The graph that an occurrence starts.
 *
 * @throws SwarmError `INVALID_INPUT` for a place in the occurrence that is not there; what the source throws
 */
export async function startGraph(start: StartSpec, occurrence: Occurrence, source: GraphSource): Promise<GraphSpec> {
	const info = infoOf(occurrence);
	if (typeof start === "string") return source.graphOf(start, info);
	const known = await allRemembered(start, source);
	if ("call" in start) return source.graphOf(start.call, "input" in start ? fill(start.input, info, known) : info);
	return {
		nodes: start.nodes.map((node) => ("input" in node ? { ...node, input: fill(node.input, info, known) } : node)),
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

/** All that is remembered and asked for, by name. */
async function allRemembered(start: StartSpec, source: GraphSource): Promise<ReadonlyMap<string, unknown>> {
	const names = new Set<string>();
	findNotPlain(start, (object) => {
		if (isOnly(object, REMEMBERED)) names.add(String((object as Record<string, unknown>)[REMEMBERED]));
	});
	const known = new Map<string, unknown>();
	for (const name of names) known.set(name, await source.remembered(name));
	return known;
}

function isOnly(object: object, key: string): boolean {
	return Object.hasOwn(object, key) && Object.keys(object).length === 1;
}

/** Plain data with its places filled in. It is no deeper than its check allows, so this may go down by itself. */
function fill(value: unknown, info: OccurrenceInfo, known: ReadonlyMap<string, unknown>): unknown {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
	if (Array.isArray(value)) return value.map((member) => fill(member, info, known));
	const object = value as Record<string, unknown>;
	if (isOnly(object, PLACE)) return at(object[PLACE], info);
	if (isOnly(object, REMEMBERED)) return known.get(String(object[REMEMBERED])) ?? null;
	return Object.fromEntries(Object.entries(object).map(([key, member]) => [key, fill(member, info, known)]));
}

function at(path: unknown, info: OccurrenceInfo): unknown {
	const found = typeof path === "string" ? atPointer(info, path) : ({ found: false } as const);
	if (found.found) return found.value;
	throw new SwarmError("INVALID_INPUT", `the occurrence "${info.key}" has nothing at ${JSON.stringify(path)}`, {
		path: String(path),
		hint: 'it has /key, /trigger, /due, /attempt and, where something came with it, /payload; "" is all of it',
	});
}
