import {
	type AnyAgent,
	countingIds,
	createSwarm,
	defineAgent,
	type Mutation,
	type NodeSpec,
	type RunEvent,
	type RunHandle,
	result,
	VirtualClock,
} from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What an agent does, taken from its input. */
type Act = "return" | "throw" | "sleep" | "signal" | "never" | "grow" | "slow" | "split" | "late" | "approve";
const acts: readonly Act[] = [
	"return",
	"throw",
	"sleep",
	"signal",
	"never",
	"grow",
	"slow",
	"split",
	"late",
	"approve",
];

/** What the outside does between turns. */
type Move =
	| { readonly do: "step" | "turn" | "pause" | "resume" | "signal" | "add" | "poke" }
	| { readonly do: "prune" | "edge" | "approve" | "discard" | "split" | "release"; readonly at: number };

const move: fc.Arbitrary<Move> = fc.oneof(
	{
		weight: 3,
		arbitrary: fc.record({ do: fc.constantFrom("step", "turn", "pause", "resume", "signal", "add", "poke") }),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constantFrom("prune", "edge", "approve", "discard", "split", "release"),
			at: fc.nat(11),
		}),
	},
) as fc.Arbitrary<Move>;

interface Spec {
	readonly act: Act;
	readonly from: readonly number[];
	readonly join: "all" | "any" | "settled" | "always";
	readonly retry: number;
	readonly onFailure: "skip" | "block" | "failRun";
	readonly speculative: boolean;
	readonly limited: boolean;
}

const spec: fc.Arbitrary<Spec> = fc.record({
	act: fc.constantFrom(...acts),
	from: fc.uniqueArray(fc.nat(11), { maxLength: 3 }),
	join: fc.constantFrom("all", "any", "settled", "always"),
	retry: fc.integer({ min: 1, max: 3 }),
	onFailure: fc.constantFrom("skip", "skip", "block", "failRun"),
	speculative: fc.boolean(),
	limited: fc.boolean(),
});

class World {
	readonly clock = new VirtualClock(0);
	readonly held = new Map<string, () => void>();
	readonly inside = new Map<string, number>();
	readonly problems: string[] = [];

	readonly work: AnyAgent = defineAgent({
		name: "work",
		timeout: { attempt: 500, grace: 50 },
		run: async (act: Act, ctx): Promise<unknown> => {
			const key = ctx.nodeId;
			const now = (this.inside.get(key) ?? 0) + 1;
			this.inside.set(key, now);
			if (now > 1 && act !== "never") this.problems.push(`${key} runs ${now} times at once`);
			try {
				return await this.act(act, key, ctx);
			} finally {
				this.inside.set(key, (this.inside.get(key) ?? 1) - 1);
			}
		},
	});

	private async act(act: Act, key: string, ctx: Parameters<AnyAgent["run"]>[1]): Promise<unknown> {
		switch (act) {
			case "throw":
				throw new Error("thrown");
			case "sleep":
				await ctx.sleep(100);
				return "slept";
			case "signal":
				return ctx.waitForSignal("go", { timeout: 300 });
			case "approve":
				return ctx.requestApproval({ reason: "?", timeout: 300 });
			case "never":
				return new Promise(() => {});
			case "slow":
				await new Promise<void>((resolve) => {
					this.held.set(key, resolve);
					ctx.signal.addEventListener("abort", () => setImmediate(resolve), { once: true });
				});
				return "slow";
			case "late":
				await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve(), { once: true }));
				await turn();
				return "late";
			case "grow":
				ctx.graph.addNode({ id: `${key}.early`, agent: "work", input: "return" });
				await ctx.graph.commit();
				return result("grown", {
					expand: true,
					nodes: [{ id: `${key}.late`, agent: "work", input: "return", dependsOn: [key] }],
				});
			case "split":
				return result("split", {
					mutations: [
						{
							type: "splitNode",
							id: key,
							into: ["x", "y"].map((part) => ({ id: `${key}.${part}`, agent: "work", input: "return" })),
						},
					],
				});
			default:
				return "returned";
		}
	}
}

function graphOf(specs: readonly Spec[]): NodeSpec[] {
	return specs.map(({ act, from, join, retry, onFailure, speculative, limited }, i) => {
		const dependsOn = from.filter((other) => other < i).map((other) => `n${other}`);
		return {
			id: `n${i}`,
			agent: "work",
			input: act,
			dependsOn,
			join: dependsOn.length === 0 && join === "any" ? "all" : join,
			retry: { maxAttempts: retry, delay: 20 },
			onFailure,
			...(speculative && i % 3 === 0 && { speculative: i % 2 === 0 ? "hold" : "eager" }),
			...(limited && { limits: ["one"] }),
		} satisfies NodeSpec;
	});
}

async function play(run: RunHandle, world: World, moves: readonly Move[]): Promise<void> {
	let added = 0;
	const mutate = (...patch: Mutation[]): void => void run.mutate(patch).catch(() => {});
	for (const each of moves) {
		const id = "at" in each ? `n${each.at}` : "";
		switch (each.do) {
			case "step":
				world.clock.step();
				// A function that was aborted gets as far as it can before its grace is over.
				for (let k = 0; k < 3; k++) await turn();
				break;
			case "turn":
				await turn();
				break;
			case "pause":
				void run.pause().catch(() => {});
				break;
			case "resume":
				void run.resume().catch(() => {});
				break;
			case "signal":
				void run.signal("go").catch(() => {});
				break;
			case "approve":
				void run.approve(id).catch(() => {});
				break;
			case "release":
				world.held.get(id)?.();
				break;
			case "add":
				mutate({ type: "addNode", node: { id: `added${added++}`, agent: "work", input: "return" } });
				break;
			case "prune":
				mutate({ type: "pruneSubgraph", id, scope: "exclusive" });
				break;
			case "edge":
				mutate({ type: "addEdge", from: id, to: `n${(each as { at: number }).at + 1}` });
				break;
			case "discard":
				mutate({ type: "discardSpeculative", id });
				break;
			case "split":
				mutate({ type: "splitNode", id, into: [{ id: `${id}.part${added++}`, agent: "work", input: "return" }] });
				break;
			case "poke":
				await Promise.resolve();
				break;
		}
	}
}

/** What must hold of any trace, whatever happened. */
function oracle(events: readonly RunEvent[]): string[] {
	const wrong: string[] = [];
	const ended = new Set<string>();
	const running = new Set<string>();
	let over = false;
	for (const [i, event] of events.entries()) {
		if (event.seq !== i + 1) wrong.push(`seq ${event.seq} at ${i}`);
		if (over) wrong.push(`${event.type} after the end`);
		if (event.type === "run.ended") over = true;
		if (!("node" in event) || event.node === undefined || !event.type.startsWith("node.")) continue;
		const { node } = event;
		if (ended.has(node)) wrong.push(`${event.type} of ${node}, which has ended`);
		if (event.type === "node.started") {
			if (running.has(node)) wrong.push(`${node} started twice`);
			running.add(node);
		} else if (event.type !== "node.confirmed" && event.type !== "node.updated") running.delete(node);
		if (/completed|failed|skipped|abandoned|cancelled/.test(event.type)) ended.add(node);
	}
	return wrong;
}

describe("whatever happens in whatever order", () => {
	test("a run ends, once, and frees all that it held", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(spec, { minLength: 1, maxLength: 12 }),
				fc.array(move, { maxLength: 40 }),
				fc.integer({ min: 1, max: 4 }),
				fc.boolean(),
				async (specs, moves, concurrency, cancel) => {
					const world = new World();
					const swarm = createSwarm<AnyAgent>({
						agents: [world.work],
						clock: world.clock,
						ids: countingIds(),
						concurrency,
						check: "full",
						limits: { one: 1 },
						seed: 1,
						grace: 50,
					});
					const run = swarm.start({ nodes: graphOf(specs) }, { deadline: 20_000 });
					const events: RunEvent[] = [];
					const reading = (async () => {
						for await (const event of run.events()) events.push(event);
					})();
					await play(run, world, moves);
					if (cancel) void run.cancel("at the end of the play");
					else void run.resume().catch(() => {});
					let outcome: Awaited<ReturnType<RunHandle["result"]>> | undefined;
					void run.result().then((value) => {
						outcome = value;
					});
					for (let i = 0; outcome === undefined; i++) {
						for (let k = 0; k < 4; k++) await turn();
						if (outcome === undefined && !world.clock.step() && i > 2_000) throw new Error("it does not end");
					}
					await reading;
					expect(outcome.reason ?? "").not.toMatch(/INTERNAL/);
					expect(oracle(events)).toEqual([]);
					expect(world.problems).toEqual([]);
					expect(world.clock.pending).toBe(0);
					expect(run.snapshot().counts).toMatchObject({ running: 0, waiting: 0, ready: 0 });
					if (cancel) expect(["cancelled", outcome.status]).toContain(outcome.status);
					// Slots and limits are free again: another run of the swarm goes through.
					const after = await swarm.start({
						nodes: Array.from({ length: 5 }, (_, i) => ({
							id: `a${i}`,
							agent: "work",
							input: "return",
							limits: ["one"],
						})),
					});
					const free = await after.result();
					expect(free.status).toBe("completed");
				},
			),
			{ numRuns: 150 },
		);
	});

	test("the same seed and the same moves give the same events (B50)", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(spec, { minLength: 1, maxLength: 8 }),
				fc.array(move, { maxLength: 15 }),
				async (specs, moves) => {
					const traces: string[] = [];
					for (let k = 0; k < 2; k++) {
						const world = new World();
						const swarm = createSwarm<AnyAgent>({
							agents: [world.work],
							clock: world.clock,
							ids: countingIds(),
							concurrency: 2,
							limits: { one: 1 },
							seed: 7,
							grace: 50,
						});
						const run = swarm.start({ nodes: graphOf(specs) }, { deadline: 5_000 });
						const events: RunEvent[] = [];
						const reading = (async () => {
							for await (const event of run.events()) events.push(event);
						})();
						await play(run, world, moves);
						for (let i = 0; !run.snapshot().status.match(/ed(_out)?$/) || run.snapshot().status === "paused"; i++) {
							for (let j = 0; j < 4; j++) await turn();
							if (!world.clock.step() && i > 2_000) throw new Error("it does not end");
						}
						await reading;
						traces.push(JSON.stringify(events, (key, value) => (key === "stack" ? undefined : value)));
					}
					expect(traces[0]).toBe(traces[1]);
				},
			),
			{ numRuns: 40 },
		);
	});
});
