import { setImmediate } from "node:timers/promises";
import { createSwarm, defineAgent } from "dagswarm";
import { expect, test } from "vitest";

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

test("steps that nobody waits for bring nothing down when their attempt is over", async () => {
	const hasty = defineAgent({
		name: "hasty",
		timeout: 20,
		run: async (_: undefined, ctx) => {
			void ctx.step("throws", async () => {
				await aborted(ctx.signal);
				throw new Error("too late");
			});
			void ctx.step("gives", async () => {
				await aborted(ctx.signal);
				return 1;
			});
			await aborted(ctx.signal);
		},
	});
	const swarm = createSwarm({ agents: [hasty] });
	const { failures } = await swarm.start({ nodes: [{ id: "a", agent: "hasty" }] }).result();
	expect(failures).toMatchObject([{ id: "a", code: "TIMEOUT" }]);
	// An unhandled rejection would be one by now, and fail the test.
	await setImmediate();
});

test("a step that throws is the agent's to catch", async () => {
	const careful = defineAgent({
		name: "careful",
		run: async (_: undefined, ctx) => {
			try {
				await ctx.step("throws", () => {
					throw new Error("at once");
				});
			} catch (error) {
				return (error as Error).message;
			}
			return "not thrown";
		},
	});
	const swarm = createSwarm({ agents: [careful] });
	expect(await swarm.run({ nodes: [{ id: "a", agent: "careful" }] })).toEqual({ a: "at once" });
});
