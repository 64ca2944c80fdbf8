import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isJson } from "./http-body.js";
import { isLoopback } from "./http-options.js";
import { HttpRefusal } from "./http-refusal.js";

/** Says who may ask: throws for a request that is not to be answered. */
export type Guard = (incoming: IncomingMessage) => void;

/** Who has the token may ask; where there is none, programs of this machine, but no page that a browser of it shows. */
export function guardOf(token: string | undefined): Guard {
	return token === undefined ? fromThisMachine : withToken(token);
}

function withToken(token: string): Guard {
	const expected = digest(token);
	return ({ headers }) => {
		const [, given] = /^Bearer +([\x21-\x7e]{1,1000}) *$/i.exec(headers.authorization ?? "") ?? [];
		// Digests have one length: how long it takes says nothing about the token.
		if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
		throw new HttpRefusal(401, "NOT_PERMITTED", "this needs the token of the service", "Authorization: Bearer …", {
			"www-authenticate": "Bearer",
		});
	};
}

function digest(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}

function fromThisMachine({ method, headers }: IncomingMessage): void {
	// A name of somebody else that has come to mean this machine: a page got here by it (DNS rebinding).
	if (!isLoopback(hostOf(headers.host ?? "")))
		throw new HttpRefusal(403, "NOT_PERMITTED", "without a token the service is asked by a name of this machine only");
	if (method === "GET" || method === "HEAD") return;
	// Only browsers send it; and what they may send to other sites without asking first is not JSON.
	if (headers.origin !== undefined)
		throw new HttpRefusal(403, "NOT_PERMITTED", "without a token the service is not asked by pages in a browser");
	if (!isJson(headers["content-type"]))
		throw new HttpRefusal(415, "INVALID_INPUT", "the content type is not application/json");
}

function hostOf(header: string): string {
	return header.replace(/:\d*$/, "");
}
