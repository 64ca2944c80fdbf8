import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { systemClock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { secretKey } from "./secret-key.js";

/** The header that says when a webhook was sent, and that who sent it has the secret. */
export const SIGNATURE_HEADER = "dagswarm-signature";

/** More signatures than a secret that is being replaced needs are not looked at. */
const MOST_SIGNATURES = 8;
const LONGEST_HEADER = 2_048;

/** The value of {@link SIGNATURE_HEADER} for a body that is sent at a time. */
export function signatureOf(key: KeyObject, body: Uint8Array, now: number): string {
	const seconds = Math.floor(now / 1_000);
	return `t=${seconds},v1=${digest(key, `${seconds}`, body).toString("hex")}`;
}

function digest(key: KeyObject, seconds: string, body: Uint8Array): Buffer {
	return createHmac("sha256", key).update(`${seconds}.`).update(body).digest();
}

/** A webhook that came in. */
export interface WebhookToVerify {
	/** What the sender was given. */
	readonly secret: string | Uint8Array;
	/** The request's headers, or only the value of `dagswarm-signature` as `signature`. */
	readonly headers?:
		| { get(name: string): string | null }
		| Readonly<Record<string, string | readonly string[] | undefined>>;
	readonly signature?: string;
	/** The body exactly as it came, before anything has parsed it. */
	readonly body: string | Uint8Array;
	/** How old it may be, and how far ahead the sender's clock; default 5 minutes. */
	readonly tolerance?: Duration;
	/** Milliseconds since the Unix epoch; default now. */
	readonly now?: number;
}

/** Whether a webhook is what the sender sent. */
export type WebhookVerdict =
	| {
			readonly ok: true;
			/** When it was sent; milliseconds since the Unix epoch, whole seconds. */
			readonly at: number;
	  }
	| { readonly ok: false; readonly reason: string };

/**
 * Verifies that a webhook was sent by who has the secret, and not long ago. Within that time somebody else may send it once
 * more, and the sender does so itself when it got no answer: keep the `key` of those that were dealt with (the body has it,
 * see `parseDelivery`).
 *
 * The signature is an HMAC-SHA256 (RFC 2104) of the seconds since the Unix epoch, a dot, and the body; it is compared in
 * constant time.
 *
 * @throws SwarmError `INVALID_OPTION` for a secret of less than 16 bytes, or a tolerance that is no duration
 *
 * @example
 * ```ts no-run
 * import { createServer } from "node:http";
 * import { parseDelivery, verifyWebhook } from "dagswarm";
 *
 * declare const secret: string;
 * createServer(async (request, response) => {
 *   const parts: Buffer[] = [];
 *   let size = 0;
 *   for await (const part of request) {
 *     size += part.length;
 *     if (size > 1_000_000) return response.writeHead(413).end();
 *     parts.push(part);
 *   }
 *   const body = Buffer.concat(parts);
 *   if (!verifyWebhook({ secret, headers: request.headers, body }).ok) return response.writeHead(401).end();
 *   console.log(parseDelivery(body).status);
 *   return response.writeHead(204).end();
 * });
 * ```
 */
export function verifyWebhook(webhook: WebhookToVerify): WebhookVerdict {
	const { body, tolerance = "5m", now = systemClock.now() } = webhook;
	const key = secretKey(webhook.secret, "secret");
	const window = milliseconds(tolerance, "tolerance");
	const header = webhook.signature ?? headerOf(webhook.headers);
	if (typeof header !== "string" || header.length > LONGEST_HEADER) return { ok: false, reason: "it has no signature" };
	const parts = header.split(",").map((part) => part.trim());
	const [seconds, ...others] = parts.filter((part) => part.startsWith("t=")).map((part) => part.slice(2));
	const signatures = parts.filter((part) => /^v1=[0-9a-f]{64}$/.test(part)).slice(0, MOST_SIGNATURES);
	if (seconds === undefined || others.length > 0 || !/^\d{1,12}$/.test(seconds) || signatures.length === 0)
		return { ok: false, reason: "its signature is not of the form t=…,v1=…" };
	const expected = digest(key, seconds, Buffer.from(body as string));
	let isSigned = false;
	// All of them, whichever fits: the time it takes says nothing.
	for (const signature of signatures)
		if (timingSafeEqual(Buffer.from(signature.slice(3), "hex"), expected)) isSigned = true;
	if (!isSigned) return { ok: false, reason: "it was not signed with this secret, or it was changed" };
	const at = Number(seconds) * 1_000;
	// The time of the signature was cut to the second.
	if (Math.abs(now - at) > window + 1_000) return { ok: false, reason: "it was signed too long ago, or in the future" };
	return { ok: true, at };
}

function headerOf(headers: WebhookToVerify["headers"]): string | undefined {
	if (headers === undefined) return undefined;
	if (typeof headers["get"] === "function") return (headers as Headers).get(SIGNATURE_HEADER) ?? undefined;
	// Node gives names in lower case; others may not.
	for (const [name, value] of Object.entries(headers))
		if (name.toLowerCase() === SIGNATURE_HEADER) return typeof value === "string" ? value : value?.[0];
	return undefined;
}
