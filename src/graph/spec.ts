import { type Duration, isDuration, milliseconds } from "../core/durations.js";
import type { ErrorCode, ErrorDetails, Refusal } from "../core/errors.js";
import { deepFreeze, findNotPlain, nameOf as nameOfValue } from "../core/plain.js";
import type { CheckLevel } from "./checker.js";
import { JOIN_ALL, JOIN_ALWAYS, JOIN_AT_LEAST, JOIN_FAILED, JOIN_SETTLED } from "./node-table.js";
import { type PolicySource, SHARED_POLICIES } from "./policies.js";
import type { Join, NodePolicies, NodeSpec, OutputRef, StoredSpec } from "./types.js";

/** A refusal, with less to write. */
export function refuse(code: ErrorCode, message: string, details: ErrorDetails = {}): Refusal {
	return { code, message, ...details };
}

/** The refusal of a second dependency under one name. */
export function nameTaken(node: string, name: string): Refusal {
	return refuse("INVALID_SPEC", `"${node}" already has a dependency called "${name}"`, { nodes: [node] });
}

/** The refusal of an id that no node has. */
export function unknownNode(id: string): Refusal {
	if (typeof id !== "string") return refuse("UNKNOWN_NODE", `${show(id)} is no id of a node`);
	return refuse("UNKNOWN_NODE", `there is no node "${id}"`, { nodes: [id] });
}

/**
 * Checks a spec's shape: types, ranges, known fields, a known agent, plain data. Whether its
 * dependencies exist is for the topology to say.
 *
 * @returns what is wrong, or undefined
 */
export function checkSpec(spec: NodeSpec, source: PolicySource): Refusal | undefined {
	if (typeof spec !== "object" || spec === null) {
		return refuse("INVALID_SPEC", `a node spec is ${typeof spec}, not an object`);
	}
	const { id } = spec;
	if (id !== undefined && (typeof id !== "string" || id === "")) {
		return refuse("INVALID_SPEC", `a node's id is ${show(id)}, not a string with a character in it`);
	}
	for (const key in spec) {
		if (key === "id") continue;
		if (key === "agent") {
			const problem = checkAgent(spec, source);
			if (problem !== undefined) return problem;
		} else if (key === "input") {
			const problem = checkInput(spec.input, id);
			if (problem !== undefined) return problem;
		} else {
			const problem = checkField(spec, key as keyof NodeSpec);
			if (problem !== undefined) return refuse("INVALID_SPEC", `${nameOf(id)}: ${problem}`, about(id));
		}
	}
	if (spec.agent === undefined) return refuse("INVALID_SPEC", `${nameOf(id)} has no agent`, about(id));
	const limit =
		source.hasLimit === undefined ? undefined : spec.limits?.find((name) => source.hasLimit?.(name) === false);
	if (limit !== undefined) {
		return refuse("INVALID_SPEC", `${nameOf(id)} takes the limit "${limit}", which this swarm does not have`, {
			...about(id),
			hint: "add it to createSwarm({ limits })",
		});
	}
	return undefined;
}

/**
 * Freezes what must not change under the runtime's hands any more. In full that is the whole spec; a local check
 * freezes the input alone, as what the agent is handed: most specs have none, and to freeze the rest costs more than
 * all that is looked at.
 */
export function freezeSpec(spec: StoredSpec, check: CheckLevel): StoredSpec {
	if (check === "full") deepFreeze(spec);
	else if (check === "local") deepFreeze(spec.input);
	return spec;
}

function checkAgent(spec: NodeSpec, source: PolicySource): Refusal | undefined {
	const name = agentName(spec.agent);
	if (name === undefined)
		return refuse("INVALID_SPEC", `${nameOf(spec.id)}: agent is neither a name nor an agent`, about(spec.id));
	if (source.agent(name) !== undefined) return undefined;
	return refuse("UNKNOWN_AGENT", `${nameOf(spec.id)} asks for the agent "${name}", which this swarm does not have`, {
		...about(spec.id),
		hint: "add it to createSwarm({ agents })",
	});
}

/** The refusal of a value that is no plain data; undefined where it is. */
export function refuseNotPlain(what: string, value: unknown): Refusal | undefined {
	const wrong = value === undefined ? undefined : findNotPlain(value);
	return wrong && refuse("INVALID_INPUT", `${what} holds ${wrong.found} at "${wrong.path}"`, { path: wrong.path });
}

/** The name in an agent reference, undefined where there is none. */
export function agentName(agent: NodeSpec["agent"]): string | undefined {
	const name = typeof agent === "string" ? agent : agent?.name;
	return typeof name === "string" && name !== "" ? name : undefined;
}

function checkInput(input: unknown, id: string | undefined): Refusal | undefined {
	if (input === undefined) return undefined;
	let bad: object | undefined;
	const wrong = findNotPlain(input, (object) => {
		if (Object.hasOwn(object, "$output") && !isOutputRef(object)) bad = object;
	});
	if (wrong !== undefined) return notPlain(id, wrong.path, wrong.found);
	if (bad === undefined) return undefined;
	return refuse("INVALID_SPEC", `${nameOf(id)}: ${show(bad)} is no reference to an output`, {
		...about(id),
		hint: 'write { "$output": "id" } or { "$output": "id", "path": "/a/0" }',
	});
}

function notPlain(id: string | undefined, path: string, found: string): Refusal {
	return refuse("INVALID_INPUT", `${nameOf(id)}: the input holds ${found} at "${path}"`, {
		...about(id),
		path,
		hint: "inputs are JSON values, undefined in objects, and Uint8Array",
	});
}

/** Whether an object is `{ $output, path? }` and nothing else. */
export function isOutputRef(value: object): value is OutputRef {
	const ref = value as Partial<OutputRef>;
	if (typeof ref.$output !== "string") return false;
	if (ref.path !== undefined && (typeof ref.path !== "string" || (ref.path !== "" && !ref.path.startsWith("/"))))
		return false;
	return Object.keys(value).every((key) => key === "$output" || key === "path");
}

/** The names that an input refers to. */
export function outputRefs(input: unknown): string[] {
	const names: string[] = [];
	findNotPlain(input, (object) => {
		if (isOutputRef(object)) names.push(object.$output);
	});
	return names;
}

type FieldCheck = (value: never) => string | undefined;

const FIELDS: Readonly<Record<Exclude<keyof NodeSpec, "id" | "agent" | "input">, FieldCheck>> = {
	dependsOn: checkDependsOn,
	join: checkJoin,
	priority: (value: unknown) => number(value, "priority", -Number.MAX_VALUE, Number.MAX_VALUE),
	estimateMs: (value: unknown) => number(value, "estimateMs", 0, Number.MAX_VALUE),
	speculative: (value: unknown) => oneOf(value, "speculative", ["hold", "eager"]),
	metadata: checkMetadata,
	retry: checkRetry,
	timeout: checkTimeout,
	limits: checkLimits,
	onFailure: (value: unknown) => oneOf(value, "onFailure", ["skip", "block", "failRun"]),
	onPatchRejected: (value: unknown) => oneOf(value, "onPatchRejected", ["fail", "complete"]),
	canMutate: (value: unknown) => oneOf(value, "canMutate", [true, false, "own"]),
	memo: checkMemo,
	onResume: (value: unknown) => oneOf(value, "onResume", ["retry", "fail", "ask"]),
	fallback: checkFallback,
};

function checkField(spec: NodeSpec, key: keyof NodeSpec): string | undefined {
	const value = spec[key];
	if (value === undefined) return undefined;
	const check = Object.hasOwn(FIELDS, key) ? FIELDS[key as keyof typeof FIELDS] : undefined;
	if (check === undefined)
		return `there is no field "${key}" (fields: id, agent, input, ${Object.keys(FIELDS).join(", ")})`;
	return check(value as never);
}

/**
 * Checks the policies that agents, runs and swarms give.
 *
 * @returns what is wrong in words, undefined when nothing is
 */
export function checkPolicies(policies: NodePolicies): string | undefined {
	for (const key of SHARED_POLICIES) {
		const value = policies[key];
		const problem = value === undefined ? undefined : FIELDS[key](value as never);
		if (problem !== undefined) return problem;
	}
	return undefined;
}

function checkFallback(value: unknown): string | undefined {
	const { agent, model } = (typeof value === "object" && value !== null ? value : {}) as Partial<
		Record<string, unknown>
	>;
	if (agent === undefined && model === undefined) return `fallback is ${show(value)}: use { agent } or { model }`;
	for (const name of [agent, model])
		if (name !== undefined && (typeof name !== "string" || name === "")) return "fallback names no agent or model";
	return undefined;
}

/** @returns what is wrong with a memo, in words */
function checkMemo(value: unknown): string | undefined {
	if (typeof value === "boolean") return undefined;
	if (typeof value !== "object" || value === null) return `memo is ${show(value)}: use true, false or { key, ttl }`;
	const { key, ttl } = value as { key?: unknown; ttl?: unknown };
	if (key !== undefined && (typeof key !== "string" || key === "")) return "memo.key is no text";
	if (ttl === undefined) return undefined;
	try {
		milliseconds(ttl as Duration, "memo.ttl");
		return undefined;
	} catch (error) {
		return (error as Error).message;
	}
}

function checkDependsOn(value: unknown): string | undefined {
	if (typeof value !== "object" || value === null)
		return "dependsOn is neither a list of ids nor an object of alias → id";
	if (Array.isArray(value)) {
		for (let i = 0; i < value.length; i++) if (typeof value[i] !== "string") return `dependsOn[${i}] is no id`;
		return undefined;
	}
	const seen = new Set<unknown>();
	for (const [alias, id] of Object.entries(value)) {
		if (typeof id !== "string") return `dependsOn.${alias} is no id`;
		if (seen.has(id)) return `dependsOn names "${id}" under two aliases`;
		seen.add(id);
	}
	return undefined;
}

function checkJoin(value: unknown): string | undefined {
	if (typeof value === "string") return oneOf(value, "join", ["all", "any", "settled", "failed", "always"]);
	const atLeast: unknown = (value as { atLeast?: unknown } | null)?.atLeast;
	if (typeof atLeast === "number" && Number.isInteger(atLeast) && atLeast >= 1) return undefined;
	return `join is ${show(value)}: use all, any, settled, failed, always, or { atLeast: n } with n of at least 1`;
}

function checkMetadata(value: unknown): string | undefined {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return "metadata is no object";
	const wrong = findNotPlain(value);
	return wrong && `metadata holds ${wrong.found} at "${wrong.path}"`;
}

function checkRetry(value: unknown): string | undefined {
	const retry = (typeof value === "number" ? { maxAttempts: value } : value) as Record<string, unknown> | null;
	if (typeof retry !== "object" || retry === null) return "retry is neither a number of attempts nor a policy";
	return (
		unknownField(retry, "retry", ["maxAttempts", "delay", "factor", "maxDelay", "jitter"]) ??
		integer(retry["maxAttempts"], "retry.maxAttempts", 1, 1_000) ??
		duration(retry["delay"], "retry.delay") ??
		duration(retry["maxDelay"], "retry.maxDelay") ??
		(retry["factor"] === undefined ? undefined : number(retry["factor"], "retry.factor", 1, 100)) ??
		(retry["jitter"] === undefined ? undefined : number(retry["jitter"], "retry.jitter", 0, 1))
	);
}

function checkTimeout(value: unknown): string | undefined {
	if (typeof value !== "object" || value === null) return duration(value, "timeout");
	const timeout = value as Record<string, unknown>;
	return (
		unknownField(timeout, "timeout", ["attempt", "total", "grace"]) ??
		duration(timeout["attempt"], "timeout.attempt") ??
		duration(timeout["total"], "timeout.total") ??
		duration(timeout["grace"], "timeout.grace")
	);
}

function checkLimits(value: unknown): string | undefined {
	if (!Array.isArray(value)) return "limits is no list of names";
	if (value.some((name) => typeof name !== "string" || name === "")) return "limits holds something that is no name";
	return new Set(value).size === value.length ? undefined : "limits names one limit twice";
}

function unknownField(value: object, what: string, known: readonly string[]): string | undefined {
	const extra = Object.keys(value).find((key) => !known.includes(key));
	return extra === undefined ? undefined : `${what} has no field "${extra}"`;
}

function duration(value: unknown, what: string): string | undefined {
	return value === undefined || isDuration(value) ? undefined : `${what} is ${show(value)}, no duration`;
}

function number(value: unknown, what: string, least: number, most: number): string | undefined {
	if (typeof value === "number" && value >= least && value <= most) return undefined;
	const shown = typeof value === "number" ? String(value) : show(value);
	return `${what} is ${shown}, not a number${least > -Number.MAX_VALUE ? ` of at least ${least}` : ""}${most < Number.MAX_VALUE ? ` and at most ${most}` : ""}`;
}

function integer(value: unknown, what: string, least: number, most: number): string | undefined {
	if (Number.isInteger(value)) return number(value, what, least, most);
	return `${what} is ${typeof value === "number" ? String(value) : show(value)}, not a whole number`;
}

function oneOf(value: unknown, what: string, known: readonly unknown[]): string | undefined {
	return known.includes(value) ? undefined : `${what} is ${show(value)}: use ${known.join(", ")}`;
}

function nameOf(id: unknown): string {
	return typeof id === "string" ? `node "${id}"` : "a node without an id";
}

function about(id: string | undefined): ErrorDetails {
	return id === undefined ? {} : { nodes: [id] };
}

/** A join as the graph counts it. */
export function joinNumber(join: Join | undefined): number {
	switch (join) {
		case undefined:
		case "all":
			return JOIN_ALL;
		case "settled":
			return JOIN_SETTLED;
		case "failed":
			return JOIN_FAILED;
		case "always":
			return JOIN_ALWAYS;
		default:
			return JOIN_AT_LEAST;
	}
}

/** How many completed dependencies a join asks for, where it counts them. */
export function joinNeed(join: Join | undefined): number {
	return typeof join === "object" ? join.atLeast : 1;
}

/** What a join asks for that so many dependencies cannot give, in words. */
export function checkJoinDegree(join: Join | undefined, degree: number): string | undefined {
	if (join === "failed" && degree === 0) return 'the join "failed" needs a dependency';
	const need = typeof join === "object" ? join.atLeast : 1;
	// `any` without dependencies is ready at once, like `all`.
	if (typeof join === "object" && need > degree) return `the join asks for ${need} of ${degree} dependencies`;
	return undefined;
}

/** Any value as short text, whatever it is. */
export function show(value: unknown): string {
	try {
		const json: string | undefined = JSON.stringify(value);
		if (json !== undefined) return json;
	} catch {
		// A cycle, a bigint, a toJSON that throws: what kind of thing it is will do.
	}
	return typeof value === "object" ? nameOfValue(value) : String(value);
}
