import { defineAgent, type EventSink, type RunEvent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { chain, echo, finish, gate, obedient, pass, record, rejection, rest, virtualSwarm } from "./fixture.js";

/** Takes batches until it is told to break. */
function sink(breaks: (events: readonly RunEvent[]) => boolean): EventSink & { readonly taken: RunEvent[] } {
	const taken: RunEvent[] = [];
	return {
		taken,
		append(events) {
			if (breaks(events)) throw new Error("disk full");
			taken.push(...events);
		},
	};
}

describe("a journal", () => {
	test("gets every event once, in order, before anybody sees it", async () => {
		const kept = sink(() => false);
		const { swarm } = virtualSwarm([echo], { journal: () => kept });
		const run = swarm.start({ nodes: chain(50) });
		const events = record(run);
		run.view().subscribe(({ seq }) => expect(kept.taken.at(-1)?.seq).toBeGreaterThanOrEqual(seq));
		await run.result();
		await rest();
		expect(kept.taken).toEqual(events);
		expect(kept.taken.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
	});

	test("is asked for by run", async () => {
		const asked: string[] = [];
		const { swarm } = virtualSwarm([echo], {
			journal: (run) => {
				asked.push(run);
				return sink(() => false);
			},
		});
		await swarm.run({ nodes: [] }, { runId: "one" });
		await swarm.run({ nodes: [] }, { runId: "two" });
		expect(asked).toEqual(["one", "two"]);
	});
});

describe("a journal that throws", () => {
	const onCompletion = (events: readonly RunEvent[]): boolean => events.some(({ type }) => type === "node.completed");

	test("ends the run failed with JOURNAL_UNAVAILABLE; result resolves, requests are refused", async () => {
		const broken = sink(onCompletion);
		const { swarm, clock } = virtualSwarm([echo, obedient], { journal: () => broken });
		const run = swarm.start(
			{
				nodes: [
					{ id: "a", agent: "echo" },
					{ id: "b", agent: "obedient" },
					{ id: "c", agent: "echo", dependsOn: ["a"] },
				],
			},
			{ deadline: "1h" },
		);
		const reading = rejection(
			(async () => {
				for await (const _ of run.events());
			})(),
		);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("failed");
		expect(outcome.reason).toMatch(/^JOURNAL_UNAVAILABLE/);
		expect(await reading).toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
		for (const request of [run.mutate([]), run.pause(), run.signal("x"), run.approve("a")]) {
			expect((await rejection(request)).code).toMatch(/JOURNAL_UNAVAILABLE|POISONED/);
		}
		expect(await run.cancel()).toBe(outcome);
		await run.close();
		expect(swarm.runs()).toEqual([]);
		expect(clock.pending).toBe(0);
		expect(broken.taken.some(({ type }) => type === "node.completed")).toBe(false);
		await swarm.close();
	});

	test("harms no other run: its slots and limits are free again (B8)", async () => {
		let starts = 0;
		const agents = [
			echo,
			defineAgent({ name: "once", limits: ["one"], concurrency: 1, run: async () => ++starts }),
			obedient,
		];
		for (const at of ["node.started", "node.completed"] as const) {
			const { swarm, clock } = virtualSwarm(agents, {
				concurrency: 1,
				limits: { one: 1 },
				journal: (run) => sink((events) => run === "bad" && events.some(({ type }) => type === at)),
			});
			const bad = swarm.start({ nodes: ["a", "b", "c"].map((id) => ({ id, agent: "once" })) }, { runId: "bad" });
			const good = swarm.start({ nodes: ["a", "b", "c"].map((id) => ({ id, agent: "once" })) }, { runId: "good" });
			expect(await finish(bad, clock)).toMatchObject({ status: "failed" });
			expect(await finish(good, clock)).toMatchObject({ status: "completed", stats: { completed: 3 } });
			const after = swarm.start({ nodes: chain(3, "once") }, { runId: "after" });
			expect(await finish(after, clock)).toMatchObject({ status: "completed" });
		}
	});

	test("at the first batch refuses the start, and leaves nothing behind", async () => {
		const { swarm, clock } = virtualSwarm([echo], { journal: (run) => sink(() => run === "bad") });
		expect(() => swarm.start({ nodes: chain(2) }, { runId: "bad", deadline: 100 })).toThrowError(
			expect.objectContaining({ code: "JOURNAL_UNAVAILABLE" }),
		);
		expect(swarm.runs()).toEqual([]);
		expect(clock.pending).toBe(0);
		expect(await swarm.run({ nodes: [] }, { runId: "good" })).toEqual({});
	});

	test("frees agents that wait for their run: sleeps, commits and signals reject", async () => {
		const seen: string[] = [];
		const go = gate();
		const note = (name: string, wait: Promise<unknown>): Promise<unknown> =>
			wait.catch((error) => seen.push(`${name} ${error.code}`));
		const waiting = defineAgent({
			name: "waiting",
			run: async (_: unknown, ctx) => note("sleep", ctx.sleep("1h")),
		});
		const late = defineAgent({
			name: "late",
			run: async (_: unknown, ctx) => {
				await go.promise;
				ctx.graph.addNode({ id: "x", agent: "echo" });
				await note("commit", ctx.graph.commit());
				await note("sleep after", ctx.sleep(1));
			},
		});
		const { swarm, clock } = virtualSwarm([waiting, late, echo], { journal: () => sink(onCompletion) });
		const run = swarm.start({
			nodes: [
				{ id: "w", agent: "waiting" },
				{ id: "l", agent: "late" },
				{ id: "e", agent: "echo" },
			],
		});
		await pass(clock, 1);
		go.open();
		await rest();
		const outcome = await run.result();
		expect(outcome).toMatchObject({ status: "failed", stats: { leaked: 0 } });
		expect(seen).toEqual(["sleep CANCELLED", "commit POISONED", "sleep after CANCELLED"]);
	});
});
