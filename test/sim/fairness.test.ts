import { type AnyAgent, createSwarm, defineAgent, type LimitOptions, type NodeSpec, VirtualClock } from "dagswarm";
import { Random } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { rest } from "../rest.js";

const GREEDY = 1_000;
const SMALL = 5;
const NODES = 6;

/** A node of a small run, and how many starts of anybody came between its asking and its start. */
interface Wait {
	readonly run: string;
	readonly place: number;
	readonly starts: number;
}

/** How the nodes of a run come to be ready. */
type Shape = "together" | "chain";

function graph(shape: Shape, count: number, tokens: number): NodeSpec[] {
	return Array.from({ length: count }, (_, i) => ({
		id: `n${i}`,
		agent: "call",
		input: tokens,
		limits: ["api"],
		...(shape === "chain" && i > 0 && { dependsOn: [`n${i - 1}`] }),
	}));
}

/**
 * One run of a thousand nodes and a few small ones that come while it is on, all on one key.
 *
 * @returns how long the nodes of the small ones waited, counted in starts
 */
async function compete(
	seed: number,
	limit: LimitOptions,
	concurrency: number,
	shape: Shape,
	atOnce: number,
): Promise<Wait[]> {
	const random = new Random(seed);
	const clock = new VirtualClock(1_000);
	let starts = 0;
	const asked = new Map<string, number>();
	const waits: Wait[] = [];
	const places = new Map<string, number>();
	const call = defineAgent({
		name: "call",
		estimate: (tokens: number) => ({ inputTokens: tokens }),
		run: async (_tokens: number, { runId, nodeId }) => {
			const place = (places.get(runId) ?? 0) + 1;
			places.set(runId, place);
			if (runId !== "greedy") waits.push({ run: runId, place, starts: starts - (asked.get(runId) ?? 0) });
			starts++;
			await new Promise<void>((resolve) => clock.set(clock.now() + 1 + random.below(20), resolve));
			if (shape === "chain" && runId !== "greedy") asked.set(runId, starts);
			return nodeId;
		},
	});
	const swarm = createSwarm<AnyAgent>({ agents: [call], clock, concurrency, limits: { api: limit } });
	const greedy = graph("together", GREEDY, 10);
	// All of them are ready at once, or some become ready as others end: newcomers are not to push in either.
	for (let i = atOnce; i < GREEDY; i++) greedy[i] = { ...greedy[i], dependsOn: [`n${i - atOnce}`] } as NodeSpec;
	const runs = [swarm.start({ nodes: greedy }, { runId: "greedy" })];
	await rest();
	for (let i = 0; i < SMALL; i++) {
		for (let steps = random.below(12); steps > 0; steps--) {
			clock.step();
			await rest();
		}
		asked.set(`small-${i}`, starts);
		runs.push(swarm.start({ nodes: graph(shape, NODES, 250) }, { runId: `small-${i}` }));
		await rest();
	}
	while (waits.length < SMALL * NODES && clock.step()) await rest();
	for (const run of runs) void run.cancel();
	do await rest();
	while (clock.step());
	expect(swarm.limits().every(({ inUse, waiting }) => inUse + waiting === 0)).toBe(true);
	return waits;
}

const limits = {
	units: { concurrency: 3 },
	"a window": { requests: { limit: 4, per: 50 } },
	tokens: { tokens: { limit: 300, per: 50 } },
	both: { concurrency: 2, requests: { limit: 5, per: 60 } },
} as const satisfies Record<string, LimitOptions>;

describe.each(Object.entries(limits))("a greedy run does not starve small ones: %s", (_, limit) => {
	test.each([
		[1, 8, "together", GREEDY],
		[2, 8, "chain", 500],
		[3, 2, "together", 20],
		[4, 64, "chain", 12],
		[5, 16, "together", 6],
	] as const)(
		"seed %i, %i slots, small runs whose nodes come %s, %i greedy nodes at once",
		async (seed, slots, shape, atOnce) => {
			const waits = await compete(seed, limit, slots, shape, atOnce);
			expect(waits).toHaveLength(SMALL * NODES);
			const sharing = SMALL + 1;
			// A turn for each run, then one for each again; those that had begun their turn when it came are before it.
			const begun = 10;
			for (const { place, starts } of waits)
				expect(starts).toBeLessThanOrEqual((shape === "chain" ? 1 : place) * sharing + begun);
		},
	);
});
