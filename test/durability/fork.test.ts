import { defineAgent, memoryJournal, type Patch, planDiff, type RunEvent } from "dagswarm";
import { foldProblem, judgeTrace } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { echo, finish, pass, rejection, rest, virtualSwarm } from "../swarm/fixture.js";
import { stored } from "./fixture.js";
import { agents, drive, type Plot, plots, ran } from "./plots.js";

async function play(plot: Plot) {
	const journal = memoryJournal();
	const world = virtualSwarm(agents, { journal, durability: "strict", concurrency: 2 });
	const run = world.swarm.start(
		{ nodes: plot.nodes },
		{ runId: `run-${Math.max(0, ran.size)}`, open: plot.during !== undefined },
	);
	await plot.during?.(run);
	for (let turn = 0; turn < 12; turn++) {
		await pass(world.clock, 50);
		for (const { id } of run.snapshot().nodes({ state: "waiting" })) await run.approve(id).catch(() => {});
	}
	await run.close();
	const outcome = await finish(run, world.clock);
	return { ...world, journal, run, outcome, events: await stored(journal, run.id) };
}

const completedAt = (events: readonly RunEvent[], seq: number): string[] =>
	events.slice(0, seq).flatMap((event) => (event.type === "node.completed" ? [event.node] : []));

describe.each(Object.keys(plots))("forks of %s", (name) => {
	const plot = plots[name] as Plot;

	test("at every event end, and repeat nothing that had ended", async () => {
		const world = await play(plot);
		const { swarm, journal, run, events } = world;
		const whole = JSON.stringify(run.snapshot().toJSON());
		for (let atSeq = 1; atSeq <= events.length; atSeq++) {
			const runId = `${run.id}@${atSeq}`;
			const fork = await swarm.fork(run.id, { atSeq, runId, open: true });
			await drive(fork, world.clock);
			const again = ran.get(runId) ?? [];
			// What a node adds goes when it runs again; and it does when the fork is made in the middle of what it does.
			const ended = completedAt(events, atSeq).filter((id) => events.slice(atSeq).every((event) => !isOf(event, id)));
			const kept = ended.filter((id) => {
				const adder = run.snapshot().get(id)?.addedBy;
				return adder === undefined || ended.includes(adder);
			});
			expect(
				again.filter((id) => kept.includes(id)),
				`at ${atSeq}`,
			).toEqual([]);
			if (plot.during === undefined)
				expect(planDiff(run, fork), `plan at ${atSeq}`).toMatchObject({ added: [], removed: [] });
			const own = await stored(journal, runId);
			expect(foldProblem(own, fork.snapshot()), `fold at ${atSeq}`).toBeUndefined();
			expect(own[0]).toMatchObject({ type: "run.created", run: runId, forkedFrom: { run: run.id } });
			expect(own.map(({ seq }) => seq)).toEqual(own.map((_event, i) => i + 1));
			expect([`${name} at ${atSeq}`, judgeTrace(own)]).toEqual([`${name} at ${atSeq}`, []]);
		}
		expect(await stored(journal, run.id)).toEqual(events);
		expect(JSON.stringify(run.snapshot().toJSON())).toBe(whole);
	});

	test("with a node that runs again run it and what depends on it, nothing else", async () => {
		const world = await play(plot);
		const { swarm, run, events } = world;
		const snapshot = run.snapshot();
		const later = new Map<string, Set<string>>();
		for (const { id, dependsOn, addedBy } of snapshot.nodes()) {
			for (const from of [...dependsOn, ...(addedBy === undefined ? [] : [addedBy])]) {
				const set = later.get(from) ?? new Set();
				later.set(from, set.add(id));
			}
		}
		const reach = (from: string): Set<string> => {
			const seen = new Set([from]);
			for (const id of seen) for (const next of later.get(id) ?? []) seen.add(next);
			return seen;
		};
		for (const { id, state } of snapshot.nodes()) {
			const runId = `${run.id}!${id}`;
			const fork = await swarm.fork(run.id, { reset: [id], runId, open: true }).catch((error) => error);
			if (fork instanceof Error) throw fork;
			await drive(fork, world.clock);
			const again = new Set(ran.get(runId) ?? []);
			if (
				state === "completed" &&
				agents.some(({ name: agent }) => agent === snapshot.get(id)?.agent && agent !== "fail")
			)
				expect([...again], id).toContain(id);
			const may = reach(id);
			const acts = ["planner", "surgeon", "critic", "committer"].includes(snapshot.get(id)?.agent ?? "");
			if (!acts)
				expect(
					[...again].filter((other) => !may.has(other)),
					`reset of ${id}`,
				).toEqual([]);
			const diff = planDiff(run, fork);
			expect(diff.removed, `reset of ${id}`).toEqual([]);
			expect(foldProblem(await stored(world.journal, runId), fork.snapshot())).toBeUndefined();
		}
		expect(await stored(world.journal, run.id)).toEqual(events);
	});
});

function isOf(event: RunEvent, id: string): boolean {
	return ("by" in event && event.by === id) || ("addedBy" in event && event.addedBy === id);
}

describe("a fork", () => {
	test("with an edited input runs that node and its dependents with it", async () => {
		const world = await play(plots["a diamond"] as Plot);
		const { swarm, run } = world;
		const edit: Patch = [{ type: "updateNode", id: "b", changes: { input: "edited" } }];
		const fork = await swarm.fork(run.id, { edit, runId: "edited" });
		await drive(fork, world.clock);
		expect(ran.get("edited")).toEqual(["b", "d"]);
		expect(fork.output("b")).toMatchObject({ input: "edited" });
		expect(planDiff(run, fork)).toEqual({
			added: [],
			removed: [],
			changed: [
				{ id: "b", fields: ["input", "output"] },
				{ id: "d", fields: ["output"] },
			],
			same: 2,
		});
		// And one of the fork, from a point where that had happened.
		const again = await swarm.fork("edited", {
			edit: [{ type: "updateNode", id: "c", changes: { input: 1 } }],
			runId: "twice",
		});
		await drive(again, world.clock);
		expect(ran.get("twice")).toEqual(["c", "d"]);
		expect(again.output("b")).toMatchObject({ input: "edited" });
		expect((await stored(world.journal, "twice"))[0]).toMatchObject({ forkedFrom: { run: "edited" } });
	});

	test("of every kind of edit: added, removed and moved nodes", async () => {
		const world = await play(plots["a diamond"] as Plot);
		const { swarm, run } = world;
		const edits: readonly (readonly [string, Patch, readonly string[]])[] = [
			["add", [{ type: "addNode", node: { id: "n", agent: "work", dependsOn: ["d"] } }], ["n"]],
			[
				"edge",
				[
					{ type: "addNode", node: { id: "n", agent: "work" } },
					{ type: "addEdge", from: "n", to: "d" },
				],
				["n", "d"],
			],
			["unedge", [{ type: "removeEdge", from: "c", to: "d" }], ["d"]],
			["inject", [{ type: "injectBefore", id: "d", node: { id: "n", agent: "work" } }], ["n", "d"]],
			["split", [{ type: "splitNode", id: "b", into: [{ id: "n", agent: "work" }] }], ["n", "d"]],
			["remove", [{ type: "removeNode", id: "b" }], ["d"]],
			["prune", [{ type: "pruneSubgraph", id: "c" }], []],
		];
		for (const [runId, edit, expected] of edits) {
			const fork = await swarm.fork(run.id, { edit, runId });
			await drive(fork, world.clock);
			expect([runId, ran.get(runId) ?? []]).toEqual([runId, expected]);
		}
	});

	test("that is refused leaves nothing behind", async () => {
		const world = await play(plots["a planner"] as Plot);
		const { swarm, run, journal, clock } = world;
		const before = await journal.runs();
		const bad: readonly (readonly [object, string])[] = [
			[{ edit: [{ type: "updateNode", id: "nobody", changes: {} }] }, "UNKNOWN_NODE"],
			[{ edit: [{ type: "addEdge", from: "sum", to: "p" }] }, "CYCLE"],
			[{ edit: [{ type: "addNode", node: { id: "x", agent: "nobody" } }] }, "UNKNOWN_AGENT"],
			[{ edit: [{ type: "addNode", node: { id: "sum", agent: "work" } }] }, "DUPLICATE_NODE"],
			[{ edit: "no patch" }, "INVALID_SPEC"],
			[{ reset: ["nobody"] }, "UNKNOWN_NODE"],
			[{ reset: ["p", "p.0"] }, "UNKNOWN_NODE"],
			[{ atSeq: 0 }, "INVALID_OPTION"],
			[{ atSeq: 10_000 }, "INVALID_OPTION"],
			[{ runId: run.id }, "RUN_EXISTS"],
		];
		for (const [options, code] of bad) {
			const error = await rejection(swarm.fork(run.id, options as never));
			expect([JSON.stringify(options), error.code]).toEqual([JSON.stringify(options), code]);
		}
		expect((await rejection(swarm.fork("nobody"))).code).toBe("UNKNOWN_RUN");
		await rest();
		expect(await journal.runs()).toEqual(before);
		expect(swarm.runs()).toEqual([]);
		expect(clock.pending).toBe(0);
	});

	test("of a run that goes on leaves it alone", async () => {
		const journal = memoryJournal();
		const { swarm, clock } = virtualSwarm(agents, { journal, durability: "strict" });
		const live = swarm.start(
			{
				nodes: [
					{ id: "w", agent: "waits" },
					{ id: "a", agent: "work" },
				],
			},
			{ runId: "live" },
		);
		await rest();
		const fork = await swarm.fork("live", { runId: "of-live" });
		await rest();
		expect(ran.get("of-live")).toEqual(["w"]);
		for (const run of [live, fork]) {
			await pass(clock, 30);
			await run.signal("s", run.id);
			await rest();
			await run.approve("w");
			expect((await finish(run, clock)).outputs["w"]).toEqual([run.id, {}]);
		}
	});

	test("of a run that has just been started finds it", async () => {
		for (const durability of ["strict", "relaxed"] as const) {
			const { swarm, clock } = virtualSwarm(agents, { journal: memoryJournal(), durability });
			const run = swarm.start({ nodes: [{ id: "a", agent: "work" }] }, { runId: "first" });
			const fork = await swarm.fork("first", { runId: "second" });
			await pass(clock, 20);
			for (const each of [run, fork]) expect((await finish(each, clock)).status).toBe("completed");
		}
	});

	test("has its own metadata, time limits and deadline", async () => {
		const journal = memoryJournal();
		const timed = defineAgent({
			name: "timed",
			timeout: { total: 200 },
			retry: { maxAttempts: 100, delay: 60, factor: 1 },
			run: async () => {
				throw new Error("no");
			},
		});
		const { swarm, clock } = virtualSwarm([timed, echo], { journal, durability: "strict" });
		const metadata = { who: "ann" };
		const run = swarm.start({ nodes: [{ id: "a", agent: "timed" }] }, { runId: "old", metadata, deadline: 150 });
		expect(await finish(run, clock)).toMatchObject({ status: "timed_out" });
		const start = clock.now();
		const fork = await swarm.fork("old", { runId: "new", metadata: { who: "bob" } });
		const outcome = await finish(fork, clock);
		expect(outcome).toMatchObject({ status: "failed", failures: [{ code: "TIMEOUT" }] });
		expect(clock.now() - start).toBe(200);
		expect((await stored(journal, "new"))[0]).toMatchObject({ metadata: { who: "bob" } });
		const other = await swarm.fork("old", { runId: "third", deadline: 100 });
		expect(await finish(other, clock)).toMatchObject({ status: "timed_out" });
		expect((await stored(journal, "third"))[0]).toMatchObject({ metadata });
	});
});
