import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { BodyReader } from "../../src/triggers/http-body.js";
import { quiet } from "./service-fixture.js";

/** A request whose body comes when it is written. */
function request(): PassThrough & IncomingMessage {
	return Object.assign(new PassThrough(), { headers: {} }) as unknown as PassThrough & IncomingMessage;
}

const tooMany = expect.objectContaining({ status: 429, code: "OVERLOADED" });

test("so many bodies are read at a time, and a further one when another has ended", async () => {
	const bodies = new BodyReader();
	const open = Array.from({ length: 64 }, request);
	const read = open.map((each) => bodies.read(each, 10));
	await expect(bodies.read(request(), 10)).rejects.toEqual(tooMany);
	open[0]?.end("first");
	expect(String(await read[0])).toBe("first");
	const another = request();
	const more = bodies.read(another, 10);
	another.end("more");
	expect(String(await more)).toBe("more");
	open[1]?.destroy(new Error("gone"));
	await expect(read[1]).rejects.toMatchObject({ status: 400 });
	for (const each of open.slice(2)) each.end();
	await Promise.all(read.slice(2));
});

test("all bodies together hold so much, however much each may", async () => {
	const bodies = new BodyReader();
	const mebibyte = Buffer.alloc(1024 * 1024);
	const large = request();
	const held = bodies.read(large, Number.MAX_SAFE_INTEGER);
	for (let i = 0; i < 64; i++) {
		large.write(mebibyte);
		await quiet(1);
	}
	const small = request();
	const refused = expect(bodies.read(small, 10)).rejects.toEqual(tooMany);
	small.end("x");
	await refused;
	large.end();
	expect((await held).length).toBe(64 * mebibyte.length);
	const later = request();
	later.end("x");
	expect(String(await bodies.read(later, 10))).toBe("x");
});

test("what comes beyond the limit is not kept, and the connection can still be answered", async () => {
	const incoming = request();
	const read = new BodyReader().read(incoming, 5);
	incoming.write("123456");
	await expect(read).rejects.toMatchObject({ status: 413, code: "LIMIT_EXCEEDED" });
	expect(incoming.destroyed).toBe(false);
});
