import { createHmac } from "node:crypto";
import { connect } from "node:net";
import type { AnyAgent, Service, ServiceOptions } from "dagswarm";
import { afterEach } from "vitest";
import { type Member, noting, type World, worlds } from "./service-fixture.js";

export const SECRET = "a secret that only two of us know";
export const TOKEN = "a-token-of-more-than-16";

/** A service that listens, on virtual time. */
export interface Listening extends Member {
	readonly world: World;
	/** What `note` was started with. */
	readonly seen: ReturnType<typeof noting>["seen"];
	/** Asks it; a body that is no text is sent as JSON. */
	ask(path: string, request?: Ask): Promise<Answer>;
}

interface Ask {
	readonly method?: string;
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
	readonly status: number;
	readonly headers: Headers;
	readonly text: string;
	/** Undefined where it is none. */
	readonly json: unknown;
}

export function listeners(): (options?: Partial<ServiceOptions>, agents?: readonly AnyAgent[]) => Promise<Listening> {
	const newWorld = worlds();
	return async (options = {}, agents = []) => {
		const world = newWorld();
		const { agent, seen } = noting();
		const member = await world.started([agent, ...agents], { http: { port: 0 }, ...options });
		return { ...member, world, seen, ask: (path, request) => ask(member.service, path, request) };
	};
}

async function ask(service: Service, path: string, { method, body, headers = {} }: Ask = {}): Promise<Answer> {
	const isText = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
	const response = await fetch(`${service.address}${path}`, {
		method: method ?? (body === undefined ? "GET" : "POST"),
		headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
		...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
		...(body instanceof ReadableStream && { duplex: "half" }),
	} as RequestInit);
	const text = await response.text();
	const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
	return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** What `dagswarm-signature` is of a body. */
export function signed(body: string | Uint8Array, now: number, secret = SECRET): string {
	const seconds = Math.floor(now / 1_000);
	return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex")}`;
}

export function githubSigned(body: string, secret = SECRET): string {
	return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

/** A connection on which anything may be said. */
export interface Line {
	say(text: string): void;
	/** Resolves when what was heard holds it. */
	heard(part: string | RegExp): Promise<string>;
	/** Resolves with all that was heard when the other side has closed. */
	readonly closed: Promise<string>;
	end(): void;
}

export function lines(): (service: Service) => Line {
	const open: Line[] = [];
	afterEach(() => {
		for (const line of open.splice(0)) line.end();
	});
	return ({ address = "" }) => {
		const { hostname, port } = new URL(address);
		const socket = connect(Number(port), hostname);
		let text = "";
		const waits: (() => void)[] = [];
		socket.setEncoding("utf8").on("data", (part: string) => {
			text += part;
			for (const look of waits) look();
		});
		// What is cut off is closed, too.
		socket.on("error", () => {});
		const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
		const line: Line = {
			say: (said) => void socket.write(said),
			heard: (part) =>
				new Promise((resolve) => {
					const look = (): void => {
						if (typeof part === "string" ? text.includes(part) : part.test(text)) resolve(text);
					};
					waits.push(look);
					look();
				}),
			closed,
			end: () => socket.destroy(),
		};
		open.push(line);
		return line;
	};
}
