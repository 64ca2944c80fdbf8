import { resolve } from "node:path";
import { SwarmError } from "../core/errors.js";
import { defineTrigger, type TriggerInput } from "../triggers/define-trigger.js";
import type { Overlap, Schedule, TriggerSpec } from "../triggers/trigger.js";
import { durationOption, jsonOption, wholeOption } from "./option-values.js";
import { jsonInput, readText } from "./read-text.js";
import type { World } from "./world.js";

/** What `trigger add` is told. */
export interface TriggerOptions {
	readonly every?: string;
	readonly cron?: string;
	readonly timeZone?: string;
	readonly file?: readonly string[];
	readonly once?: string | true;
	readonly manual?: true;
	readonly event?: string;
	readonly start?: string;
	readonly input?: string;
	readonly overlap?: Overlap;
	readonly missed?: "skip" | "one" | "all";
	readonly first?: "now" | "interval";
	readonly maxRuns?: string;
	readonly retry?: string;
	readonly jitter?: string;
	readonly deadline?: string;
	readonly description?: string;
	readonly jsonSpec?: string;
}

const KINDS = ["every", "cron", "file", "once", "manual", "event"] as const;

/**
 * The trigger that the options of `trigger add` say.
 *
 * @throws SwarmError `INVALID_OPTION`, `INVALID_INPUT`, and what `defineTrigger` throws
 */
export function triggerOf(id: string, options: TriggerOptions, world: World): TriggerSpec {
	if (options.jsonSpec !== undefined) return defineTrigger(fromJson(id, options, world));
	const { start, overlap, description } = options;
	if (start === undefined)
		throw new SwarmError("INVALID_OPTION", "--start is missing: nothing says what the trigger starts", {
			hint: "name an agent or a skill of the project, or `graph`: its own graph",
		});
	const input = jsonInput(options.input, "--input", world);
	const maxRuns = wholeOption(options.maxRuns, "--max-runs", 1);
	const retry = wholeOption(options.retry, "--retry", 1);
	const jitter = durationOption(options.jitter, "--jitter");
	const deadline = durationOption(options.deadline, "--deadline");
	return defineTrigger({
		id,
		on: scheduleOf(options, world),
		start: input === undefined ? start : { call: start, input },
		...(description !== undefined && { description }),
		...(overlap !== undefined && { overlap }),
		...(maxRuns !== undefined && { maxRuns }),
		...(retry !== undefined && { retry }),
		...(jitter !== undefined && { jitter }),
		...(deadline !== undefined && { deadline }),
	});
}

/** What does not belong to the kind is refused by the check of the trigger. */
function scheduleOf(options: TriggerOptions, { cwd }: World): Schedule {
	const given = KINDS.filter((kind) => options[kind] !== undefined);
	const [kind] = given;
	if (kind === undefined || given.length > 1) {
		const says = kind === undefined ? "nothing says when it starts" : `${flags(given)} are several schedules`;
		throw new SwarmError("INVALID_OPTION", says, {
			hint: `use one of ${flags(KINDS)}, or --json-spec for what they cannot say`,
		});
	}
	const { every = "", cron = "", file = [], once, event = "", timeZone, missed, first } = options;
	const more = {
		...(timeZone !== undefined && { timeZone }),
		...(missed !== undefined && { missed }),
		...(first !== undefined && { first }),
	};
	switch (kind) {
		case "every":
			return { kind, every, ...more };
		case "cron":
			return { kind, cron, ...more };
		case "file":
			// The service may run elsewhere.
			return { kind, paths: file, cwd, ...more };
		case "once":
			return { kind, ...(typeof once === "string" && { at: once }), ...more };
		case "manual":
			return { kind, ...more };
		case "event":
			return { kind, event, ...more };
	}
}

function fromJson(id: string, { jsonSpec = "", ...others }: TriggerOptions, world: World): TriggerInput {
	const [other] = Object.keys(others);
	if (other !== undefined)
		throw new SwarmError("INVALID_OPTION", "--json-spec says all of the trigger, and takes no other options beside it");
	const name = jsonSpec === "-" ? "stdin" : resolve(world.cwd, jsonSpec);
	const parsed = jsonOption(readText(jsonSpec, "--json-spec", world), name);
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
		throw new SwarmError("INVALID_OPTION", `${name} holds no trigger`, {
			hint: '{ "on": { "kind": "cron", "cron": "@daily" }, "start": "report" }',
		});
	const spec = parsed as TriggerInput;
	if (spec.id !== undefined && spec.id !== id)
		throw new SwarmError("INVALID_OPTION", `${name} is the trigger "${spec.id}", and not "${id}"`);
	return { ...spec, id };
}

function flags(kinds: readonly string[]): string {
	return kinds.map((kind) => `--${kind}`).join(", ");
}
