import { sha256 } from "../core/checksum.js";
import { type Clock, systemClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { retryAfterOf } from "../core/retry-after.js";
import { checkWhole } from "../core/whole.js";
import type { DeliveryPort } from "./delivery.js";
import { DeliveryError } from "./delivery-error.js";
import { deliveryText } from "./delivery-text.js";
import { secretKey } from "./secret-key.js";
import { SIGNATURE_HEADER, signatureOf } from "./webhook-signature.js";

/** The header that has the key of a delivery, escaped as in a URL, or its SHA-256: the same for every try. */
const KEY_HEADER = "dagswarm-delivery";
/** Of an answer, read so that its connection can be used again. */
const MOST_OF_ANSWER = 65_536;
/** Client errors that another try may not meet: too slow, too early, too many. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/** Where and how webhooks are sent. */
export interface WebhookDeliveryOptions {
	/** `http:` or `https:`, without a name or password in it. */
	readonly url: string;
	/** What the body is signed with, at least 16 bytes: the receiver needs it for {@link verifyWebhook}. */
	readonly secret: string | Uint8Array;
	/** More headers, a token for instance. Those of the delivery itself cannot be changed. */
	readonly headers?: Readonly<Record<string, string>>;
	/** A larger body is not sent: bytes, 1,024 to 1 GiB, default 32 MiB. */
	readonly maxBodyBytes?: number;
	/** What sends requests; default the global `fetch`. */
	readonly fetch?: typeof globalThis.fetch;
	/** Where the time of signatures comes from; default the machine's. */
	readonly clock?: Clock;
}

/**
 * Delivers by a POST of JSON, signed with a secret: `verifyWebhook` and `parseDelivery` are for who gets it. Any answer
 * from 200 to 299 says that it was taken. Redirects are not followed.
 *
 * Deliveries reject with a {@link DeliveryError}: `retryable: false` after a redirect, or a client error other than 408, 425
 * and 429; with `retryAfter` where the receiver says when it wants the next try.
 *
 * @throws SwarmError `INVALID_OPTION`
 */
export function webhookDelivery(options: WebhookDeliveryOptions): DeliveryPort {
	const { maxBodyBytes = 32 * 1024 * 1024, clock = systemClock } = options;
	const url = urlOf(options.url);
	const headers = headersOf(options.headers);
	const key = secretKey(options.secret, "secret");
	checkWhole(maxBodyBytes, "maxBodyBytes", 1_024, 1_073_741_824);
	// A query may hold a secret, and errors are stored.
	const place = `${url.origin}${url.pathname}`;

	return {
		async deliver(delivery, signal) {
			signal.throwIfAborted();
			const body = Buffer.from(deliveryText(delivery));
			if (body.length > maxBodyBytes)
				throw new DeliveryError(`the outcome has ${body.length} bytes, and ${maxBodyBytes} may be sent`, {
					retryable: false,
					hint: "deliver large artifacts into a directory, or set maxBodyBytes",
				});
			const send = options.fetch ?? globalThis.fetch;
			const signed = new Headers(headers);
			signed.set("content-type", "application/json");
			signed.set(SIGNATURE_HEADER, signatureOf(key, body, clock.now()));
			signed.set(KEY_HEADER, keyHeaderOf(delivery.key));
			let response: Response;
			try {
				response = await send(url, { method: "POST", headers: signed, body, signal, redirect: "manual" });
			} catch (error) {
				signal.throwIfAborted();
				throw new DeliveryError(`${place} cannot be reached`, { retryable: true, cause: error });
			}
			await discard(response);
			if (!response.ok) throw refusalOf(response, place, clock.now());
		},
	};
}

/** Keys have run ids in them, which may be anything: what a header cannot hold is escaped, and what is long is hashed. */
function keyHeaderOf(key: string): string {
	const escaped = encodeURIComponent(key.toWellFormed());
	return escaped.length <= 256 ? escaped : `sha256:${sha256(key)}`;
}

/** Reads an answer to its end, or to where it gets long. What goes wrong now changes nothing about what was answered. */
async function discard(response: Response): Promise<void> {
	try {
		let size = 0;
		// Leaving the loop early cancels the rest.
		for await (const part of response.body ?? []) {
			size += part.length;
			if (size > MOST_OF_ANSWER) return;
		}
	} catch {
		// The connection broke, or the time was over.
	}
}

function refusalOf({ status, headers }: Response, place: string, now: number): DeliveryError {
	const after = status === 429 || status === 503 ? retryAfterOf(headers.get("retry-after"), now) : undefined;
	return new DeliveryError(`${place} answered ${status}`, {
		retryable: status >= 500 || PASSING.has(status),
		status,
		...(after !== undefined && { retryAfter: after }),
		...(status >= 300 && status < 400 && { hint: "redirects are not followed: give the URL it leads to" }),
	});
}

function urlOf(text: string): URL {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
	throw new SwarmError("INVALID_OPTION", "url is no address of a webhook", {
		hint: "use http: or https:, and a header for a name and a password",
	});
}

function headersOf(given: Readonly<Record<string, string>> | undefined): Headers {
	try {
		return new Headers(given);
	} catch (error) {
		throw new SwarmError(
			"INVALID_OPTION",
			"headers has a name or a value that no header can have",
			{},
			{ cause: error },
		);
	}
}
