import { type Duration, milliseconds } from "../core/durations.js";
import { type ErrorInfo, SwarmError } from "../core/errors.js";
import type { BreakerPolicy } from "./circuit-breaker.js";

/** So much in any stretch of time of this length. */
export interface RateLimit {
	/** Above 0; of requests a whole number. */
	readonly limit: number;
	/** At least 1 ms. */
	readonly per: Duration;
}

/** When a limit lets nobody through because attempts that took it have failed. */
export interface BreakerOptions {
	/** Consecutive failures that open it, at least 1. */
	readonly failures: number;
	/** How long it stays open before it is tried again; at least 1 ms. */
	readonly coolDown: Duration;
	/** Attempts at a time that may try it then; default 1. The first success closes it, a failure opens it again. */
	readonly probes?: number;
	/**
	 * Which errors count; by default all. Those that are plainly about something else never do: `CANCELLED`,
	 * `INVALID_INPUT`, `INVALID_OUTPUT`, `INVALID_SPEC`, and what `ctx` throws, such as the `TIMEOUT` of a wait. The
	 * `TIMEOUT` of an attempt does.
	 */
	readonly counts?: (error: ErrorInfo) => boolean;
}

/** What a named limit bounds, over all runs of a swarm. */
export interface LimitOptions {
	/** Attempts at a time, at least 1; as many as there are slots when left out. */
	readonly concurrency?: number;
	/** Calls of functions in any stretch of time. An attempt that goes on after a wait is no new call. */
	readonly requests?: RateLimit;
	/** Tokens in any stretch of time: reserved by the agent's `estimate`, corrected by what is reported. */
	readonly tokens?: RateLimit;
	readonly breaker?: BreakerOptions;
	/**
	 * Whether an error with `retryAfter` lets nobody through until then; by default with any of `requests`, `tokens`
	 * and `breaker`.
	 */
	readonly gate?: boolean;
}

/** {@link LimitOptions}, checked, in milliseconds. */
export interface LimitSettings {
	readonly concurrency: number;
	readonly requests: { readonly limit: number; readonly per: number } | undefined;
	readonly tokens: { readonly limit: number; readonly per: number } | undefined;
	readonly breaker: BreakerPolicy | undefined;
	readonly gate: boolean;
}

const FIELDS: readonly string[] = ["concurrency", "requests", "tokens", "breaker", "gate"];

/**
 * Checks what is said of a limit.
 *
 * @param given - a bare number is the concurrency
 * @throws SwarmError `INVALID_OPTION`
 */
export function limitSettings(name: string, given: number | LimitOptions): LimitSettings {
	const options = typeof given === "number" ? { concurrency: given } : given;
	if (typeof options !== "object" || options === null || Array.isArray(options))
		throw refused(name, "is neither a number nor an object");
	const extra = Object.keys(options).find((key) => !FIELDS.includes(key));
	if (extra !== undefined) throw refused(name, `has no field "${extra}"`);
	const { concurrency, requests, tokens, breaker, gate } = options;
	if (gate !== undefined && typeof gate !== "boolean") throw refused(name, "has a gate that is neither true nor false");
	if (concurrency !== undefined) checkCount(name, concurrency, typeof given === "number" ? undefined : "concurrency");
	return {
		concurrency: concurrency ?? Number.POSITIVE_INFINITY,
		requests: requests && rate(name, "requests", requests),
		tokens: tokens && rate(name, "tokens", tokens),
		breaker: breaker && breakerPolicy(name, breaker),
		gate: gate ?? (requests ?? tokens ?? breaker) !== undefined,
	};
}

function rate(name: string, what: "requests" | "tokens", { limit, per }: RateLimit): { limit: number; per: number } {
	if (what === "requests") checkCount(name, limit, "requests.limit");
	else if (typeof limit !== "number" || !(limit > 0) || !Number.isFinite(limit))
		throw refused(name, `has a tokens.limit of ${String(limit)}, not a number above 0`);
	return { limit, per: time(name, per, `${what}.per`) };
}

function breakerPolicy(name: string, { failures, coolDown, probes = 1, counts }: BreakerOptions): BreakerPolicy {
	checkCount(name, failures, "breaker.failures");
	checkCount(name, probes, "breaker.probes");
	if (counts !== undefined && typeof counts !== "function")
		throw refused(name, "has breaker.counts that is no function");
	return { failures, probes, counts, coolDown: time(name, coolDown, "breaker.coolDown") };
}

function checkCount(name: string, value: number, what: string | undefined): void {
	if (Number.isInteger(value) && value >= 1) return;
	const subject = what === undefined ? "is" : `has a ${what} of`;
	throw refused(name, `${subject} ${String(value)}, not a whole number of at least 1`);
}

function time(name: string, value: Duration, what: string): number {
	const ms = milliseconds(value, `${what} of the limit "${name}"`);
	if (ms < 1) throw refused(name, `has a ${what} of ${ms} ms, which is below 1`);
	return ms;
}

function refused(name: string, what: string): SwarmError {
	return new SwarmError("INVALID_OPTION", `the limit "${name}" ${what}`);
}

/** The key under which an agent's own concurrency is counted. No name of a limit has a NUL in it. */
export function agentKey(name: string): string {
	return `agent\0${name}`;
}

/** Limits by name, and families of them: a name that ends in `*` stands for every name that begins like it. */
export class LimitNames<Value> {
	readonly #exact = new Map<string, Value>();
	/** Families, the longest prefix first. */
	readonly #families: { readonly prefix: string; readonly value: Value }[] = [];

	constructor(entries: Iterable<readonly [string, Value]>) {
		for (const [name, value] of entries) {
			if (name.endsWith("*") && !name.includes("\0")) this.#families.push({ prefix: name.slice(0, -1), value });
			else this.#exact.set(name, value);
		}
		this.#families.sort((a, b) => b.prefix.length - a.prefix.length);
	}

	/** Names that stand for themselves. */
	exact(): Iterable<readonly [string, Value]> {
		return this.#exact;
	}

	/** What holds for a name: what is said of it alone, else of its family with the longest prefix. */
	of(name: string): Value | undefined {
		return this.#exact.get(name) ?? this.familyOf(name);
	}

	familyOf(name: string): Value | undefined {
		// A key of the library's own belongs to nobody's family.
		if (this.#families.length === 0 || name.includes("\0")) return undefined;
		return this.#families.find(({ prefix }) => name.startsWith(prefix))?.value;
	}
}
