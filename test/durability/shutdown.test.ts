import { createSwarm, defineAgent, type NodeSpec, SwarmError, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, lines, pass, rest } from "../swarm/fixture.js";
import { Lives, stored } from "./fixture.js";
import { hanging, sleeper } from "./waiting-agents.js";

describe("drain", () => {
	test("lets what runs end, starts nothing more, and gives the run away", async () => {
		const calls: string[] = [];
		const { agent, go } = hanging(calls);
		const lives = new Lives([agent, echo, sleeper], { concurrency: 2 });
		const one = lives.next();
		const nodes: NodeSpec[] = [
			{ id: "a", agent: "hanging" },
			{ id: "b", agent: "echo", dependsOn: ["a"] },
			{ id: "s", agent: "sleeper", input: 100_000 },
		];
		const run = one.swarm.start({ nodes }, { runId: "r" });
		await rest();
		const drained = one.swarm.drain();
		await rest();
		go.open();
		await drained;
		expect(await run.result()).toMatchObject({ status: "suspended" });
		expect(() => one.swarm.start({ nodes: [] })).toThrowError(expect.objectContaining({ code: "SWARM_CLOSED" }));
		// Nobody has to wait for its heart to stop.
		const clock = new VirtualClock(one.clock.now());
		const options = { agents: [agent, echo, sleeper], journal: lives.journal, clock, check: "full" } as const;
		const next = await createSwarm(options).recover("r");
		await rest();
		expect(next.output("a")).toBe(1);
		const outcome = await finish(next, clock);
		expect(outcome).toMatchObject({ status: "completed", outputs: { s: 2 } });
		expect(calls).toHaveLength(1);
	});

	test("takes no longer than it is told last", async () => {
		const lives = new Lives([hanging([]).agent], { grace: 100 });
		const one = lives.next();
		const run = one.swarm.start({ nodes: [{ id: "a", agent: "hanging" }] }, { runId: "r" });
		await rest();
		const first = one.swarm.drain("1h");
		await rest();
		const longer = one.swarm.drain("2h");
		const second = one.swarm.drain(500);
		await pass(one.clock, 500);
		// Its function does not listen: it is given its grace.
		await pass(one.clock, 100);
		expect(await run.result()).toMatchObject({ status: "suspended" });
		await Promise.all([first, longer, second]);
	});

	test("interrupts what does not end in time: it runs again elsewhere, and that is no crash", async () => {
		const calls: string[] = [];
		const { agent } = hanging(calls);
		const lives = new Lives([agent], { grace: 100 });
		let aborted: unknown;
		const watching = defineAgent({
			name: "watching",
			run: (_: unknown, ctx) =>
				new Promise<never>((_resolve, reject) => {
					ctx.signal.addEventListener("abort", () => {
						aborted = ctx.signal.reason;
						reject(ctx.signal.reason);
					});
				}),
		});
		const nodes = [
			{ id: "a", agent: "hanging" },
			{ id: "w", agent: "watching" },
		];
		const one = lives.next({}, [agent, watching]);
		const run = one.swarm.start({ nodes }, { runId: "r" });
		await rest();
		const drained = one.swarm.drain(500);
		await pass(one.clock, 499);
		expect(aborted).toBeUndefined();
		await pass(one.clock, 1);
		await drained;
		expect(SwarmError.is(aborted)).toBe(true);
		await pass(one.clock, 100);
		expect(await run.result()).toMatchObject({ status: "suspended", stats: { leaked: 1 } });
		expect(lines(await stored(lives.journal, "r")).slice(-2)).toEqual(["node.attemptFailed w", "node.woken w"]);
		for (let again = 0; again < 4; again++) {
			const { run: next, swarm, clock } = await lives.recover("r");
			await rest();
			expect(next.snapshot().get("a")).toMatchObject({ state: "running", attempt: again + 2 });
			const gone = swarm.drain(0);
			await pass(clock, 200);
			await gone;
		}
		expect(calls.at(-1)).toBe("a 5 true CANCELLED");
	});
});

describe("a clock that was set back an hour", () => {
	test("is waited out once, and the run's own time goes on from where it was", async () => {
		const lives = new Lives([sleeper, echo]);
		const one = lives.next();
		one.swarm.start(
			{
				nodes: [
					{ id: "s", agent: "sleeper", input: 10_000 },
					{ id: "e", agent: "echo" },
				],
			},
			{ runId: "r" },
		);
		await pass(one.clock, 1_000);
		lives.die();
		const clock = new VirtualClock(one.clock.now() - 3_600_000);
		const next = createSwarm({ agents: [sleeper, echo], journal: lives.journal, clock, check: "full" });
		const recovering = next.recover("r");
		await pass(clock, 15_000);
		const run = await recovering;
		const before = clock.now();
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "completed", outputs: { s: 2 } });
		expect(clock.now() - before).toBeLessThanOrEqual(10_000);
		const times = (await stored(lives.journal, "r")).map(({ at }) => at);
		expect(times).toEqual(times.toSorted((a, b) => a - b));
	});
});
