/**
 * Every code a {@link SwarmError} or a refusal can carry. Codes are stable: they may be added to,
 * never renamed. Classify by code or flag, never by `instanceof` across packages.
 */
export type ErrorCode =
	| "AGENT_ERROR"
	| "AUDIT_TAMPERED"
	| "BUDGET_EXCEEDED"
	| "CALL_FAILED"
	| "CANCELLED"
	| "CRASHED"
	| "CYCLE"
	| "DUPLICATE_AGENT"
	| "DUPLICATE_NODE"
	| "DUPLICATE_STEP"
	| "EXPECTATION_FAILED"
	| "FENCED"
	| "ILLEGAL_STATE"
	| "INTERNAL"
	| "INVALID_INPUT"
	| "INVALID_OPTION"
	| "INVALID_OUTPUT"
	| "INVALID_SPEC"
	| "INVALID_WORKFLOW"
	| "JOURNAL_CORRUPT"
	| "JOURNAL_UNAVAILABLE"
	| "JOURNAL_VERSION"
	| "KILLED"
	| "LAGGED"
	| "LIMIT_EXCEEDED"
	| "NOT_PERMITTED"
	| "OVERLOADED"
	| "POISONED"
	| "PORT_FAILED"
	| "REJECTED"
	| "RETRYABLE"
	| "RUN_BUSY"
	| "RUN_ENDED"
	| "RUN_EXISTS"
	| "RUN_FAILED"
	| "SEQ_PRUNED"
	| "SIMULATION_FAILED"
	| "STALE_LEASE"
	| "SUSPENDED"
	| "SWARM_CLOSED"
	| "TIMEOUT"
	| "UNKNOWN_AGENT"
	| "UNKNOWN_DEPENDENCY"
	| "UNKNOWN_NODE"
	| "UNKNOWN_OCCURRENCE"
	| "UNKNOWN_RUN"
	| "UNKNOWN_TOOL"
	| "UNKNOWN_TRIGGER"
	| "VERSION_MISMATCH";

/** What a refusal or an error says beside its code. */
export interface ErrorDetails {
	/** The ids of the nodes concerned; for `CYCLE` the path, first node repeated at the end. */
	readonly nodes?: readonly string[];
	/** Where in the input the offending value is, as a JSON Pointer (RFC 6901). */
	readonly path?: string;
	/** What to do about it. */
	readonly hint?: string;
	/** With `LAGGED`: the first event that was missed. */
	readonly from?: number;
	/** With `INVALID_WORKFLOW`, in a text of lines: which one, from 1. */
	readonly line?: number;
}

/** A refused request as plain data. */
export interface Refusal extends ErrorDetails {
	readonly code: ErrorCode;
	readonly message: string;
}

const swarmErrorBrand = Symbol.for("dagswarm.error");

/**
 * The one error class of this library.
 *
 * @example
 * ```ts
 * import { SwarmError } from "dagswarm";
 *
 * const error = new SwarmError("CYCLE", "the edge c → a closes a cycle", { nodes: ["a", "b", "c", "a"] });
 * error.code;           // "CYCLE"
 * SwarmError.is(error); // true, also for one made by another copy of the package
 * ```
 */
export class SwarmError extends Error {
	override readonly name = "SwarmError";
	readonly code: ErrorCode;
	readonly nodes: readonly string[];
	declare readonly path?: string;
	declare readonly hint?: string;
	declare readonly from?: number;
	declare readonly line?: number;

	/**
	 * @param code - the stable code
	 * @param message - one sentence that names what was wrong
	 * @param details - the ids concerned, the path in the input, what to do
	 * @param options - `cause`: the error underneath
	 */
	constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
		super(details.hint === undefined ? message : `${message} (${details.hint})`, options);
		this.code = code;
		this.nodes = details.nodes ?? [];
		if (details.path !== undefined) this.path = details.path;
		if (details.hint !== undefined) this.hint = details.hint;
		if (details.from !== undefined) this.from = details.from;
		if (details.line !== undefined) this.line = details.line;
		Object.defineProperty(this, swarmErrorBrand, { value: true });
	}

	/** Whether a value is a `SwarmError`, of this or another copy of the package. */
	static is(value: unknown): value is SwarmError {
		return value instanceof Error && (value as { [swarmErrorBrand]?: true })[swarmErrorBrand] === true;
	}

	/** The error that says what a refusal says. */
	static from(refusal: Refusal): SwarmError {
		return new SwarmError(refusal.code, refusal.message, refusal);
	}
}

/** A failure as plain data: what the journal, `failures` and `ctx.lastError` carry. */
export interface ErrorInfo {
	/** A code of this library, or the `code` of the agent's own error. */
	readonly code: string;
	readonly message: string;
	/** The class of the agent's error, when it was one. */
	readonly name?: string;
	readonly stack?: string;
	readonly nodes?: readonly string[];
	readonly path?: string;
	/** `false`: no retry, whatever the policy says; `true`: retry although a predicate says no. */
	readonly retryable?: boolean;
	/** The earliest next attempt, milliseconds from the failure. */
	readonly retryAfter?: number;
	readonly cause?: ErrorInfo;
}

/** An error without its stack and those of its causes: where in somebody's files it happened is not told everywhere. */
export function withoutStacks(error: ErrorInfo): ErrorInfo {
	const chain: ErrorInfo[] = [];
	for (let each: ErrorInfo | undefined = error; each !== undefined; each = each.cause) chain.push(each);
	return chain.reduceRight<ErrorInfo | undefined>((cause, { stack: _, cause: __, ...rest }) => {
		return cause === undefined ? rest : { ...rest, cause };
	}, undefined) as ErrorInfo;
}

const MAX_CAUSES = 8;
const MAX_TEXT = 8192;

/**
 * Any thrown value as plain data. Never throws, whatever the value's getters do.
 *
 * @param thrown - what the agent threw: an Error or anything else
 * @returns its code (its own `code` when that is a string, else `AGENT_ERROR`), message, flags and causes
 */
export function errorInfo(thrown: unknown): ErrorInfo {
	return describe(thrown, 0);
}

function describe(thrown: unknown, depth: number): ErrorInfo {
	try {
		if (typeof thrown !== "object" || thrown === null) {
			return { code: "AGENT_ERROR", message: `thrown: ${text(thrown)}` };
		}
		// Each is read once: a getter may say something else the second time.
		const { code, message, name, stack, retryable, retryAfter, cause } = thrown as Record<string, unknown>;
		return {
			code: typeof code === "string" ? clip(code) : "AGENT_ERROR",
			message: typeof message === "string" ? clip(message) : `thrown: ${text(thrown)}`,
			...(typeof name === "string" && { name: clip(name) }),
			...(typeof stack === "string" && { stack: clip(stack) }),
			...(SwarmError.is(thrown) && thrown.nodes.length > 0 && { nodes: thrown.nodes }),
			...(SwarmError.is(thrown) && thrown.path !== undefined && { path: thrown.path }),
			...(typeof retryable === "boolean" && { retryable }),
			...(isDelay(retryAfter) && { retryAfter }),
			...(cause !== undefined && depth < MAX_CAUSES && { cause: describe(cause, depth + 1) }),
		};
	} catch {
		// A hostile getter or toString: the failure still has to be recorded.
		return { code: "AGENT_ERROR", message: "thrown: a value that cannot be read" };
	}
}

function isDelay(value: unknown): value is number {
	return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function text(value: unknown): string {
	if (typeof value === "string") return clip(value);
	if (typeof value !== "object" || value === null) return clip(String(value));
	try {
		return clip(JSON.stringify(value));
	} catch {
		// A cycle or a bigint, a toJSON that gives nothing: its flags and its code still count.
		return Object.prototype.toString.call(value);
	}
}

function clip(value: string): string {
	return value.length <= MAX_TEXT ? value : `${value.slice(0, MAX_TEXT)}…`;
}
