import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import type { RunId } from "../core/ids.js";
import { nameOf } from "../core/plain.js";
import { tokensOf, type Usage } from "../core/usage.js";
import type { AttemptInfo, RunInfo } from "./port.js";

/** Whose spending a limit adds up. */
export type BudgetScope = "run" | "tree" | "caller" | "channel" | "node" | "agent" | "all";

/** How much of one measure somebody may use. */
export interface BudgetLimit {
	/** A measure of {@link Usage}, or `tokens`: those in, out and of thinking together. */
	readonly measure: string;
	/** Finite, at least 0. */
	readonly limit: number;
	/**
	 * `run`: each run by itself; `tree`: each run that the host started, with the runs its nodes called; `caller` and
	 * `channel`: all runs with the same one in their metadata, and no others; `agent`: each agent, in all runs; `node`:
	 * each node, with all its attempts; `all`: everything.
	 */
	readonly of: BudgetScope;
	/** Only of this caller, channel or agent; without it of each by itself. */
	readonly name?: string;
	/** Only what was used within this time counts; without it, whatever was used. At least a millisecond. */
	readonly per?: Duration;
}

/** A limit as the books need it. */
export interface CheckedLimit {
	readonly limit: BudgetLimit;
	/** Milliseconds of its window. */
	readonly per: number | undefined;
	/** What counts as equal to the limit: far less than anybody pays, far more than sums are off. */
	readonly tolerance: number;
}

/** Of a run what its books need: without the rest of what its host says about it. */
export type RunName = Pick<RunInfo, "run" | "ancestors" | "calledBy" | "caller" | "channel">;

/** What the account of a limit is looked up by. */
export interface Spender extends Pick<AttemptInfo, "node" | "agent"> {
	readonly run: RunName;
}

const SCOPES: readonly unknown[] = ["run", "tree", "caller", "channel", "node", "agent", "all"];
const NAMED: readonly unknown[] = ["caller", "channel", "agent"];

/**
 * Checks limits.
 *
 * @throws SwarmError `INVALID_OPTION` when one is malformed, or two are of the same measure, scope, name and window
 */
export function checkLimits(limits: readonly BudgetLimit[]): readonly CheckedLimit[] {
	const known = new Set<string>();
	return limits.map((limit, index) => {
		const what = `limits[${index}]`;
		const { measure, of, name } = limit;
		if (typeof measure !== "string" || measure === "") throw invalid(`${what}.measure is ${nameOf(measure)}`);
		if (!Number.isFinite(limit.limit) || limit.limit < 0)
			throw invalid(`${what}.limit is ${nameOf(limit.limit)}, not a finite number of at least 0`);
		if (!SCOPES.includes(of)) throw invalid(`${what}.of is ${JSON.stringify(of)}, not one of ${SCOPES.join(", ")}`);
		if (name !== undefined && !NAMED.includes(of))
			throw invalid(`${what} names "${name}", and is of ${of}: only those of ${NAMED.join(", ")} have a name`);
		const per = limit.per === undefined ? undefined : milliseconds(limit.per, `${what}.per`);
		if (per !== undefined && per < 1) throw invalid(`${what}.per is ${per} ms, less than a millisecond`);
		const identity = limitIdentity(limit);
		if (known.has(identity)) throw invalid(`${what} is there twice: ${wordsOf(limit)}`);
		known.add(identity);
		return { limit, per, tolerance: limit.limit * 1e-9 };
	});
}

function invalid(message: string): SwarmError {
	return new SwarmError("INVALID_OPTION", message, {
		hint: 'a limit is { measure: "cost", limit: 5, of: "run" }, with `name` and `per` where they are needed',
	});
}

/** What makes two limits the same, however high they are: books are kept while a limit is raised. */
export function limitIdentity({ measure, of, name, per }: BudgetLimit): string {
	return JSON.stringify([measure, of, name ?? null, per === undefined ? null : milliseconds(per)]);
}

/**
 * Whose account of a limit a spender uses.
 *
 * @returns undefined when the limit is not about it
 */
export function accountKey(limit: BudgetLimit, { run, node, agent }: Spender): string | undefined {
	const { of, name } = limit;
	switch (of) {
		case "run":
		case "tree":
			return ownerOf(limit, run);
		case "node":
			return nodeKey(run.run, node);
		case "all":
			return "";
		default: {
			const own = of === "agent" ? agent : run[of];
			return name === undefined || name === own ? own : undefined;
		}
	}
}

/** The account of a node: its id means something only within its run. */
export function nodeKey(run: string, node: string): string {
	return JSON.stringify([run, node]);
}

/** Whether accounts of a limit go with the run that they are of. */
export function isOfRun({ of }: BudgetLimit): boolean {
	return of === "run" || of === "tree" || of === "node";
}

/** The run that an account of such a limit goes with: of a tree its root, as no run in it may spend more than that. */
export function ownerOf({ of }: BudgetLimit, { run, ancestors }: RunName): RunId {
	return of === "tree" ? (ancestors.at(-1) ?? run) : run;
}

/** How much of a limit's measure a usage is. A host may count `tokens` of its own beside the three kinds. */
export function amountOf(usage: Usage, measure: string): number {
	return measure === "tokens" ? tokensOf(usage) + (usage["tokens"] ?? 0) : (usage[measure] ?? 0);
}

/** Whether an estimate says anything about a measure, be it 0. */
export function isEstimated(estimate: Usage, measure: string): boolean {
	// How many nodes an attempt starts is never in doubt.
	if (measure === "nodes" || estimate[measure] !== undefined) return true;
	if (measure !== "tokens") return false;
	const { inputTokens, outputTokens, thinkingTokens } = estimate;
	return inputTokens !== undefined || outputTokens !== undefined || thinkingTokens !== undefined;
}

/** A limit in words: "cost of caller "anna" per 1d". */
export function wordsOf({ measure, of, name, per }: BudgetLimit, key?: string): string {
	const window = per === undefined ? "" : typeof per === "number" ? ` per ${per} ms` : ` per ${per}`;
	return `${measure} of ${whose(of, key ?? name)}${window}`;
}

function whose(of: BudgetScope, key: string | undefined): string {
	if (of === "all") return "all runs";
	const kind = of === "tree" ? "run and its sub-runs" : of;
	if (key === undefined) return `each ${kind}`;
	if (of !== "node") return of === "tree" ? `run "${key}" and its sub-runs` : `${of} "${key}"`;
	const [run, node] = JSON.parse(key) as [string, string];
	return `node "${node}" of run "${run}"`;
}
