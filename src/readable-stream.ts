import { ReadableStream } from "node:stream/web";

/**
 * Makes a web stream of what is read of a run: of `run.events()`, `run.chunks()`, `run.stream()` or `watchRun()`. It is
 * read when it is pulled, one item at a time, and nothing is buffered in between; cancelling it ends the reader, also one
 * that waits for something which never comes.
 *
 * @param reader - ends with the stream; nobody else reads it
 * @returns a stream that fails with what the reader throws
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent, toReadableStream } from "dagswarm";
 *
 * const write = defineAgent({
 *   name: "write",
 *   run: async (_: undefined, ctx) => {
 *     for (const word of ["to", "be"]) ctx.emit(word);
 *   },
 * });
 * const swarm = createSwarm({ agents: [write] });
 * const run = swarm.start({ nodes: [{ id: "a", agent: "write" }] });
 *
 * const words: unknown[] = [];
 * for await (const { chunk } of toReadableStream(run.chunks())) words.push(chunk);
 * words; // ["to", "be"]
 * ```
 */
export function toReadableStream<Item>(reader: AsyncGenerator<Item, void, undefined>): ReadableStream<Item> {
	return new ReadableStream<Item>(
		{
			async pull(controller) {
				const next = await reader.next();
				if (next.done === true) controller.close();
				else controller.enqueue(next.value);
			},
			async cancel() {
				await reader.return();
			},
		},
		{ highWaterMark: 0 },
	);
}
