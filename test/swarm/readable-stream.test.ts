import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { defineAgent, memoryJournal, type RunHandle, toReadableStream, watchRun } from "dagswarm";
import { describe, expect, onTestFinished, test } from "vitest";
import { all } from "../rest.js";
import { echo, gate, rejection, rest, virtualSwarm } from "./fixture.js";

const speak = defineAgent({
	name: "speak",
	run: async (words: readonly string[], ctx) => {
		for (const word of words) ctx.emit(word);
		return words.join(" ");
	},
});

/** A run with a node that goes on until it is told. */
async function waiting(options: Parameters<typeof virtualSwarm>[1] = {}) {
	const hold = gate();
	const slow = defineAgent({
		name: "slow",
		run: async (_: unknown, ctx) => {
			ctx.emit("begun");
			await hold.promise;
			ctx.emit("done");
		},
	});
	const { swarm } = virtualSwarm([slow, speak, echo], options);
	const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] });
	await rest();
	return { run, hold };
}

/** Cancels a web stream of a reader for which nothing comes. */
async function expectToLetGo(reader: AsyncGenerator<unknown, void, undefined>): Promise<void> {
	const stream = toReadableStream(reader).getReader();
	const next = stream.read();
	await rest();
	await stream.cancel();
	expect(await next).toEqual({ done: true, value: undefined });
	expect(await reader.next()).toEqual({ done: true, value: undefined });
}

describe("a web stream", () => {
	test("gives what its reader gives, and ends with it", async () => {
		const { swarm } = virtualSwarm([speak]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "speak", input: ["to", "be"] }] });
		const types = toReadableStream(run.events({ types: ["node.started", "run.ended"] }));
		const words = toReadableStream(run.chunks());
		const items = toReadableStream(run.stream());
		expect((await all(types)).map(({ type }) => type)).toEqual(["node.started", "run.ended"]);
		expect((await all(words)).map(({ chunk }) => chunk)).toEqual(["to", "be"]);
		expect(await all(items)).toHaveLength(8);
	});

	test("asks for nothing before it is read", async () => {
		const asked: number[] = [];
		async function* numbers(): AsyncGenerator<number, void, undefined> {
			for (let i = 0; ; i++) {
				asked.push(i);
				yield i;
			}
		}
		const reader = toReadableStream(numbers()).getReader();
		await rest();
		expect(asked).toEqual([]);
		await reader.read();
		await rest();
		expect(asked).toEqual([0]);
		await reader.cancel();
	});

	test.each<[string, (run: RunHandle) => AsyncGenerator<unknown, void, undefined>]>([
		["events", (run) => run.events()],
		["chunks", (run) => run.chunks({ node: "nobody" })],
		["both", (run) => run.stream({ node: "nobody" })],
	])("of %s that is cancelled while it waits lets go of its reader at once", async (_, open) => {
		const { run, hold } = await waiting();
		await expectToLetGo(open(run));
		hold.open();
		expect((await run.result()).status).toBe("completed");
	});

	test("of a run that is watched, or read from a journal, is cancelled likewise", async () => {
		const journal = memoryJournal();
		const { run, hold } = await waiting({ journal, durability: "strict" });
		await expectToLetGo(watchRun(journal, run.id, { from: 100 }));
		await expectToLetGo(run.events({ from: 100 }));
		hold.open();
		await run.result();
	});

	test("fails with what its reader throws", async () => {
		const { swarm } = virtualSwarm([speak], { chunkBuffer: 1 });
		const run = swarm.start({ nodes: [{ id: "a", agent: "speak", input: ["to", "be"] }] });
		const stream = toReadableStream(run.chunks()).getReader();
		expect(await rejection(stream.read())).toMatchObject({ code: "LAGGED" });
		await run.result();
	});
});

/** Sends a run as server-sent events, from where the client has got to. */
function serve(run: RunHandle, request: IncomingMessage, response: ServerResponse): void {
	const last = Number(request.headers["last-event-id"] ?? 0);
	response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
	const items = toReadableStream(run.stream({ from: last + 1, onLag: "skip" }));
	const texts = items.pipeThrough(
		new TransformStream({
			transform(item, controller) {
				const id = item.seq === undefined ? "" : `id: ${item.seq}\n`;
				controller.enqueue(`${id}event: ${item.type}\ndata: ${JSON.stringify(item)}\n\n`);
			},
		}),
	);
	const body = Readable.fromWeb(texts);
	response.on("close", () => body.destroy());
	body.pipe(response);
}

describe("server-sent events", () => {
	test("reach a browser as they happen, and go on where it left off", async () => {
		const { run, hold } = await waiting();
		const server = createServer((request, response) => serve(run, request, response));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		onTestFinished(() => void server.close());
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
		const first = await fetch(url);
		expect(first.headers.get("content-type")).toBe("text/event-stream");
		let text = "";
		const body = first.body?.pipeThrough(new TextDecoderStream()).getReader();
		while (!text.includes('"begun"')) text += (await body?.read())?.value ?? "";
		// The browser goes away in the middle, while nothing happens.
		await body?.cancel();
		const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
		expect(ids).toEqual([1, 2, 3, 4]);
		hold.open();
		const rest = await (await fetch(url, { headers: { "last-event-id": "4" } })).text();
		const events = [...rest.matchAll(/^event: (.+)$/gm)].map(([, event]) => event);
		expect(events).toEqual(["chunk", "chunk", "node.completed", "run.ended"]);
		expect(rest).toMatch(/"chunk":"done"/);
	});
});
