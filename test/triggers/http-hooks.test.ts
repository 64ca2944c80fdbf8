import { type TriggerInput, webhookDelivery } from "dagswarm";
import { describe, expect, test } from "vitest";
import { deliveryOf } from "../ports/fixture.js";
import { type Answer, githubSigned, type Listening, lines, listeners, SECRET, signed, TOKEN } from "./http-fixture.js";
import { quiet } from "./service-fixture.js";

const listening = listeners();
const line = lines();

const hook = (webhook: object = {}): TriggerInput => ({
	id: "h",
	on: { kind: "event", webhook: { secret: "shared", ...webhook } },
	start: "note",
});

function receiver(trigger = hook(), more: Parameters<typeof listening>[0] = {}): Promise<Listening> {
	return listening({ triggers: [trigger], secrets: { shared: SECRET }, ...more });
}

/** Sends a body signed now, or as the headers say. */
function send(to: Listening, body: string, headers: Record<string, string> = {}, path = "/hooks/h"): Promise<Answer> {
	return to.ask(path, { body, headers: { "dagswarm-signature": signed(body, to.world.clock.now()), ...headers } });
}

const refusal = { error: { code: "NOT_PERMITTED", message: "the signature was not accepted" } };

describe("mistake 34: a webhook that ignores its secret", () => {
	test("what is signed with the secret starts, and nothing else does", async () => {
		const to = await receiver();
		const { world, seen } = to;
		const now = world.clock.now();
		const forged: Record<string, string>[] = [
			{ "dagswarm-signature": signed("{}", now, "another secret of enough bytes") },
			{ "dagswarm-signature": signed('{"a":1}', now) },
			{ "dagswarm-signature": signed("{}", now).replace(/=[0-9a-f]{64}/, `=${"0".repeat(64)}`) },
			{ "dagswarm-signature": signed("{}", now).replace(/t=\d+/, (text) => `${text.slice(0, -1)}9`) },
			{ "dagswarm-signature": "" },
			{ "dagswarm-signature": "none" },
			// Signed as another sender does.
			{ "dagswarm-signature": "none", "x-hub-signature-256": githubSigned("{}") },
		];
		for (const headers of forged) expect(await send(to, "{}", headers)).toMatchObject({ status: 401, json: refusal });
		expect(await to.ask("/hooks/h", { body: {} })).toMatchObject({ status: 401, json: refusal });
		expect(await world.keys()).toEqual([]);
		expect(await send(to, "{}")).toMatchObject({ status: 202, json: { isNew: true } });
		await quiet();
		expect(seen).toHaveLength(1);
		expect(to.errors).toEqual([]);
	});

	test("one that was signed long ago, or in the future, is refused like a forged one", async () => {
		const to = await receiver();
		const now = to.world.clock.now();
		for (const at of [now - 302_000, now + 302_000])
			expect(await send(to, "{}", { "dagswarm-signature": signed("{}", at) })).toMatchObject({
				status: 401,
				json: refusal,
			});
		expect((await send(to, "{}", { "dagswarm-signature": signed("{}", now - 299_000) })).status).toBe(202);
	});

	test("a trigger whose secret is not there takes nothing, and that is said at the start", async () => {
		const to = await receiver(hook(), { secrets: {} });
		expect(to.warnings).toEqual(['trigger "h": there is no secret "shared", and its webhooks are refused']);
		expect((await send(to, "{}")).status).toBe(503);
		const named = await receiver(hook({ secret: "constructor" }));
		expect((await send(named, "{}")).status).toBe(503);
		expect(await named.world.keys()).toEqual([]);
	});

	test("a secret that is none is refused when the service is made", async () => {
		await expect(receiver(hook(), { secrets: { shared: "short" } })).rejects.toThrow(
			expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(/secret "shared".*16 bytes/) }),
		);
	});
});

describe("mistake 34: a body without a bound", () => {
	test("one that says that it is longer is refused before it is read", async () => {
		const { service } = await receiver(hook({ maxBytes: 100 }));
		const long = line(service);
		long.say(
			"POST /hooks/h HTTP/1.1\r\nhost: x\r\ndagswarm-signature: t=1,v1=0\r\ncontent-length: 10000000000\r\n\r\n",
		);
		expect(await long.heard("}}")).toMatch(/^HTTP\/1\.1 413 [\s\S]*more than 100 bytes/);
	});

	test("one that does not say how long it is, is cut at the limit", async () => {
		const { service } = await receiver(hook({ maxBytes: 100 }));
		const long = line(service);
		long.say("POST /hooks/h HTTP/1.1\r\nhost: x\r\ndagswarm-signature: t=1,v1=0\r\ntransfer-encoding: chunked\r\n\r\n");
		const chunk = `28\r\n${"x".repeat(40)}\r\n`;
		long.say(chunk + chunk);
		await quiet();
		// The answer comes before the end of what is sent.
		long.say(chunk);
		expect(await long.heard("}}")).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close/i);
	});

	test("what comes beyond the length that was said is not part of it", async () => {
		const to = await receiver(hook({ maxBytes: 100 }));
		const now = to.world.clock.now();
		const lying = line(to.service);
		lying.say(
			`POST /hooks/h HTTP/1.1\r\nhost: x\r\ndagswarm-signature: ${signed("abcd", now)}\r\ncontent-length: 4\r\n\r\nabcd`,
		);
		expect(await lying.heard("}")).toMatch(/^HTTP\/1\.1 202 /);
		lying.say(`${"x".repeat(500)}\r\n\r\n`);
		expect(await lying.closed).toMatch(/HTTP\/1\.1 400 /);
		await quiet();
		expect(to.seen.map(({ payload }) => payload)).toEqual(["abcd"]);
	});

	test("one that breaks off starts nothing", async () => {
		const to = await receiver();
		const now = to.world.clock.now();
		const broken = line(to.service);
		broken.say(
			`POST /hooks/h HTTP/1.1\r\nhost: x\r\ndagswarm-signature: ${signed("ab", now)}\r\ncontent-length: 9\r\n\r\nab`,
		);
		await quiet();
		broken.end();
		await broken.closed;
		await quiet();
		expect(await to.world.keys()).toEqual([]);
		expect(to.errors).toEqual([]);
		expect((await send(to, "{}")).status).toBe(202);
	});

	test("the limit is what the trigger says, to the byte", async () => {
		const to = await receiver(hook({ maxBytes: 10 }));
		const plain = { "content-type": "text/plain" };
		expect((await send(to, "0123456789", plain)).status).toBe(202);
		expect((await send(to, "01234567890", plain)).status).toBe(413);
		const byDefault = await receiver();
		expect((await send(byDefault, "x".repeat(65_536), plain)).status).toBe(202);
		expect((await send(byDefault, "x".repeat(65_537), plain)).status).toBe(413);
	});
});

describe("a webhook", () => {
	test("brings its JSON, or its text", async () => {
		const to = await receiver();
		await send(to, '{"n":1}');
		await quiet();
		await send(to, '{"n":2}', { "content-type": "application/vnd.things+json; charset=utf-8" });
		await quiet();
		await send(to, '{"n":3}', { "content-type": "text/plain" });
		await quiet();
		expect(to.seen.map(({ payload }) => payload)).toEqual([{ n: 1 }, { n: 2 }, '{"n":3}']);
		expect(await send(to, "{n:4}")).toMatchObject({ status: 400, json: { error: { code: "INVALID_INPUT" } } });
		expect((await send(to, "")).status).toBe(400);
		// Deeper than what may be stored.
		expect((await send(to, `${"[".repeat(2_000)}${"]".repeat(2_000)}`)).status).toBe(400);
	});

	test("the same signed request starts once, however often it comes", async () => {
		const to = await receiver();
		const headers = { "dagswarm-signature": signed('{"n":1}', to.world.clock.now()) };
		const first = await send(to, '{"n":1}', headers);
		const again = await send(to, '{"n":1}', headers);
		expect(first.json).toEqual({ key: expect.stringMatching(/^h@1:hook-[0-9a-f]{64}$/), isNew: true });
		expect(again).toMatchObject({ status: 202, json: { ...(first.json as object), isNew: false } });
		to.world.clock.advance(1_000);
		expect((await send(to, '{"n":1}')).json).toMatchObject({ isNew: true });
	});

	test("what the sender calls one is one, also when it is signed anew", async () => {
		const to = await receiver();
		const headers = { "idempotency-key": "order 7" };
		expect((await send(to, "1", headers)).json).toEqual({ key: "h@1:order 7", isNew: true });
		to.world.clock.advance(5_000);
		expect((await send(to, "1", headers)).json).toEqual({ key: "h@1:order 7", isNew: false });
		expect((await send(to, "1", { "idempotency-key": "x".repeat(201) })).status).toBe(400);
	});

	test("a delivery of a swarm is taken as it is sent, and once however often it is signed", async () => {
		const to = await receiver();
		const { clock } = to.world;
		const port = webhookDelivery({ url: `${to.service.address}/hooks/h`, secret: SECRET, clock });
		await port.deliver(deliveryOf(), new AbortController().signal);
		clock.advance(3_000);
		await port.deliver(deliveryOf(), new AbortController().signal);
		await quiet();
		expect(to.seen).toEqual([expect.objectContaining({ payload: expect.objectContaining({ key: deliveryOf().key }) })]);
		// Its header may be longer than a key.
		await port.deliver(deliveryOf({ key: "k".repeat(250) }), new AbortController().signal);
		expect(await to.world.keys()).toHaveLength(2);
	});

	test("needs no token, and does not ask what name it came by", async () => {
		const to = await receiver(hook(), { http: { port: 0, token: TOKEN } });
		expect((await send(to, "{}")).status).toBe(202);
		const open = await receiver();
		const headers = { host: "hooks.example", origin: "https://example.com", "content-type": "text/plain" };
		expect((await send(open, "hello", headers)).status).toBe(202);
	});

	test("is not found where there is no trigger that takes one, and nothing is said about others", async () => {
		const to = await receiver(hook(), {
			triggers: [hook(), { id: "m", on: { kind: "manual" }, start: "note" }],
		});
		for (const path of ["/hooks/m", "/hooks/none", "/hooks/__proto__", "/hooks/a%2Fh"]) {
			const answer = await send(to, "{}", {}, path);
			expect(answer).toMatchObject({ status: 404, json: { error: { message: "there is no such webhook" } } });
			expect(answer.text).not.toContain("hint");
		}
		expect(await to.world.keys()).toEqual([]);
	});

	test("is refused where its trigger is paused or over, to who has the secret only", async () => {
		const to = await receiver();
		await to.service.pause("h");
		expect(await send(to, "{}")).toMatchObject({ status: 409, json: { error: { code: "ILLEGAL_STATE" } } });
		expect((await send(to, "{}", { "dagswarm-signature": "none" })).status).toBe(401);
	});
});

describe("a webhook of GitHub", () => {
	test("is verified by its signature, and known by its delivery", async () => {
		const to = await receiver(hook({ signature: "github" }));
		const body = '{"zen":"Keep it logically awesome."}';
		const headers = { "x-hub-signature-256": githubSigned(body), "x-github-delivery": "72d3162e" };
		expect(await to.ask("/hooks/h", { body, headers })).toMatchObject({
			status: 202,
			json: { key: "h@1:72d3162e", isNew: true },
		});
		expect((await to.ask("/hooks/h", { body, headers })).json).toMatchObject({ isNew: false });
		await quiet();
		expect(to.seen.map(({ payload }) => payload)).toEqual([{ zen: "Keep it logically awesome." }]);
		for (const signature of [githubSigned("{}"), githubSigned(body, "another secret of enough bytes"), "sha256=", "x"])
			expect(
				await to.ask("/hooks/h", { body, headers: { ...headers, "x-hub-signature-256": signature } }),
			).toMatchObject({ status: 401, json: refusal });
		// The trigger says whose signatures it takes, not the request.
		expect((await send(to, body)).status).toBe(401);
	});

	test("without the id of a delivery the same body is the same one", async () => {
		const to = await receiver(hook({ signature: "github" }));
		const headers = { "x-hub-signature-256": githubSigned("1") };
		expect((await to.ask("/hooks/h", { body: "1", headers })).json).toMatchObject({ isNew: true });
		expect((await to.ask("/hooks/h", { body: "1", headers })).json).toMatchObject({ isNew: false });
	});

	test("another kind of signature is refused with the trigger", async () => {
		await expect(receiver(hook({ signature: "gitlab" }))).rejects.toThrow(/on\.webhook\.signature.*dagswarm, github/);
	});
});
