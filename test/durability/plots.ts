import { defineAgent, type NodeSpec, type Patch, type RunHandle, result, type VirtualClock } from "dagswarm";
import { deps, echo, fail, forever, pass, rest } from "../swarm/fixture.js";

export interface Plot {
	readonly nodes: readonly NodeSpec[];
	/** What the host does while it runs. */
	readonly during?: (run: RunHandle) => Promise<void>;
}

/** Which nodes ran, by run. */
export const ran = new Map<string, string[]>();
const noted = (run: string, node: string): void => {
	const nodes = ran.get(run);
	if (nodes === undefined) ran.set(run, [node]);
	else nodes.push(node);
};

const work = defineAgent({
	name: "work",
	run: async (input: unknown, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		return { input, deps: ctx.deps };
	},
});
const planner = defineAgent({
	name: "planner",
	run: async (parts: number, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		const nodes = Array.from({ length: parts }, (_, i) => ({
			id: `${ctx.nodeId}.${i}`,
			agent: "work",
			...(i % 2 === 1 && { dependsOn: [`${ctx.nodeId}.${i - 1}`] }),
		}));
		return result(parts, { nodes, expand: true });
	},
});
const critic = defineAgent({
	name: "critic",
	run: async (victim: string, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		return result("seen", { mutations: [{ type: "pruneSubgraph", id: victim }] });
	},
});
const surgeon = defineAgent({
	name: "surgeon",
	run: async (mutations: Patch, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		return result("done", { mutations });
	},
});
const committer = defineAgent({
	name: "committer",
	retry: 2,
	run: async (_: unknown, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		ctx.graph.addNode({ agent: "work", input: "always" });
		if (ctx.attempt === 1) ctx.graph.addNode({ id: `${ctx.nodeId}.first`, agent: "work" });
		await ctx.graph.commit();
		if (ctx.attempt === 1) throw new Error("again");
		return ctx.attempt;
	},
});
const flaky = defineAgent({
	name: "flaky",
	retry: { maxAttempts: 3, delay: 50 },
	run: async (_: unknown, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		const step = await ctx.step("s", () => ctx.attempt);
		if (ctx.attempt < 3) throw new Error("not yet");
		return step;
	},
});
const waits = defineAgent({
	name: "waits",
	run: async (_: unknown, ctx) => {
		noted(ctx.runId, ctx.nodeId);
		await ctx.sleep(30);
		return [await ctx.waitForSignal("s"), await ctx.requestApproval({ reason: "ok?" })];
	},
});
export const agents = [work, planner, critic, surgeon, committer, flaky, waits, echo, deps, fail, forever];

export const plots: Readonly<Record<string, Plot>> = {
	"a diamond": {
		nodes: [
			{ id: "a", agent: "work" },
			{ id: "b", agent: "work", dependsOn: { x: "a" } },
			{ id: "c", agent: "work", dependsOn: ["a"] },
			{ id: "d", agent: "work", dependsOn: ["b", "c"] },
		],
	},
	"a planner": {
		nodes: [
			{ id: "p", agent: "planner", input: 4 },
			{ id: "sum", agent: "work", dependsOn: { plan: "p" } },
			{ id: "beside", agent: "work" },
		],
	},
	"surgery while it runs": {
		nodes: [
			{ id: "a", agent: "work" },
			{
				id: "s",
				agent: "surgeon",
				dependsOn: ["a"],
				input: [
					{
						type: "splitNode",
						id: "t",
						into: [
							{ id: "t1", agent: "work" },
							{ id: "t2", agent: "work", dependsOn: ["t1"] },
						],
					},
					{ type: "injectBefore", id: "u", node: { id: "i", agent: "work" } },
					{ type: "updateNode", id: "v", changes: { priority: 3, input: "new" } },
					{ type: "removeNode", id: "w" },
				] satisfies Patch,
			},
			{ id: "t", agent: "work", dependsOn: ["s"] },
			{ id: "u", agent: "work", dependsOn: ["t"] },
			{ id: "v", agent: "work", dependsOn: ["s"] },
			{ id: "w", agent: "work", dependsOn: ["s"] },
			{ id: "x", agent: "work", dependsOn: ["w", "v"] },
		],
	},
	"a critic that prunes": {
		nodes: [
			{ id: "p", agent: "planner", input: 2 },
			{ id: "k", agent: "critic", input: "victim", dependsOn: ["p"] },
			{ id: "victim", agent: "work", dependsOn: ["k"] },
			{ id: "heir", agent: "work", dependsOn: ["victim", "k"], join: "settled" },
			{ id: "lost", agent: "work", dependsOn: ["victim"] },
		],
	},
	"failures and retries": {
		nodes: [
			{ id: "f", agent: "flaky" },
			{ id: "bad", agent: "fail" },
			{ id: "skipped", agent: "work", dependsOn: ["bad"] },
			{ id: "rescue", agent: "work", dependsOn: ["skipped"], join: "failed" },
			{ id: "any", agent: "work", dependsOn: ["bad", "f"], join: "any" },
			{ id: "two", agent: "work", dependsOn: ["f", "any", "bad"], join: { atLeast: 2 } },
			{ id: "unneeded", agent: "work", dependsOn: ["f"], join: "failed" },
			{ id: "clean", agent: "work", dependsOn: ["two", "rescue"], join: "always" },
		],
	},
	"early commits": {
		nodes: [
			{ id: "c", agent: "committer" },
			{ id: "after", agent: "work", dependsOn: ["c"] },
		],
	},
	speculation: {
		nodes: [
			{ id: "held", agent: "work", speculative: "hold" },
			{ id: "eager", agent: "planner", input: 2, speculative: "eager" },
			{ id: "wrong", agent: "work", speculative: "eager" },
			{ id: "sum", agent: "work", dependsOn: ["eager", "held"] },
		],
		during: async (run) => {
			await rest();
			await run.mutate([
				{ type: "confirmSpeculative", ids: ["held", "eager"] },
				{ type: "discardSpeculative", id: "wrong" },
			]);
		},
	},
	waits: {
		nodes: [
			{ id: "w", agent: "waits" },
			{ id: "after", agent: "work", dependsOn: ["w"] },
		],
		during: async (run) => {
			await rest();
			await run.signal("s", 1);
			await run.signal("s", 2, { node: "w" });
		},
	},
	"what the host does": {
		nodes: [
			{ id: "a", agent: "work" },
			{ id: "b", agent: "work", dependsOn: ["a"] },
		],
		during: async (run) => {
			await run.pause();
			await run.mutate(
				[
					{
						type: "addNodes",
						nodes: [
							{ id: "h", agent: "work" },
							{ id: "h2", agent: "work", dependsOn: ["h"] },
						],
					},
				],
				{ key: "k" },
			);
			await run.mutate([{ type: "addEdge", from: "h", to: "b", alias: "host" }]);
			await run.mutate([{ type: "removeEdge", from: "a", to: "b" }]);
			await run.resume();
		},
	},
};

/** Drives a run to its end, whatever it waits for; not at all when it cannot go on. @returns whether it ended */
export async function drive(run: RunHandle, clock: VirtualClock, isDead = (): boolean => false): Promise<boolean> {
	let over = false;
	void run.result().then(() => {
		over = true;
	});
	for (let turn = 0; turn < 30 && !over && !isDead(); turn++) {
		await rest(6);
		if (over || isDead()) break;
		await pass(clock, 50);
		if (over || isDead()) break;
		for (const { id, wait } of run.snapshot().nodes({ state: "waiting" })) {
			if (wait?.kind === "signal") void run.signal("s", "again").catch(() => {});
			else if (wait?.kind === "approval") void run.approve(id).catch(() => {});
		}
		const held = [...run.snapshot().nodes({ state: "speculative" })].map(({ id }) => id);
		if (held.length > 0) void run.mutate([{ type: "confirmSpeculative", ids: held }]).catch(() => {});
		void run.resume().catch(() => {});
		void run.close().catch(() => {});
	}
	if (!over && !isDead()) throw new Error(`it did not end: ${JSON.stringify(run.snapshot().toJSON())}`);
	return over;
}
