import { type AgentContext, defineAgent, defineAutonomous, defineProject } from "dagswarm";

const echo = defineAgent({ name: "echo", run: async (input: { payload?: unknown }) => input.payload ?? "nothing" });

const fail = defineAgent({
	name: "fail",
	run: async (): Promise<never> => {
		throw new Error("no luck");
	},
});

const ask = defineAgent({
	name: "ask",
	run: async (_: unknown, ctx) => (await ctx.requestApproval({ reason: "may I?" })).by ?? "nobody",
});

const call = defineAgent({ name: "call", run: async (_: unknown, ctx) => ctx.call("ask") });

/** Ends when it is told to. */
const hang = defineAgent({
	name: "hang",
	run: (_: unknown, ctx: AgentContext) =>
		new Promise<string>((_resolve, reject) => {
			ctx.signal.addEventListener("abort", () => reject(new Error("stopped")));
		}),
});

/** Does not even listen. */
const stubborn = defineAgent({ name: "stubborn", run: () => new Promise<string>(() => {}) });

/** Its goal is reached after two ticks. */
export const reader = defineAutonomous({
	name: "reader",
	goal: "read two pages",
	every: "10ms",
	first: "now",
	memory: 0,
	iterate: ({ memory }) => ({ memory: memory + 1, reached: memory + 1 === 2, done: true }),
});

export default defineProject({
	agents: [echo, fail, ask, call, hang, stubborn],
	graph: async ({ topics = ["bees"] }: { topics?: readonly string[] } = {}) => ({
		nodes: topics.map((topic) => ({ id: topic, agent: "echo", input: { payload: topic } })),
	}),
	triggers: [
		{ id: "hello", on: { kind: "manual" }, start: "echo" },
		{ id: "deploy", on: { kind: "event", event: "deploy" }, start: "echo" },
	],
});
