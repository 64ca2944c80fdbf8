import { SwarmError } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import { GraphActor } from "../graph/actor.js";
import { ANY_AGENT } from "../graph/policies.js";
import { checkPolicies, show } from "../graph/spec.js";
import type { NodeSpec, RetryPolicy } from "../graph/types.js";
import {
	aFlag,
	aMoment,
	anId,
	aText,
	checkObject,
	durationUpTo,
	type FieldCheck,
	type Fields,
	oneOf,
	type Problem,
	plainData,
	wholeFrom,
	wrong,
} from "./fields.js";
import { momentOf } from "./moment.js";
import { checkSchedule } from "./schedule-check.js";
import type { Overlap, Schedule, TriggerSpec } from "./trigger.js";

const checkStart: FieldCheck = (value, path) => {
	if (typeof value === "string") return aText(value, path);
	if (typeof value !== "object" || value === null || (!("call" in value) && !("nodes" in value)))
		return wrong(path, `is ${show(value)}`, "name an agent or a skill, or use { call, input } or { nodes }");
	if ("nodes" in value) return checkObject(value, path, { nodes: checkNodes });
	return (
		checkObject(value, path, { call: aText, input: checkReferences }) ??
		aText((value as { call?: unknown }).call, `${path}/call`)
	);
};

const checkNodes: FieldCheck = (value, path) => {
	if (!Array.isArray(value) || value.length === 0) return wrong(path, "is not a list with a node in it");
	const problem = plainData(value, path) ?? checkReferences(value, path);
	if (problem !== undefined) return problem;
	// The graph itself says what is wrong with it, as it would at the start of a run.
	GraphActor.create({ nodes: value as NodeSpec[], policies: ANY_AGENT, eventBuffer: 1 }).actor.log.close();
	return undefined;
};

const aPointer: FieldCheck = (value, path) =>
	typeof value === "string" && (value === "" || value.startsWith("/"))
		? undefined
		: wrong(path, `is ${show(value)}, no JSON Pointer`, 'write "" for all of it, or "/member"');

/** References to the occurrence are pointers and nothing else. */
const checkReferences: FieldCheck = (value, path) => {
	let bad: object | undefined;
	findNotPlain(value, (object) => {
		if (Object.hasOwn(object, "$remembered")) {
			const { $remembered: name } = object as { readonly $remembered: unknown };
			if (anId(name, path) !== undefined || Object.keys(object).length > 1) bad = object;
		}
		if (!Object.hasOwn(object, "$occurrence")) return;
		const pointer = (object as { readonly $occurrence: unknown }).$occurrence;
		const isPointer = typeof pointer === "string" && (pointer === "" || pointer.startsWith("/"));
		if (!isPointer || Object.keys(object).length > 1) bad = object;
	});
	if (bad === undefined) return plainData(value, path);
	return wrong(path, `holds ${show(bad)}, no reference`, REFERENCE_HINT);
};

const REFERENCE_HINT = 'write { "$occurrence": "/payload" }, a JSON Pointer, or { "$remembered": "name" }';

const FIELDS: Fields<TriggerSpec> = {
	id: anId,
	on: checkSchedule,
	start: checkStart,
	description: aText,
	overlap: oneOf("skip", "queue", "cancelPrevious", "allow"),
	maxQueued: wholeFrom(1, 10_000),
	maxRunning: wholeFrom(1, 10_000),
	retry: (value, path) => {
		const problem = checkPolicies({ retry: value as RetryPolicy | number });
		return problem === undefined ? undefined : { path, says: problem };
	},
	deadline: durationUpTo(),
	jitter: durationUpTo(),
	maxRuns: wholeFrom(1, Number.MAX_SAFE_INTEGER),
	startAt: aMoment,
	endAt: aMoment,
	enabled: aFlag,
	history: wholeFrom(1, 10_000),
	remember: (value, path) =>
		checkObject(value, path, { as: anId, path: aPointer }) ?? anId((value as { as?: unknown }).as, `${path}/as`),
	until: aPointer,
	metadata: (value, path) =>
		typeof value === "object" && value !== null && !Array.isArray(value)
			? plainData(value, path)
			: wrong(path, `is ${show(value)}, no object`),
};

/**
 * Checks a trigger: no unknown fields, everything in its range, a schedule that can be kept. Whether there is the agent is for
 * the swarm to say.
 *
 * @throws SwarmError `INVALID_OPTION`, with the path of what is wrong; for what is wrong with the nodes it starts what
 * {@link Swarm.start} throws, but for unknown agents and limits: `INVALID_SPEC`, `UNKNOWN_DEPENDENCY`, `CYCLE`, `DUPLICATE_NODE`,
 * `INVALID_INPUT`
 */
export function checkTrigger(spec: TriggerSpec): void {
	const what = `trigger ${show((spec as Partial<TriggerSpec> | undefined)?.id)}`;
	let problem: Problem | undefined;
	try {
		problem = checkObject(spec, "", FIELDS) ?? checkRequired(spec) ?? checkTogether(spec);
	} catch (error) {
		if (!SwarmError.is(error)) throw error;
		const { nodes, message } = error;
		throw new SwarmError(error.code, `${what}: ${message}`, { nodes, path: "/start/nodes" }, { cause: error });
	}
	if (problem === undefined) return;
	const { path, says, hint } = problem;
	throw new SwarmError("INVALID_OPTION", `${what}: ${says}`, { path, ...(hint !== undefined && { hint }) });
}

/** What a trigger does about overlap. */
export function overlapOf({ overlap, on }: Pick<TriggerSpec, "overlap" | "on">): Overlap {
	return overlap ?? (isTimed(on) ? "skip" : "queue");
}

/** Whether its occurrences come by the clock. */
export function isTimed({ kind }: Schedule): boolean {
	return kind === "once" || kind === "every" || kind === "cron";
}

function checkRequired(spec: TriggerSpec): Problem | undefined {
	const missing = (["id", "on", "start"] as const).find((field) => spec[field] === undefined);
	return missing && wrong(`/${missing}`, "is missing");
}

/** What one field says about another. */
function checkTogether(spec: TriggerSpec): Problem | undefined {
	const { on, startAt = 0, endAt, maxQueued, maxRunning } = spec;
	const overlap = overlapOf(spec);
	if (maxQueued !== undefined && overlap !== "queue")
		return wrong("/maxQueued", 'means nothing without overlap: "queue"');
	if (maxRunning !== undefined && overlap !== "allow")
		return wrong("/maxRunning", 'means nothing without overlap: "allow"');
	const end = endAt === undefined ? undefined : momentOf(endAt);
	if (end === undefined) return undefined;
	if (end <= (momentOf(startAt) ?? 0)) return wrong("/endAt", "is not later than startAt");
	if (on.kind !== "once" || on.at === undefined) return undefined;
	return end <= (momentOf(on.at) ?? 0) ? wrong("/endAt", "is not later than on.at") : undefined;
}
