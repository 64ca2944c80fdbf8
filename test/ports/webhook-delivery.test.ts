import { createHmac } from "node:crypto";
import type { ServerResponse } from "node:http";
import {
	type Delivery,
	deliverUntilTaken,
	parseDelivery,
	VirtualClock,
	verifyWebhook,
	webhookDelivery,
} from "dagswarm";
import { describe, expect, onTestFinished, test } from "vitest";
import { deliveryOf, failure, KEY } from "./fixture.js";
import { type Receiver, receiver } from "./webhook-receiver.js";

const NOW = 1_700_000_000_500;
const signal = new AbortController().signal;

async function server(): Promise<Receiver> {
	const made = await receiver();
	onTestFinished(() => made.close());
	return made;
}

const status =
	(code: number, headers: Record<string, string> = {}) =>
	(response: ServerResponse) =>
		void response.writeHead(code, headers).end("an answer");

describe("a webhook", () => {
	test("is a signed POST of JSON that who gets it can verify and read", async () => {
		const hook = await server();
		const port = webhookDelivery({
			url: hook.url,
			secret: KEY,
			clock: new VirtualClock(NOW),
			headers: { authorization: "Bearer x", "dagswarm-signature": "forged" },
		});
		const made: Partial<Delivery> = {
			key: "a/ä\n",
			outputs: { a: { bytes: new Uint8Array([1, 2]) } },
			artifacts: [
				{ node: "a", name: "x", contentType: "text/plain", content: "ä" },
				{ node: "a", name: "y", contentType: "image/png", content: new Uint8Array([255]) },
			],
		};
		await port.deliver(deliveryOf(made), signal);
		const [request] = hook.received;
		if (request === undefined) throw new Error("nothing came");
		expect(request).toMatchObject({
			method: "POST",
			headers: {
				"content-type": "application/json",
				authorization: "Bearer x",
				"dagswarm-delivery": "a%2F%C3%A4%0A",
				"dagswarm-signature": expect.stringMatching(/^t=1700000000,v1=[0-9a-f]{64}$/),
			},
		});
		const { headers, body } = request;
		expect(JSON.parse(body.toString()).artifacts[1]).toMatchObject({ encoding: "base64", content: "/w==" });
		expect(verifyWebhook({ secret: KEY, headers, body, now: NOW })).toEqual({ ok: true, at: 1_700_000_000_000 });
		const { attempt: _, ...rest } = deliveryOf(made);
		expect(parseDelivery(body)).toEqual(rest);
	});

	test.each([200, 201, 204, 299])("that is answered %i was taken", async (code) => {
		const hook = await server();
		hook.answer = status(code);
		await webhookDelivery({ url: hook.url, secret: KEY }).deliver(deliveryOf(), signal);
		expect(hook.received).toHaveLength(1);
	});

	test.each([
		[301, false],
		[307, false],
		[400, false],
		[401, false],
		[404, false],
		[410, false],
		[408, true],
		[425, true],
		[429, true],
		[500, true],
		[503, true],
	])("that is answered %i was not; to be tried again: %s", async (code, retryable) => {
		const hook = await server();
		hook.answer = status(code, { location: hook.url });
		const error = await failure(() => webhookDelivery({ url: hook.url, secret: KEY }).deliver(deliveryOf(), signal));
		expect(error).toMatchObject({ code: "PORT_FAILED", retryable, status: code });
		expect(error["retryAfter"]).toBeUndefined();
		// Redirects are not followed, and a secret in the address is not told.
		expect(hook.received).toHaveLength(1);
		expect(String(error["message"])).not.toContain("hidden");
	});

	test.each([
		["429 in seconds", 429, "120", 120_000],
		["503 at a time", 503, new Date(NOW + 5_500).toUTCString(), 5_500],
		["503 in the past", 503, new Date(NOW - 60_000).toUTCString(), 0],
		["503 in no way that makes sense", 503, "soon", undefined],
		["503 in a million years", 503, "99999999999999", 3_153_600_000_000],
		["500, of which it is not said", 500, "120", undefined],
	])("says when it is wanted again: %s", async (_, code, header, expected) => {
		const hook = await server();
		hook.answer = status(code, { "retry-after": header });
		const port = webhookDelivery({ url: hook.url, secret: KEY, clock: new VirtualClock(NOW) });
		expect((await failure(() => port.deliver(deliveryOf(), signal)))["retryAfter"]).toBe(expected);
	});

	test("reads of the answer no more than a little, and minds no answer that breaks off", async () => {
		const hook = await server();
		const endless = (response: ServerResponse): void => {
			const part = Buffer.alloc(65_536);
			const more = (): void => {
				while (!response.destroyed && response.write(part));
			};
			response.on("drain", more).writeHead(200);
			more();
		};
		hook.answer = endless;
		await webhookDelivery({ url: hook.url, secret: KEY }).deliver(deliveryOf(), signal);
		hook.answer = (response) => {
			response.writeHead(200, { "content-length": "10" }).write("x", () => response.destroy());
		};
		await webhookDelivery({ url: hook.url, secret: KEY }).deliver(deliveryOf(), signal);
	});

	test("ends when its time is over, whatever the receiver does", async () => {
		const hook = await server();
		const asked = Promise.withResolvers<void>();
		hook.answer = () => asked.resolve();
		const controller = new AbortController();
		const port = webhookDelivery({ url: hook.url, secret: KEY });
		const failed = failure(() => port.deliver(deliveryOf(), controller.signal));
		await asked.promise;
		controller.abort(new Error("time is over"));
		expect((await failed)["message"]).toBe("time is over");
		expect((await failure(() => port.deliver(deliveryOf(), controller.signal)))["message"]).toBe("time is over");
		expect(hook.received).toHaveLength(1);
	});

	test("that reaches nobody is tried again, until somebody is there", async () => {
		const hook = await server();
		let calls = 0;
		const fetch: typeof globalThis.fetch = (...call) => {
			if (++calls < 3) return Promise.reject(new TypeError("fetch failed"));
			return globalThis.fetch(...call);
		};
		hook.answer = (response) => {
			status(hook.received.length < 2 ? 503 : 200, { "retry-after": "1000" })(response);
		};
		const clock = new VirtualClock(NOW);
		const port = webhookDelivery({ url: hook.url, secret: KEY, fetch, clock });
		const waits: unknown[] = [];
		const result = deliverUntilTaken({
			port,
			delivery: deliveryOf(),
			clock,
			retry: { jitter: 0 },
			onFailure: ({ wait }) => {
				waits.push(wait);
				// The loop sets its timer when this has returned.
				void clock.whenSet().then(() => clock.step());
			},
		});
		expect(await result).toEqual({ attempts: 4, ok: true });
		expect(waits).toEqual([1_000, 2_000, 1_000_000]);
		const signed = hook.received.map(({ headers, body }) =>
			verifyWebhook({ secret: KEY, headers, body, now: clock.now() }),
		);
		expect(signed.map(({ ok }) => ok)).toEqual([false, true]);
	});

	test("that is too large is not sent", async () => {
		const hook = await server();
		const port = webhookDelivery({ url: hook.url, secret: KEY, maxBodyBytes: 1_024 });
		const error = await failure(() => port.deliver(deliveryOf({ outputs: { a: "x".repeat(1_024) } }), signal));
		expect(error).toMatchObject({ code: "PORT_FAILED", retryable: false });
		expect(hook.received).toEqual([]);
	});

	test.each([
		{ url: "ftp://127.0.0.1" },
		{ url: "no address" },
		{ url: "http://user:word@127.0.0.1" },
		{ secret: "short" },
		{ headers: { "no header": "x" } },
		{ maxBodyBytes: 0 },
	])("is refused with %j", async (wrong) => {
		const make = () => webhookDelivery({ url: "http://127.0.0.1", secret: KEY, ...wrong });
		expect((await failure(make))["code"]).toBe("INVALID_OPTION");
	});
});

describe("who gets a webhook", () => {
	const body = "{}";
	const hmac = (seconds: number, key = KEY): string =>
		createHmac("sha256", key).update(`${seconds}.${body}`).digest("hex");
	const t = Math.floor(NOW / 1_000);
	const at = (signature: string, more: object = {}) =>
		verifyWebhook({ secret: KEY, signature, body, now: NOW, ...more });

	test("accepts it within five minutes, or whatever time is given", () => {
		expect(at(`t=${t},v1=${hmac(t)}`)).toEqual({ ok: true, at: t * 1_000 });
		expect(at(`t=${t - 300},v1=${hmac(t - 300)}`).ok).toBe(true);
		expect(at(`t=${t + 300},v1=${hmac(t + 300)}`).ok).toBe(true);
		expect(at(`t=${t - 302},v1=${hmac(t - 302)}`)).toMatchObject({ ok: false, reason: /too long ago/ });
		expect(at(`t=${t + 302},v1=${hmac(t + 302)}`).ok).toBe(false);
		expect(at(`t=${t - 302},v1=${hmac(t - 302)}`, { tolerance: "1h" }).ok).toBe(true);
	});

	test("accepts one of several signatures, while a secret is replaced", () => {
		expect(at(`t=${t}, v1=${hmac(t, "the secret that was before")}, v1=${hmac(t)}`).ok).toBe(true);
	});

	// Mistake 34 of others: a webhook that ignores its secret.
	test.each([
		["no signature", ""],
		["no time", `v1=${hmac(t)}`],
		["another time", `t=${t + 1},v1=${hmac(t)}`],
		["two times", `t=${t},t=${t + 1},v1=${hmac(t)}`],
		["a time in other words", `t=${t}.0,v1=${hmac(t)}`],
		["another secret", `t=${t},v1=${hmac(t, "another secret of some length")}`],
		["a shorter code", `t=${t},v1=${hmac(t).slice(2)}`],
		["another scheme", `t=${t},v0=${hmac(t)}`],
		["endless signatures", `t=${t},${`v1=${"0".repeat(64)},`.repeat(1_000)}v1=${hmac(t)}`],
	])("refuses %s", (_, signature) => {
		expect(at(signature).ok).toBe(false);
	});

	test("refuses another body, and takes bytes for what they are", () => {
		const signature = `t=${t},v1=${hmac(t)}`;
		expect(at(signature, { body: "{} " }).ok).toBe(false);
		expect(at(signature, { body: Buffer.from(body) }).ok).toBe(true);
	});

	test("finds the signature in whatever headers it has", () => {
		const signature = `t=${t},v1=${hmac(t)}`;
		const verify = (headers: never) => verifyWebhook({ secret: KEY, headers, body, now: NOW }).ok;
		expect(verify(new Headers({ "Dagswarm-Signature": signature }) as never)).toBe(true);
		expect(verify({ "dagswarm-signature": signature } as never)).toBe(true);
		expect(verify({ "Dagswarm-Signature": [signature] } as never)).toBe(true);
		expect(verify({} as never)).toBe(false);
		expect(verifyWebhook({ secret: KEY, body }).ok).toBe(false);
	});

	test("needs a secret that can be one, and reads nothing that no delivery is", async () => {
		expect((await failure(() => verifyWebhook({ secret: "short", body })))["code"]).toBe("INVALID_OPTION");
		expect((await failure(() => at("", { tolerance: "soon" })))["code"]).toBe("INVALID_OPTION");
		for (const wrong of ["", "null", "{}", "[]", '{"key":"a","run":"b"}'])
			expect((await failure(() => parseDelivery(wrong)))["code"]).toBe("INVALID_INPUT");
	});
});
