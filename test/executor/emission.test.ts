import { VirtualClock } from "dagswarm";
import { expect, test } from "vitest";
import { ChunkLog } from "../../src/core/chunk-log.js";
import type { Attempt } from "../../src/executor/attempt.js";
import { Emission } from "../../src/executor/emission.js";

test("whoever watches a run is told of each chunk at once, and of none that is dropped", async () => {
	const clock = new VirtualClock(7);
	const told: unknown[] = [];
	const attempt = {
		isCurrent: true,
		lease: { node: "a", attempt: 2, epoch: 1, seq: 5 },
		run: {
			actor: { clock, log: { last: 9 }, state: { run: "r" }, post: () => {} },
			chunks: new ChunkLog(clock, 10),
			control: { emitted: (_: Attempt, chunk: unknown) => told.push(chunk) },
		},
	};
	const emission = new Emission(attempt as unknown as Attempt);
	void emission.emit("one", false);
	void emission.emit("kept later", true);
	void emission.emit("behind it", false);
	attempt.isCurrent = false;
	void emission.emit("dropped", false);
	await expect(emission.emit("dropped", true)).rejects.toMatchObject({ code: "STALE_LEASE" });
	expect(told).toEqual(["one", "kept later", "behind it"]);
	const { chunks } = attempt.run;
	expect(chunks.count).toBe(1);
	expect(chunks.at(0)).toEqual({
		...{ type: "chunk", run: "r", node: "a", attempt: 2, index: 0 },
		...{ at: 7, chunk: "one", after: 9 },
	});
});
