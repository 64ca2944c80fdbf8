import { defineAgent } from "dagswarm";
import { gate } from "../swarm/fixture.js";

/** Notes each call, and hangs until its gate is open. */
export function hanging(calls: string[]) {
	const go = gate();
	const agent = defineAgent({
		name: "hanging",
		run: async (_: unknown, ctx) => {
			calls.push(`${ctx.nodeId} ${ctx.attempt} ${ctx.resumed} ${ctx.lastError?.code ?? "-"}`);
			await go.promise;
			return ctx.attempt;
		},
	});
	return { agent, go };
}

export const sleeper = defineAgent({
	name: "sleeper",
	run: async (ms: number, ctx) => {
		await ctx.sleep(ms);
		return ctx.attempt;
	},
});
export const listener = defineAgent({
	name: "listener",
	run: async (timeout: number | undefined, ctx) => ctx.waitForSignal("go", timeout === undefined ? {} : { timeout }),
});
export const asker = defineAgent({
	name: "asker",
	run: async (timeout: number | undefined, ctx) =>
		ctx.requestApproval({ reason: "may I?", ...(timeout !== undefined && { timeout }) }).catch((error) => error.code),
});
export const flaky = defineAgent({
	name: "flaky",
	retry: { maxAttempts: 3, delay: 1_000, factor: 1 },
	run: async (good: number, ctx) => {
		if (ctx.attempt < good) throw new Error("not yet");
		return ctx.attempt;
	},
});
