import { defineAgent, defineProject, result } from "dagswarm";

/** Adds a node for each number up to the one that it is given. */
const plan = defineAgent({
	name: "plan",
	run: async (n: number) =>
		result(n, {
			expand: true,
			nodes: Array.from({ length: n }, (_, i) => ({ id: `s${i}`, agent: "square", input: i })),
		}),
});

const square = defineAgent({
	name: "square",
	run: async (n: number) => {
		if (n === 3) throw new Error("three is too odd");
		return n * n;
	},
});

export default defineProject({
	agents: [plan, square],
	graph: (n: number = 2) => ({ nodes: [{ id: "plan", agent: "plan", input: n }] }),
});
