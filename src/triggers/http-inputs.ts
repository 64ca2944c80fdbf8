import type { Duration } from "../core/durations.js";
import type { Plain } from "../core/plain.js";
import { show } from "../graph/spec.js";
import { HttpRefusal } from "./http-refusal.js";
import { OCCURRENCE_STATES, type OccurrenceState } from "./occurrence.js";
import type { SubmitOptions } from "./occurrence-book.js";
import type { OccurrenceFilter } from "./store.js";
import type { StartSpec } from "./trigger.js";

const STATES: readonly string[] = OCCURRENCE_STATES;
const MOST_ROWS = 1_000;
const PARAMETERS = ["state", "trigger", "limit"];
const SUBMISSION = ["nodes", "call", "input", "deadline", "metadata"];

/**
 * What `?state=failed,waiting&trigger=nightly&limit=20` asks for; `trigger=` with nothing behind it: submissions.
 *
 * @throws HttpRefusal 400
 */
export function occurrenceFilter(query: URLSearchParams): OccurrenceFilter {
	for (const name of query.keys())
		if (!PARAMETERS.includes(name))
			throw refused(`there is no parameter ${show(name)}`, `use ${PARAMETERS.join(", ")}`);
	const states = query.getAll("state").flatMap((text) => text.split(","));
	for (const state of states)
		if (!STATES.includes(state)) throw refused(`there is no state ${show(state)}`, `use ${STATES.join(", ")}`);
	const trigger = query.get("trigger");
	const limit = query.get("limit");
	if (limit !== null && !(/^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= MOST_ROWS))
		throw refused(`limit is ${show(limit)}, not a whole number from 1 to ${MOST_ROWS}`);
	return {
		...(states.length > 0 && { states: states as OccurrenceState[] }),
		...(trigger !== null && { trigger: trigger === "" ? null : trigger }),
		...(limit !== null && { limit: Number(limit) }),
	};
}

/** What is submitted, and how. @throws HttpRefusal 400 for what is no object, or has a field that there is not */
export function submissionOf(body: Plain | undefined): {
	readonly start: StartSpec;
	readonly options: SubmitOptions;
} {
	if (typeof body !== "object" || body === null || Array.isArray(body) || body instanceof Uint8Array)
		throw refused("the body is no JSON object", 'send { "nodes": [...] } or { "call": "name", "input": ... }');
	for (const name of Object.keys(body))
		if (!SUBMISSION.includes(name)) throw refused(`there is no field ${show(name)}`, `use ${SUBMISSION.join(", ")}`);
	const { deadline, metadata, ...start } = body as Readonly<Record<string, Plain>>;
	if ("nodes" in start === "call" in start) throw refused("it needs one of nodes and call");
	if (metadata !== undefined && (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)))
		throw refused("metadata is no object");
	return {
		// What else may be wrong in them is said by who runs them.
		start: start as StartSpec,
		options: {
			...(deadline !== undefined && { deadline: deadline as Duration }),
			...(metadata !== undefined && { metadata: metadata as Readonly<Record<string, Plain>> }),
		},
	};
}

function refused(message: string, hint?: string): HttpRefusal {
	return new HttpRefusal(400, "INVALID_INPUT", message, hint);
}
