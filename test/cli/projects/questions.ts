import { defineAgent } from "dagswarm";

export const approve = defineAgent({
	name: "approve",
	run: async (_: undefined, ctx) => {
		const { by, data } = await ctx.requestApproval({ reason: "ship it?", choices: ["now", "later"], to: "ada" });
		return `${by}: ${data}`;
	},
});

export const call = defineAgent({ name: "call", run: async (_: undefined, ctx) => ctx.call(approve, undefined) });

export const graph = ({ called = false }: { called?: boolean } = {}) => ({
	nodes: [{ id: "ask", agent: called ? "call" : "approve" }],
});
