import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { secretKey } from "../ports/secret-key.js";
import { SIGNATURE_HEADER, verifyWebhook } from "../ports/webhook-signature.js";
import { MAX_GIVEN_KEY } from "./occurrence-key.js";

/** How the sender of a webhook shows that it has the secret, and how its key is found. */
export interface HookSignature {
	/** The header without which nothing more is looked at. */
	readonly header: string;
	/**
	 * Whether it is what who has the secret has sent.
	 *
	 * @param now - milliseconds since the Unix epoch
	 * @returns what the key is, as the sender says it or as it follows from what was signed; undefined when it is not
	 */
	verify(secret: string | Uint8Array, headers: IncomingHttpHeaders, body: Buffer, now: number): string | undefined;
}

const dagswarm: HookSignature = {
	header: SIGNATURE_HEADER,
	verify(secret, headers, body, now) {
		const verdict = verifyWebhook({ secret, headers, body, now });
		if (!verdict.ok) return undefined;
		return keyIn(headers, "idempotency-key") ?? deliveryKey(headers) ?? hashKey(`${verdict.at}.`, body);
	},
};

/** That of GitHub, which other services have taken over: an HMAC-SHA256 of the body alone, with no time in it. */
const github: HookSignature = {
	header: "x-hub-signature-256",
	verify(secret, headers, body) {
		const [, hex] = /^sha256=([0-9a-f]{64})$/.exec(String(headers["x-hub-signature-256"])) ?? [];
		const expected = createHmac("sha256", secretKey(secret, "secret")).update(body).digest();
		if (hex === undefined || !timingSafeEqual(Buffer.from(hex, "hex"), expected)) return undefined;
		return keyIn(headers, "x-github-delivery") ?? hashKey("", body);
	},
};

/** By what `on.webhook.signature` says. */
export const HOOK_SIGNATURES: Readonly<Record<"dagswarm" | "github", HookSignature>> = { dagswarm, github };

function keyIn(headers: IncomingHttpHeaders, name: string): string | undefined {
	const value = headers[name];
	return typeof value === "string" ? value : undefined;
}

/** Each try of a delivery of this library is signed anew, and says by this header, up to 256 characters, that it is the same one. */
function deliveryKey(headers: IncomingHttpHeaders): string | undefined {
	const key = keyIn(headers, "dagswarm-delivery");
	return key !== undefined && key.length > MAX_GIVEN_KEY ? hashKey("delivery:", key) : key;
}

/** The same request once more has the same one. */
function hashKey(before: string, body: Buffer | string): string {
	return `hook-${createHash("sha256").update(before).update(body).digest("hex")}`;
}
