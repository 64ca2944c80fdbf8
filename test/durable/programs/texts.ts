import { defineAgent, type NodeSpec } from "dagswarm";

/** Outputs that are too long for a record. */
const big = defineAgent({ name: "big", run: async (input: unknown) => `${input}`.repeat(3_000) });
const asks = defineAgent({
	name: "asks",
	run: async (_: unknown, ctx) => (await ctx.requestApproval({ reason: "?" })).by ?? "",
});

export const agentsOfTexts = [big, asks] as const;

/** A graph of which some outputs are those of other runs, too. */
export const nodesOfTexts = (run: string): (NodeSpec & { readonly agent: "big" })[] => [
	...Array.from({ length: 20 }, (_, i) => ({
		id: `n${i}`,
		agent: "big" as const,
		input: `${run}${i % 3 === 0 ? "" : i}`,
		dependsOn: i < 10 ? [] : [`n${i - 10}`],
	})),
	{ id: "shared", agent: "big", input: "shared" },
];
