import { defineAgent, memoryJournal, type RunEvent } from "dagswarm";
import { describe, expect, test } from "vitest";
import { chain, echo, finish, forever, pass, rest, virtualSwarm } from "../swarm/fixture.js";
import { heldJournal, watchedJournal } from "./fixture.js";

describe("relaxed", () => {
	test("effects run ahead by 1,000 events or 10 ms", async () => {
		const watched = watchedJournal();
		const { swarm, clock } = virtualSwarm([forever, echo], { journal: watched.journal, durability: "relaxed" });
		const run = swarm.start({ nodes: [{ id: "a", agent: "forever" }] }, { runId: "r", open: true });
		await rest();
		expect(watched.appends).toHaveLength(0);
		expect(run.snapshot().get("a")?.state).toBe("running");
		await pass(clock, 9);
		expect(watched.appends).toHaveLength(0);
		await pass(clock, 1);
		expect(watched.appends).toHaveLength(1);
		let ahead = 0;
		let most = 0;
		const off = run.view().subscribe(({ seq }) => {
			ahead = seq - (watched.appends.at(-1)?.at(-1)?.records.at(-1)?.lastSeq ?? 0);
			most = Math.max(most, ahead);
		});
		for (let i = 0; i < 40; i++) {
			const nodes = Array.from({ length: 99 }, (_, k) => ({
				id: `x${i}-${k}`,
				agent: "echo",
				speculative: "hold" as const,
			}));
			await run.mutate([{ type: "addNodes", nodes }]);
			await rest(1);
		}
		expect(most).toBeLessThanOrEqual(1_000);
		expect(most).toBeGreaterThan(500);
		expect(watched.appends.length).toBeGreaterThanOrEqual(4);
		off();
		void run.cancel();
		await finish(run, clock);
	});

	test("result waits for the journal", async () => {
		const held = heldJournal();
		const { swarm, clock } = virtualSwarm([echo], { journal: held.journal, durability: "relaxed" });
		const run = swarm.start({ nodes: chain(5) });
		let outcome: unknown;
		void run.result().then((value) => {
			outcome = value;
		});
		await pass(clock, 20);
		expect(run.snapshot().status).toBe("completed");
		expect(outcome).toBeUndefined();
		held.letPass();
		await rest();
		expect(outcome).toMatchObject({ status: "completed" });
		expect(clock.pending).toBe(0);
	});

	test("a slow journal holds back what comes behind it", async () => {
		const held = heldJournal();
		let done = 0;
		const agent = defineAgent({ name: "agent", run: async () => void done++ });
		const { swarm, clock } = virtualSwarm([agent], {
			journal: held.journal,
			durability: "relaxed",
			concurrency: 8,
			check: "off",
		});
		const nodes = Array.from({ length: 10_000 }, (_, i) => ({ id: `n${i}`, agent: "agent" }));
		const run = swarm.start({ nodes });
		await pass(clock, 100);
		// The graph itself is one batch, however large.
		expect(done).toBeLessThanOrEqual(8);
		held.calls.shift()?.pass();
		for (let turn = 0; turn < 20; turn++) await pass(clock, 10);
		const most = done;
		expect(most).toBeLessThanOrEqual(1_100);
		held.calls.shift()?.pass();
		for (let turn = 0; turn < 20; turn++) await pass(clock, 10);
		expect(done - most).toBeLessThanOrEqual(1_100);
		held.letPass();
		for (let turn = 0; turn < 200 && done < nodes.length; turn++) await pass(clock, 10);
		expect(done).toBe(10_000);
		await pass(clock, 20);
		expect((await run.result()).status).toBe("completed");
	});
});

describe("how far effects run ahead of a journal that answers later", () => {
	test("is at most two batches", async () => {
		const held = heldJournal();
		const { swarm, clock } = virtualSwarm([echo], { journal: held.journal, durability: "relaxed", check: "off" });
		const run = swarm.start({ nodes: [] }, { open: true });
		let seen = 0;
		run.view().subscribe(({ seq }) => {
			seen = seq;
		});
		let written = 0;
		let most = 0;
		for (let i = 0; i < 60; i++) {
			const nodes = Array.from({ length: 99 }, (_, k) => ({
				id: `x${i}-${k}`,
				agent: "echo",
				speculative: "hold" as const,
			}));
			void run.mutate([{ type: "addNodes", nodes }]).catch(() => {});
			await pass(clock, 1);
			most = Math.max(most, seen - written);
			if (i % 15 !== 14) continue;
			const call = held.calls.shift();
			written = call?.entries.at(-1)?.records.at(-1)?.lastSeq ?? written;
			call?.pass();
			await rest(2);
		}
		// One batch is on its way, and one is filled behind it.
		expect(most).toBeLessThanOrEqual(1_000);
		expect(most).toBeGreaterThan(500);
		held.letPass();
		void run.cancel();
		await finish(run, clock);
	});
});

describe("readers", () => {
	for (const durability of ["strict", "relaxed"] as const) {
		test(`that are slow read the journal, without a gap: ${durability}`, { timeout: 5_000 }, async () => {
			const { swarm, clock } = virtualSwarm([echo], {
				journal: memoryJournal(),
				durability,
				eventBuffer: 4,
				check: "off",
			});
			const run = swarm.start({ nodes: chain(200) }, { runId: "r" });
			const slow: RunEvent[] = [];
			const completions: RunEvent[] = [];
			const reading = (async () => {
				for await (const event of run.events()) {
					slow.push(event);
					if (event.seq % 50 === 0) await rest(3);
				}
			})();
			const filtered = (async () => {
				for await (const event of run.events({ types: ["node.completed"] })) {
					completions.push(event);
					await rest(1);
				}
			})();
			const late = (async () => {
				await rest(2);
				const events: RunEvent[] = [];
				for await (const event of run.events({ from: 5 })) {
					events.push(event);
					if (event.seq % 70 === 0) await rest(2);
				}
				return events;
			})();
			for (let turn = 0; turn < 40; turn++) await pass(clock, 20);
			expect(run.snapshot().status).toBe("completed");
			await Promise.all([reading, filtered]);
			const all = slow;
			expect(slow.map(({ seq }) => seq)).toEqual(slow.map((_event, i) => i + 1));
			expect(slow.at(-1)?.type).toBe("run.ended");
			expect(completions).toHaveLength(200);
			expect(await late).toEqual(all.slice(4));
		});
	}
});
