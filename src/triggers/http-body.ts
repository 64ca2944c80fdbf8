import type { IncomingMessage } from "node:http";
import type { Plain } from "../core/plain.js";
import { HttpRefusal } from "./http-refusal.js";

/** Bodies that are read at a time, and what they may hold together. */
const MOST_BODIES = 64;
const MOST_BYTES = 64 * 1024 * 1024;

/** Reads the bodies of requests, each up to a limit, and all of them together too. */
export class BodyReader {
	#reading = 0;
	#held = 0;

	/**
	 * @param maxBytes - what comes beyond is not kept
	 * @throws HttpRefusal 413, 429, and 400 for one that breaks off
	 */
	async read(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
		const announced = Number(incoming.headers["content-length"] ?? 0);
		if (announced > maxBytes) throw tooLong(maxBytes);
		if (this.#reading >= MOST_BODIES) throw tooMany();
		this.#reading++;
		const parts: Buffer[] = [];
		let size = 0;
		try {
			// The answer still goes out by the connection that is not read to its end.
			for await (const part of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
				size += part.length;
				this.#held += part.length;
				if (size > maxBytes) throw tooLong(maxBytes);
				if (this.#held > MOST_BYTES) throw tooMany();
				parts.push(part);
			}
		} catch (error) {
			if (error instanceof HttpRefusal) throw error;
			throw new HttpRefusal(400, "INVALID_INPUT", "the body broke off");
		} finally {
			this.#reading--;
			this.#held -= size;
		}
		return Buffer.concat(parts);
	}
}

function tooLong(maxBytes: number): HttpRefusal {
	return new HttpRefusal(413, "LIMIT_EXCEEDED", `the body has more than ${maxBytes} bytes`, undefined, {
		connection: "close",
	});
}

function tooMany(): HttpRefusal {
	return new HttpRefusal(429, "OVERLOADED", "too many bodies are being read", "try again", {
		"retry-after": "1",
		connection: "close",
	});
}

/** Whether a content type is JSON: a page of another site cannot send it without asking first. */
export function isJson(contentType: string | undefined): boolean {
	return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType ?? "");
}

/** @throws HttpRefusal 400 */
export function jsonOf(body: Buffer): Plain {
	try {
		return JSON.parse(textOf(body)) as Plain;
	} catch (error) {
		if (error instanceof HttpRefusal) throw error;
		throw new HttpRefusal(400, "INVALID_INPUT", "the body is no JSON");
	}
}

/** @throws HttpRefusal 400 for what is not UTF-8 */
export function textOf(body: Buffer): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(body);
	} catch {
		throw new HttpRefusal(400, "INVALID_INPUT", "the body is not UTF-8");
	}
}
