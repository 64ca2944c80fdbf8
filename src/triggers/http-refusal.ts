import { type ErrorCode, SwarmError } from "../core/errors.js";

/** What the endpoint says no to by itself. */
export class HttpRefusal extends Error {
	/**
	 * @param status - of HTTP, 400 to 599
	 * @param code - a code of errors, or `UNKNOWN_ROUTE`
	 * @param headers - of the answer, beside its own
	 */
	constructor(
		readonly status: number,
		readonly code: ErrorCode | "UNKNOWN_ROUTE",
		message: string,
		readonly hint?: string,
		readonly headers: Readonly<Record<string, string>> = {},
	) {
		super(message);
	}
}

/** What the body of a refused request is. */
export interface ErrorBody {
	readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
	CYCLE: 400,
	DUPLICATE_NODE: 400,
	NOT_PERMITTED: 403,
	UNKNOWN_OCCURRENCE: 404,
	UNKNOWN_RUN: 404,
	UNKNOWN_TRIGGER: 404,
	ILLEGAL_STATE: 409,
	RUN_EXISTS: 409,
	LIMIT_EXCEEDED: 413,
	OVERLOADED: 429,
	INTERNAL: 500,
};

/** The status of HTTP for a code: what is wrong with the request is 400, what may be right later 503. */
export function statusOf(code: ErrorCode): number {
	// An agent that is not there is a mistake in what was sent: the address was right.
	return STATUSES[code] ?? (/^(INVALID|UNKNOWN)_/.test(code) ? 400 : 503);
}

/** An error as an answer: never a stack, and nothing of what is not an error of this library. */
export function answerOf(error: unknown): {
	readonly status: number;
	readonly body: ErrorBody;
	readonly headers: Readonly<Record<string, string>>;
} {
	if (error instanceof HttpRefusal) {
		const { status, code, message, hint, headers } = error;
		return { status, headers, body: { error: { code, message, ...(hint !== undefined && { hint }) } } };
	}
	if (!SwarmError.is(error))
		return { status: 500, headers: {}, body: { error: { code: "INTERNAL", message: "this could not be done" } } };
	const { code, hint } = error;
	const tail = ` (${hint})`;
	const message =
		hint !== undefined && error.message.endsWith(tail) ? error.message.slice(0, -tail.length) : error.message;
	return {
		status: statusOf(code),
		headers: code === "OVERLOADED" ? { "retry-after": "1" } : {},
		body: { error: { code, message, ...(hint !== undefined && { hint }) } },
	};
}
