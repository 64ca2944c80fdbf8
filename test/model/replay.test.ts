import { ActorRun, actorCommands, actorStarts, foldProblem, type ModelStart } from "dagswarm/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hold } from "../random.js";

/** Runs commands to the last, with a look at the run after each. */
async function play(
	start: ModelStart,
	commands: Iterable<fc.AsyncCommand<ActorRun, unknown>>,
	look: (run: ActorRun) => void = () => {},
): Promise<ActorRun> {
	const run = new ActorRun(start);
	for (const command of commands) {
		if (!(await command.check(run))) continue;
		await command.run(run, undefined);
		look(run);
	}
	return run;
}

describe("the events of a run", () => {
	test("fold into its state after every prefix of its commands", async () => {
		await hold(
			"replay",
			fc.asyncProperty(actorStarts(), actorCommands({ maxCommands: 25 }), async (start, commands) => {
				await play(start, commands, ({ actor: { events, handle, actor } }) =>
					expect(foldProblem(events, handle.snapshot(), actor?.state)).toBeUndefined(),
				);
			}),
			300,
		);
	});

	test("are the same when the same commands come with the same stamps", async () => {
		await hold(
			"replay",
			fc.asyncProperty(actorStarts(), actorCommands(), async (start, commands) => {
				const { requests, actor } = await play(start, commands);
				const again = new ActorRun(start);
				for (const request of requests) await again.give(request);
				expect(JSON.stringify(again.actor.events)).toBe(JSON.stringify(actor.events));
			}),
			300,
		);
	});
});
