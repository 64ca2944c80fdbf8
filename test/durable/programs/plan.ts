import { type AgentContext, type AnyAgent, defineAgent, type NodeSpec, result } from "dagswarm";
import type { Note } from "./effects.js";

const LAYERS = 6;
const WIDTH = 20;

/** About two hundred nodes: layers, and among them every way in which a node changes the graph, waits or fails. */
export function nodesOfPlan(): NodeSpec[] {
	const nodes: NodeSpec[] = [];
	for (let layer = 0; layer < LAYERS; layer++) {
		for (let i = 0; i < WIDTH; i++) {
			const dependsOn = layer === 0 ? [] : [i, (i * 7 + layer) % WIDTH].map((k) => `w${layer - 1}.${k}`);
			nodes.push({ id: `w${layer}.${i}`, agent: "work", input: i, dependsOn: [...new Set(dependsOn)] });
		}
	}
	for (let i = 0; i < 4; i++) {
		nodes.push({ id: `flaky${i}`, agent: "flaky", dependsOn: [`w1.${i}`], retry: { maxAttempts: 2, delay: 1 } });
		nodes.push({ id: `steps${i}`, agent: "steps", dependsOn: [`w2.${i}`] });
		nodes.push({ id: `parts${i}`, agent: "parts", dependsOn: [`w${i}.${i}`] });
		nodes.push({ id: `sleeper${i}`, agent: "sleeper", dependsOn: [`w${i}.9`] });
		nodes.push({ id: `splits${i}`, agent: "splits", dependsOn: [`w3.${i}`] });
		nodes.push({ id: `whole${i}`, agent: "work", dependsOn: [`splits${i}`], input: "whole" });
		nodes.push({ id: `after${i}`, agent: "work", dependsOn: [`whole${i}`], input: "after" });
		nodes.push({ id: `early${i}`, agent: "early", dependsOn: [`w${i + 1}.5`] });
		nodes.push({ id: `big${i}`, agent: "big", dependsOn: [`w4.${i}`] });
	}
	nodes.push({ id: "planner", agent: "planner", dependsOn: ["w0.0"] });
	nodes.push({ id: "planned", agent: "work", dependsOn: ["planner"], input: "planned" });
	nodes.push({ id: "bad", agent: "bad", dependsOn: ["w0.1"], retry: { maxAttempts: 2, delay: 1 } });
	nodes.push({ id: "never", agent: "work", dependsOn: ["bad"] });
	nodes.push({ id: "total", agent: "work", join: "settled", dependsOn: nodes.map(({ id }) => String(id)) });
	return nodes;
}

/** What the plan needs. Each says what it does, so that what was done twice can be seen from outside. */
export function agentsOfPlan(note: Note): AnyAgent[] {
	const agent = (name: string, run: (input: unknown, ctx: AgentContext) => Promise<unknown>): AnyAgent =>
		defineAgent({
			name,
			run: async (input: unknown, ctx) => {
				note("start", ctx.nodeId, ctx.attempt, completedBefore(ctx));
				const output = await run(input, ctx);
				note("end", ctx.nodeId, ctx.attempt);
				return output;
			},
		});
	return [
		agent("work", async (input, ctx) => {
			await turn();
			return digest(input, ctx.deps);
		}),
		agent("flaky", async (_, ctx) => {
			await turn();
			if (ctx.attempt === 1) throw new Error("the first time");
			return "at last";
		}),
		agent("bad", async () => {
			throw new Error("never");
		}),
		agent("steps", async (_, ctx) => {
			const step = async (name: string, value: number): Promise<number> => {
				const done = await ctx.step(name, async () => {
					note("step", ctx.nodeId, ctx.attempt, [name]);
					await turn();
					return value;
				});
				note("stepped", ctx.nodeId, ctx.attempt, [name]);
				return done;
			};
			const [one, two] = await Promise.all([step("one", 1), step("two", 2)]);
			return (await step("three", one + two)) * 2;
		}),
		agent("parts", async (_, ctx) => {
			let { next, sum } = ctx.checkpoint.load<{ readonly next: number; readonly sum: number }>() ?? { next: 0, sum: 0 };
			while (next < 4) {
				note("part", ctx.nodeId, ctx.attempt, [String(next)]);
				sum += next++;
				await ctx.checkpoint.save({ next, sum }, { every: 0 });
				note("saved", ctx.nodeId, ctx.attempt, [String(next - 1)]);
			}
			return sum;
		}),
		agent("sleeper", async (_, ctx) => {
			await ctx.sleep(20);
			return "slept";
		}),
		agent("splits", async (_, ctx) => {
			await turn();
			const id = ctx.nodeId.replace("splits", "whole");
			const into = ["a", "b", "c"].map((part) => ({ id: `${id}.${part}`, agent: "work", input: part }));
			return result("split", { mutations: [{ type: "splitNode", id, into }] });
		}),
		agent("early", async (_, ctx) => {
			const id = ctx.graph.addNode({ agent: "work", input: { by: ctx.nodeId } });
			await ctx.graph.commit();
			await turn();
			return [id, ctx.graph.addNode({ agent: "work", input: { with: ctx.nodeId } })];
		}),
		agent("big", async (_, ctx) => {
			await turn();
			return { text: ctx.nodeId.repeat(1_500) };
		}),
		agent("planner", async () => {
			await turn();
			const nodes = Array.from({ length: 24 }, (_, i) => ({
				id: `p${i}`,
				agent: "work",
				input: i,
				dependsOn: i < 6 ? [] : [`p${i - 6}`, `p${(i * 5) % 6}`].filter((id, k, ids) => ids.indexOf(id) === k),
			}));
			return result("a plan", { nodes, expand: true });
		}),
	];
}

/** Dependencies whose completion this attempt was told of. */
function completedBefore(ctx: AgentContext): string[] {
	const { settled } = ctx;
	return Object.keys(settled).filter((alias) => settled[alias]?.status === "completed");
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

/** A number that depends on everything below: an output that was lost or mixed up changes it. */
function digest(input: unknown, deps: Readonly<Record<string, unknown>>): number {
	let hash = 2_166_136_261;
	for (const char of JSON.stringify([input, Object.entries(deps).sort(([a], [b]) => (a < b ? -1 : 1))]))
		hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619) >>> 0;
	return hash;
}
