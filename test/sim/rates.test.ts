import { type AnyAgent, defineAgent, type LimitOptions, type NodeSpec, VirtualClock } from "dagswarm";
import { type SimulationReport, simulate } from "dagswarm/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hold, isFixed } from "../random.js";

/** What one call does. */
interface Script {
	readonly keys: readonly string[];
	/** Limits that its spec names. */
	readonly own: readonly string[];
	readonly tokens: number;
	readonly ms: number;
	/** What attempts fail with, in turn; the last one goes for all that follow. */
	readonly fails: readonly (number | "plain" | "no")[];
	/** Waits without its slot in the middle. */
	readonly naps: boolean;
}

interface Call {
	readonly node: string;
	readonly keys: readonly string[];
	readonly tokens: number;
	readonly at: number;
}

const LIMITS = {
	few: { requests: { limit: 2, per: 50 } },
	many: { concurrency: 3, requests: { limit: 5, per: 120 } },
	tokens: { tokens: { limit: 100, per: 80 } },
	breaks: { concurrency: 2, breaker: { failures: 2, coolDown: 30, probes: 1 } },
	one: 1,
	"tenant:*": { concurrency: 1, requests: { limit: 3, per: 60 }, gate: true },
} as const satisfies Record<string, number | LimitOptions>;

const NAMES = ["few", "many", "tokens", "breaks", "one", "tenant:a", "tenant:b"];

const scripts: fc.Arbitrary<Script> = fc.record({
	keys: fc.shuffledSubarray(NAMES, { maxLength: 3 }),
	// Those are known to the judge of slots, those of the input only to the agent.
	own: fc.subarray(["one", "tenant:c", "few"], { maxLength: 1 }),
	tokens: fc.constantFrom(0, 10, 60, 300),
	ms: fc.constantFrom(0, 5, 40),
	fails: fc.array(fc.constantFrom<(number | "plain" | "no")[]>("no", "no", "plain", 0, 35, 90), {
		minLength: 1,
		maxLength: 3,
	}),
	naps: fc.boolean(),
});

const graphs = fc.array(
	fc.array(
		fc.record({
			script: scripts,
			dependsOn: fc.array(fc.nat(9), { maxLength: 1 }),
			priority: fc.constantFrom(0, 0, 1),
		}),
		{ minLength: 1, maxLength: 10, size: "max" },
	),
	{ minLength: 1, maxLength: 3 },
);

function agentOn(clock: VirtualClock, calls: Call[]): AnyAgent {
	const after = (ms: number): Promise<void> => new Promise((resolve) => clock.set(clock.now() + ms, resolve));
	return defineAgent({
		name: "work",
		limits: (input: Script) => input.keys,
		estimate: (input: Script) => ({ inputTokens: input.tokens }),
		run: async (input: Script, ctx) => {
			calls.push({ node: `${ctx.runId} ${ctx.nodeId}`, keys: input.keys, tokens: input.tokens, at: clock.now() });
			if (input.ms > 0) await after(input.ms);
			if (input.naps) await ctx.sleep(7);
			const fails = input.fails[Math.min(ctx.attempt, input.fails.length) - 1];
			if (fails === "plain") throw new Error("down");
			if (typeof fails === "number") throw Object.assign(new Error("busy"), { retryAfter: fails });
		},
	}) as AnyAgent;
}

/** The limits that specs name, by run and node: nobody changes that of a node that has started. */
function ownLimits(runs: SimulationReport["runs"]): Map<string, readonly string[]> {
	const limits = new Map<string, readonly string[]>();
	runs.forEach(({ events }, i) => {
		for (const event of events)
			if (event.type === "node.added" || event.type === "node.updated")
				limits.set(`run-${i + 1} ${event.node}`, event.spec.limits ?? []);
	});
	return limits;
}

/** The most that any stretch of a length saw of what is counted, but for what came alone. */
function most(calls: readonly Call[], per: number, weigh: (call: Call) => number): number {
	let worst = 0;
	for (const [i, first] of calls.entries()) {
		const within = calls.slice(i).filter(({ at }) => at < first.at + per);
		const sum = within.reduce((total, call) => total + weigh(call), 0);
		if (within.filter((call) => weigh(call) > 0).length > 1) worst = Math.max(worst, sum);
	}
	return worst;
}

test("no window sees more than its limit, and all work ends, whatever fails, is paused, cancelled or lost", async () => {
	const tally = { calls: 0, cancelled: 0, waits: 0 };
	await hold(
		"rates",
		fc.asyncProperty(
			fc.record({
				seed: fc.nat(),
				nodes: graphs,
				concurrency: fc.integer({ min: 1, max: 6 }),
				faults: fc.constantFrom(
					{},
					{ delay: 200, interfere: 100 },
					{ drop: 100, crash: 50, cancel: 20, interfere: 50 },
				),
				perRun: fc.constantFrom(undefined, 1, 2),
			}),
			async ({ seed, nodes, concurrency, faults, perRun }) => {
				const clock = new VirtualClock(1_000);
				const calls: Call[] = [];
				const { runs } = await simulate<AnyAgent>({
					seed,
					clock,
					agents: [agentOn(clock, calls)],
					graph: nodes.map((specs) => ({
						nodes: specs.map(
							({ script, dependsOn, priority }, i): NodeSpec => ({
								id: `n${i}`,
								agent: "work",
								input: script,
								priority,
								...(script.own.length > 0 && { limits: script.own }),
								...(i > 0 && { dependsOn: dependsOn.map((d) => `n${d % i}`), join: "settled" }),
							}),
						),
					})),
					start: perRun === undefined ? {} : { concurrency: perRun },
					faults,
					steps: 200,
					swarm: { concurrency, limits: LIMITS, retry: { maxAttempts: 3, delay: 3 }, timeout: 200 },
				});
				const own = ownLimits(runs);
				for (const [name, { requests, tokens }] of Object.entries<LimitOptions>({
					...LIMITS,
					one: {},
					"tenant:a": LIMITS["tenant:*"],
					"tenant:b": LIMITS["tenant:*"],
					"tenant:c": LIMITS["tenant:*"],
				})) {
					const taken = calls.filter(({ node, keys }) => keys.includes(name) || own.get(node)?.includes(name));
					if (requests !== undefined)
						expect(most(taken, Number(requests.per), () => 1)).toBeLessThanOrEqual(requests.limit);
					if (tokens !== undefined)
						expect(most(taken, Number(tokens.per), (call) => call.tokens)).toBeLessThanOrEqual(tokens.limit);
				}
				tally.calls += calls.length;
				for (const { outcome } of runs) tally.cancelled += outcome.status === "cancelled" ? 1 : 0;
				if (clock.now() > 1_300) tally.waits++;
			},
		),
		150,
		() => ({ calls: tally.calls }),
	);
	if (!isFixed) return;
	expect(tally.calls).toBeGreaterThan(1_500);
	expect(tally.cancelled).toBeGreaterThan(8);
	expect(tally.waits).toBeGreaterThan(40);
});
