import { SwarmError } from "../core/errors.js";

/** A delivery was not taken. The code is `PORT_FAILED`. */
export class DeliveryError extends SwarmError {
	/** `false`: another try will not be taken either. */
	readonly retryable: boolean;
	/** Milliseconds until it is worth trying again. */
	declare readonly retryAfter?: number;
	/** What the receiver answered, if it did. */
	declare readonly status?: number;

	constructor(
		message: string,
		details: {
			readonly retryable: boolean;
			readonly retryAfter?: number;
			readonly status?: number;
			readonly hint?: string;
			readonly cause?: unknown;
		},
	) {
		const { retryable, retryAfter, status, hint, cause } = details;
		super("PORT_FAILED", message, hint === undefined ? {} : { hint }, cause === undefined ? {} : { cause });
		this.retryable = retryable;
		if (retryAfter !== undefined) this.retryAfter = retryAfter;
		if (status !== undefined) this.status = status;
	}
}
