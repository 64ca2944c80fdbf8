import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldProblem, hiddenProblem } from "../../src/testing/fold.js";
import { judgeTrace } from "../../src/testing/trace-oracle.js";
import { Pair, Side } from "./drive.js";
import { type RawRun, rawRuns } from "./generate.js";
import { cases } from "./seed.js";

/** A random run to its last command, without comparing anything on the way. */
async function play(raw: RawRun): Promise<Pair> {
	const pair = new Pair(raw);
	for (const command of raw.commands) await pair.step(command);
	return pair;
}

describe("the events of a run", () => {
	test("fold into its state, and tell a story that can have happened", async () => {
		await fc.assert(
			fc.asyncProperty(rawRuns(60), async (raw) => {
				const pair = await play(raw);
				const { handle, actor, events } = pair.side;
				expect(
					events.map(({ seq }) => seq),
					pair.story,
				).toEqual(events.map((_, i) => i + 1));
				expect(judgeTrace(events), pair.story).toEqual([]);
				expect(foldProblem(events, handle.snapshot()), pair.story).toBeUndefined();
				expect(hiddenProblem(events, actor.state), pair.story).toBeUndefined();
			}),
			cases(800),
		);
	});

	test("fold into its state after every prefix of its commands", async () => {
		await fc.assert(
			fc.asyncProperty(rawRuns(25), async (raw) => {
				const pair = new Pair(raw);
				for (const command of raw.commands) {
					await pair.step(command);
					expect(foldProblem(pair.side.events, pair.side.handle.snapshot()), pair.story).toBeUndefined();
				}
			}),
			cases(200),
		);
	});

	test("are the same when the same commands come with the same stamps", async () => {
		await fc.assert(
			fc.asyncProperty(rawRuns(60), async (raw) => {
				const pair = await play(raw);
				const again = new Side(pair.start, pair.limits);
				for (const command of pair.log) await again.run(command);
				expect(JSON.stringify(again.events), pair.story).toBe(JSON.stringify(pair.side.events));
			}),
			cases(200),
		);
	});
});
