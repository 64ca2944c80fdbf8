import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpOptions } from "dagswarm";
import { createService, defineAgent, SwarmError } from "dagswarm";
import { afterEach, describe, expect, test } from "vitest";
import { HttpEndpoint } from "../../src/triggers/http-endpoint.js";
import { filesUnder, read } from "../source.js";
import { lines, listeners, TOKEN } from "./http-fixture.js";
import { holding, quiet, worlds } from "./service-fixture.js";

const listening = listeners();
const world = worlds();
const line = lines();

const others: Server[] = [];
afterEach(() => {
	for (const other of others.splice(0)) other.close();
});

async function takenPort(): Promise<number> {
	const other = createServer();
	others.push(other);
	await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
	// That of a server that listens on a port of a network.
	return (other.address() as AddressInfo).port;
}

const manual = [{ id: "m", on: { kind: "manual" }, start: "note" }] as const;

describe("where it listens", () => {
	test("what it listens with is loaded by who asks for it only", () => {
		const eager = filesUnder("src", /\.ts$/).filter((path) => /^(import|export) (?!type).*"@?hono/m.test(read(path)));
		expect(eager).toEqual([]);
	});

	test("nowhere by default", async () => {
		const { service } = await world().started([]);
		expect(service.address).toBeUndefined();
	});

	test("on this machine only, on a port that is free, until it stops", async () => {
		const { service, ask } = await listening();
		expect(service.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
		const { address } = service;
		expect((await ask("/health/live")).json).toEqual({ ok: true });
		await service.stop();
		expect(service.address).toBeUndefined();
		await expect(fetch(`${address}/health/live`)).rejects.toThrow();
	});

	test.each<[string, HttpOptions | null, RegExp]>([
		["no port", {} as HttpOptions, /http\.port is missing/],
		["a port that is none", { port: 70_000 }, /http\.port is 70000/],
		["an option that there is not", { port: 0, tokn: TOKEN } as HttpOptions, /"tokn".*port, host, token/],
		["a short token", { port: 0, token: "fifteen letters" }, /no token.*16/],
		["a token with a space", { port: 0, token: "sixteen letters and more" }, /no token/],
		["all addresses without a token", { port: 0, host: "0.0.0.0" }, /no token.*set http\.token/],
		["all addresses in the newer form", { port: 0, host: "::" }, /no token/],
		["a name that may be anywhere", { port: 0, host: "127.0.0.1.example.com" }, /no token/],
		["no name", { port: 0, host: "" }, /http\.host/],
		["nothing at all", null, /no object/],
	])("refuses %s", (_, http, message) => {
		const w = world();
		const { swarm } = w.member([]);
		const make = (): unknown => createService({ store: w.store, swarm, http: http as HttpOptions });
		expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }));
	});

	test("never says what a refused token is", () => {
		const w = world();
		const { swarm } = w.member([]);
		let message = "";
		try {
			createService({ store: w.store, swarm, http: { port: 0, token: "hunter2" } });
		} catch (error) {
			message = String(error);
		}
		expect(message).toContain("http.token");
		expect(message).not.toContain("hunter2");
	});

	test("a port that is taken is refused, and nothing has started: it may be tried again", async () => {
		const port = await takenPort();
		const w = world();
		const { service } = w.member([], { http: { port } });
		const refused = await service.start().then(
			() => undefined,
			(error: unknown) => error,
		);
		expect(SwarmError.is(refused) && refused.code).toBe("INVALID_OPTION");
		expect(String(refused)).toContain(`port ${port}: the port is taken`);
		expect(service.health()).toMatchObject({ ok: false, state: "new" });
		expect(await w.store.leases("")).toEqual([]);
		for (const other of others.splice(0)) await new Promise((resolve) => other.close(resolve));
		await service.start();
		expect(service.address).toBe(`http://127.0.0.1:${port}`);
	});

	test("a service that is stopped while it begins to listen does not listen", async () => {
		const { service } = world().member([], { http: { port: 0 } });
		const starting = service.start();
		await service.stop();
		await starting;
		expect(service.address).toBeUndefined();
		expect(service.health().state).toBe("stopped");
	});
});

describe("closing", () => {
	test("connections that are kept are closed, those that wait for their turn included", async () => {
		const { service, world } = await listening();
		const kept = line(service);
		kept.say("GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
		await kept.heard("200 OK");
		const silent = line(service);
		silent.say("GET /heal");
		await quiet();
		const stopping = service.stop();
		await kept.closed;
		await quiet();
		world.clock.advance(2_000);
		await stopping;
		expect(await silent.closed).not.toContain("200");
	});

	test("an answer that is being given is given to its end, and closes its connection", async () => {
		const { service, world } = await listening({ triggers: manual });
		const busy = line(service);
		busy.say(
			"POST /triggers/m/fire HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n",
		);
		await busy.heard("100 Continue");
		const stopping = service.stop();
		await quiet();
		expect(service.health().state).toBe("stopping");
		busy.say("17");
		const heard = await busy.closed;
		await stopping;
		expect(heard).toContain("HTTP/1.1 202 ");
		expect(heard).toMatch(/connection: close/i);
		expect(await world.keys()).toHaveLength(1);
	});
});

describe("health", () => {
	test("is 200 while all is well, 503 when it is not; live is about the process alone", async () => {
		const { ask, world } = await listening();
		expect(await ask("/health")).toMatchObject({ status: 200, json: { ok: true, state: "leading", running: 0 } });
		const { store } = world;
		const counts = store.counts;
		store.counts = () => {
			throw new Error("the disk is on fire at /var/secret/place");
		};
		// What is no error of this library is told nobody but the program.
		const failed = await ask("/triggers/none/fire", { body: {} });
		expect(failed.status).toBe(404);
		const broken = await ask("/metrics");
		expect(broken).toMatchObject({ status: 500, json: { error: { code: "INTERNAL" } } });
		expect(broken.text).not.toMatch(/fire at|secret|\.ts/);
		store.counts = counts;
		expect(await ask("/health")).toMatchObject({
			status: 503,
			json: { ok: false, problem: expect.stringContaining("on fire") },
		});
		expect((await ask("/health/live")).status).toBe(200);
	});
});

describe("who may ask", () => {
	const guarded = ["/health", "/metrics", "/occurrences", "/occurrences/m@1:x", "/nowhere"];

	test("with a token, who has it; and it is not told where nothing is", async () => {
		const { ask } = await listening({ http: { port: 0, token: TOKEN }, triggers: manual });
		for (const path of guarded) {
			expect((await ask(path)).status).toBe(401);
			expect((await ask(path, { headers: { authorization: `Bearer ${TOKEN}x` } })).status).toBe(401);
			expect((await ask(path, { headers: { authorization: `Basic ${TOKEN}` } })).status).toBe(401);
			expect((await ask(path, { headers: { authorization: `Bearer ${TOKEN}` } })).status).not.toBe(401);
		}
		const refused = await ask("/triggers/m/fire", { body: {} });
		expect(refused.status).toBe(401);
		expect(refused.headers.get("www-authenticate")).toBe("Bearer");
		expect(refused.headers.get("cache-control")).toBe("no-store");
		expect(refused.headers.get("x-content-type-options")).toBe("nosniff");
		expect(refused.text).not.toContain(TOKEN);
		expect((await ask("/health/live")).status).toBe(200);
		const headers = { authorization: `bearer ${TOKEN}`, origin: "https://dashboard.example" };
		expect((await ask("/triggers/m/fire", { body: {}, headers })).status).toBe(202);
	});

	test("without a token, nobody by a name that somebody else owns", async () => {
		const { service } = await listening({ triggers: manual });
		for (const host of ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "", "[::2]:80"]) {
			const rebound = line(service);
			rebound.say(`GET /occurrences HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
			expect(await rebound.closed).toMatch(/^HTTP\/1\.1 40[03] /);
		}
		for (const host of ["localhost:1234", "127.0.0.1", "[::1]:99", "LOCALHOST"]) {
			const own = line(service);
			own.say(`GET /occurrences HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
			expect(await own.closed).toMatch(/^HTTP\/1\.1 200 /);
		}
	});

	test("without a token, no page in a browser: not by its origin, and not by a form", async () => {
		const { ask, world } = await listening({ triggers: manual });
		const fire = "/triggers/m/fire";
		const fromPage = await ask(fire, { body: {}, headers: { origin: "http://127.0.0.1:80" } });
		expect(fromPage).toMatchObject({ status: 403, json: { error: { code: "NOT_PERMITTED" } } });
		for (const type of ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json"])
			expect((await ask(fire, { body: "{}", headers: { "content-type": type } })).status).toBe(415);
		expect((await ask(fire, { method: "POST" })).status).toBe(415);
		expect(await world.keys()).toEqual([]);
		// Nothing says that other sites may read what it answers.
		expect((await ask("/occurrences")).headers.get("access-control-allow-origin")).toBeNull();
	});
});

describe("starting and looking", () => {
	test("fires a trigger with a payload, once for each key", async () => {
		const { ask, seen } = await listening({ triggers: manual });
		const headers = { "idempotency-key": "k 1/2" };
		const key = "m@1:k 1/2";
		expect(await ask("/triggers/m/fire", { body: { a: [1] }, headers })).toMatchObject({
			status: 202,
			json: { key, isNew: true },
		});
		expect((await ask("/triggers/m/fire", { body: { a: [2] }, headers })).json).toEqual({ key, isNew: false });
		await quiet();
		expect(seen.map(({ payload }) => payload)).toEqual([{ a: [1] }]);
		const row = await ask(`/occurrences/${encodeURIComponent(key)}`);
		expect(row).toMatchObject({ status: 200, json: { key, state: "completed", payload: { a: [1] } } });
		const listed = await ask("/occurrences?state=completed,failed&trigger=m&limit=5");
		expect(listed.json).toMatchObject({ occurrences: [{ key, state: "completed" }] });
		expect(listed.text).not.toContain("payload");
		expect((await ask("/occurrences?state=failed")).json).toEqual({ occurrences: [] });
		expect((await ask("/occurrences?trigger=")).json).toEqual({ occurrences: [] });
	});

	test("tells an event to all that wait for it", async () => {
		const on = { kind: "event", event: "sale/new" } as const;
		const { ask } = await listening({ triggers: ["a", "b"].map((id) => ({ id, on, start: "note" })) });
		const told = await ask("/events/sale%2Fnew", { body: 5, headers: { "idempotency-key": "s1" } });
		expect(told).toMatchObject({
			status: 202,
			json: {
				started: [
					{ key: "a@1:s1", isNew: true },
					{ key: "b@1:s1", isNew: true },
				],
			},
		});
		expect((await ask("/events/none", { body: 5 })).json).toEqual({ started: [] });
	});

	test("takes graphs and calls, and cancels them", async () => {
		const { agent, going } = holding();
		const double = defineAgent({ name: "double", run: async (n: number) => n * 2 });
		const { ask, service } = await listening({}, [agent, double]);
		const run = { nodes: [{ id: "n", agent: "double", input: 4 }], deadline: "1m", metadata: { who: "me" } };
		expect((await ask("/runs", { body: run, headers: { "idempotency-key": "r1" } })).json).toEqual({
			key: "r1",
			isNew: true,
		});
		await quiet();
		expect((await ask("/occurrences/r1")).json).toMatchObject({ state: "completed", metadata: { who: "me" } });
		const call = await ask("/runs", { body: { call: "hold", input: { key: "c" } } });
		expect(call.status).toBe(202);
		const { key } = call.json as { key: string };
		await quiet();
		expect(going).toHaveLength(1);
		expect((await ask(`/occurrences/${key}/cancel`, { body: { reason: "not now" } })).status).toBe(202);
		await quiet();
		expect(await service.status(key)).toMatchObject({ state: "cancelled", reason: "not now" });
		expect(await ask(`/occurrences/${key}/cancel`, { body: {} })).toMatchObject({
			status: 409,
			json: { error: { code: "ILLEGAL_STATE" } },
		});
	});

	test.each<[string, string, unknown, number, string]>([
		["a trigger that is not there", "/triggers/x/fire", {}, 404, "UNKNOWN_TRIGGER"],
		["an occurrence that is not there", "/occurrences/x", undefined, 404, "UNKNOWN_OCCURRENCE"],
		["an address where nothing is", "/nowhere", undefined, 404, "UNKNOWN_ROUTE"],
		["another method", "/runs", undefined, 404, "UNKNOWN_ROUTE"],
		["no JSON", "/triggers/m/fire", "{", 400, "INVALID_INPUT"],
		["no UTF-8", "/triggers/m/fire", new Uint8Array([34, 0xc3, 34]), 400, "INVALID_INPUT"],
		["a parameter that there is not", "/occurrences?stat=failed", undefined, 400, "INVALID_INPUT"],
		["a state that there is not", "/occurrences?state=done", undefined, 400, "INVALID_INPUT"],
		["a limit that is none", "/occurrences?limit=1e3", undefined, 400, "INVALID_INPUT"],
		["a limit that is too high", "/occurrences?limit=1001", undefined, 400, "INVALID_INPUT"],
		["nothing to run", "/runs", {}, 400, "INVALID_INPUT"],
		["a list to run", "/runs", [], 400, "INVALID_INPUT"],
		["two things to run", "/runs", { nodes: [], call: "note" }, 400, "INVALID_INPUT"],
		["a field that there is not", "/runs", { call: "note", inptu: 1 }, 400, "INVALID_INPUT"],
		["an agent that is not there", "/runs", { nodes: [{ id: "a", agent: "x" }] }, 400, "UNKNOWN_AGENT"],
		["a cycle", "/runs", { nodes: [{ id: "a", agent: "note", dependsOn: ["a"] }] }, 400, "CYCLE"],
		["nodes that are none", "/runs", { nodes: 5 }, 400, "INVALID_SPEC"],
		["a deadline that is none", "/runs", { call: "note", deadline: "soon" }, 400, "INVALID_OPTION"],
		["metadata that is none", "/runs", { call: "note", metadata: [1] }, 400, "INVALID_INPUT"],
		["a reason that is no text", "/occurrences/x/cancel", { reason: 5 }, 400, "INVALID_INPUT"],
	])("refuses %s", async (_, path, body, status, code) => {
		const { ask, errors } = await listening({ triggers: manual });
		const answer = await ask(path, { body });
		expect(answer).toMatchObject({ status, json: { error: { code, message: expect.any(String) } } });
		expect(answer.text).not.toMatch(/stack|\.ts:|node_modules/);
		expect(errors).toEqual([]);
	});

	test("a key that is none is refused, a trigger that takes nothing too, and says so", async () => {
		const { ask, service } = await listening({ triggers: manual });
		const bad = await ask("/triggers/m/fire", { body: 1, headers: { "idempotency-key": "x#2" } });
		expect(bad).toMatchObject({
			status: 400,
			json: { error: { code: "INVALID_OPTION", hint: expect.stringContaining("200") } },
		});
		await service.pause("m");
		expect(await ask("/triggers/m/fire", { body: 1 })).toMatchObject({
			status: 409,
			json: { error: { code: "ILLEGAL_STATE" } },
		});
	});
});

describe("those who take their time", () => {
	test("have so long for their headers, and so long for the whole", async () => {
		const { service, world, errors } = await listening({ triggers: manual });
		const { store, clock } = world;
		const endpoint = new HttpEndpoint({
			http: { port: 0 },
			service,
			store,
			clock,
			secrets: {},
			triggers: [],
			onWarning: () => {},
			onError: () => {},
			limits: { headersTimeout: 20, requestTimeout: 40, connectionsCheckingInterval: 10 },
		});
		await endpoint.open();
		const at = { address: endpoint.address } as typeof service;
		const slowHeaders = line(at);
		slowHeaders.say("GET /health/live HTTP/1.1\r\nhost: loc");
		const slowBody = line(at);
		slowBody.say(
			"POST /runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{",
		);
		expect(await slowHeaders.closed).toMatch(/^HTTP\/1\.1 408 /);
		expect(await slowBody.closed).not.toMatch(/^HTTP\/1\.1 2/);
		await endpoint.close();
		expect(errors).toEqual([]);
	});

	test("headers that are too long are refused, and two lengths are no length", async () => {
		const { service } = await listening();
		const long = line(service);
		long.say(`GET /health/live HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(20_000)}\r\n\r\n`);
		expect(await long.closed).toMatch(/^HTTP\/1\.1 431 /);
		const double = line(service);
		double.say("POST /runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}");
		expect(await double.closed).toMatch(/^HTTP\/1\.1 400 /);
	});
});
