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

function chained(shape: Shape, count: number, tokens: number): NodeSpec[] {
	return Array.from({ length: count }, (_, i) => ({
		id: `n${i}`,
		agent: "call",
		input: tokens,
		...(shape === "chain" && i > 0 && { dependsOn: [`n${i - 1}`] }),
	}));
}

/** A thousand nodes. Newcomers among them are not to push in: all are ready at once, or some become so as others end. */
function manyNodes(atOnce: number): NodeSpec[] {
	const nodes = chained("together", GREEDY, 10);
	for (let i = atOnce; i < GREEDY; i++) nodes[i] = { ...nodes[i], dependsOn: [`n${i - atOnce}`] } as NodeSpec;
	return nodes;
}

/**
 * Nodes that call, and what they call does likewise.
 *
 * @param counts - how many calls each makes, level by level: at once, or where negative one after the other
 */
function manyCalls(counts: readonly number[], callers = 1): NodeSpec[] {
	return Array.from({ length: callers }, (_, i) => ({ id: `c${i}`, agent: "caller", input: counts }));
}

const caller = defineAgent({
	name: "caller",
	run: async ([count = 0, ...below]: readonly number[], ctx) => {
		const request = below.length > 0 ? { tool: "caller", input: below } : { tool: "call", input: 10 };
		if (count < 0) for (let i = count; i < 0; i++) await ctx.call(request.tool, request.input);
		else await ctx.callAll(Array.from({ length: count }, () => request));
	},
});

/**
 * One greedy run and a few small ones that come while it is on, all on one key, or on slots alone.
 *
 * @returns how long the nodes of the small ones waited, counted in starts
 */
async function compete(
	seed: number,
	limit: LimitOptions | undefined,
	concurrency: number,
	shape: Shape,
	greedy: NodeSpec[],
): Promise<Wait[]> {
	const random = new Random(seed);
	const clock = new VirtualClock(1_000);
	let starts = 0;
	const asked = new Map<string, number>();
	const waits: Wait[] = [];
	const places = new Map<string, number>();
	const call = defineAgent({
		name: "call",
		limits: limit === undefined ? [] : ["api"],
		estimate: (tokens: number) => ({ inputTokens: tokens }),
		run: async (_tokens: number, { runId, nodeId }) => {
			const small = runId.startsWith("small");
			const place = (places.get(runId) ?? 0) + 1;
			places.set(runId, place);
			if (small) waits.push({ run: runId, place, starts: starts - (asked.get(runId) ?? 0) });
			starts++;
			await new Promise<void>((resolve) => clock.set(clock.now() + 1 + random.below(20), resolve));
			if (shape === "chain" && small) asked.set(runId, starts);
			return nodeId;
		},
	});
	const limits = limit && { api: limit };
	const swarm = createSwarm<AnyAgent>({ agents: [call, caller], clock, concurrency, ...(limits && { limits }) });
	const runs = [swarm.start({ nodes: greedy }, { runId: "greedy" })];
	await rest();
	for (let i = 0; i < SMALL; i++) {
		for (let steps = random.below(12); steps > 0; steps--) {
			clock.step();
			await rest();
		}
		asked.set(`small-${i}`, starts);
		runs.push(swarm.start({ nodes: chained(shape, NODES, 250) }, { runId: `small-${i}` }));
		await rest();
	}
	while (waits.length < SMALL * NODES && clock.step()) await rest();
	for (const run of runs) void run.cancel();
	do await rest();
	while (clock.step());
	expect(swarm.limits().every(({ inUse, waiting }) => inUse + waiting === 0)).toBe(true);
	return waits;
}

/** A turn for each run, then one for each again; those that had begun their turn when it came are before it. */
function expectShares(waits: readonly Wait[], shape: Shape): void {
	expect(waits).toHaveLength(SMALL * NODES);
	const sharing = SMALL + 1;
	const begun = 10;
	for (const { place, starts } of waits)
		expect(starts).toBeLessThanOrEqual((shape === "chain" ? 1 : place) * sharing + begun);
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
			const waits = await compete(seed, limit, slots, shape, manyNodes(atOnce));
			expectShares(waits, shape);
		},
	);
});

describe.each([...Object.entries(limits), ["slots", undefined]] as const)(
	"a run that calls many others does not starve small ones: %s",
	(_, limit) => {
		test.each([
			[1, 2, "together", "200", manyCalls([200])],
			[2, 3, "chain", "200", manyCalls([200])],
			[3, 2, "chain", "14 times 14", manyCalls([14, 14])],
			[4, 3, "together", "5 times 5 times 8", manyCalls([5, 5, 8])],
			[5, 3, "chain", "30 times 40, one after the other", manyCalls([-40], 30)],
			[6, 2, "together", "12 times 20, one after the other", manyCalls([12, -20])],
		] as const)(
			"seed %i, %i slots, small runs whose nodes come %s, %s calls",
			async (seed, slots, shape, _, greedy) => {
				expectShares(await compete(seed, limit, slots, shape, [...greedy]), shape);
			},
		);
	},
);
