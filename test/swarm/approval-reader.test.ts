import { createSwarm, defineAgent, memoryJournal, type RunHandle, VirtualClock, type WaitingApproval } from "dagswarm";
import { describe, expect, test } from "vitest";
import { heldJournal, watchedJournal } from "../durability/fixture.js";
import { echo, pass, rejection, rest, virtualSwarm } from "./fixture.js";

const asker = defineAgent({ name: "asker", run: (to: string, ctx) => ctx.ask("may I?", { to }) });
const agents = [asker, echo];

function asks(...ids: readonly string[]) {
	return ids.map((id) => ({ id, agent: "asker" as const, input: id.toUpperCase() }));
}

/** Collects the questions that are read. */
function collect(run: RunHandle, options?: { readonly to?: string }) {
	const found: WaitingApproval[] = [];
	const done = (async () => {
		for await (const question of run.approvals(options)) found.push(question);
	})();
	return { found, done, nodes: () => found.map(({ node }) => node) };
}

describe("questions that are read", () => {
	test("are those that wait, the oldest first, and those that come, until the run has ended", async () => {
		const { swarm, clock } = virtualSwarm(agents);
		const run = swarm.start({ nodes: asks("b", "a") });
		const early = collect(run);
		await pass(clock, 10);
		const late = collect(run);
		await run.mutate([{ type: "addNode", node: { id: "c", agent: "asker", input: "C" } }]);
		await rest();
		expect(early.nodes()).toEqual(["b", "a", "c"]);
		expect(late.nodes()).toEqual(["b", "a", "c"]);
		expect(late.found).toEqual(run.waiting());
		for (const node of late.nodes()) await run.answer(node, "yes");
		await Promise.all([early.done, late.done]);
		expect(early.nodes()).toEqual(["b", "a", "c"]);
		expect(collect(run).nodes()).toEqual([]);
		await collect(run).done;
	});

	test("are those for one person only, and nothing else that waits", async () => {
		const napper = defineAgent({ name: "napper", run: (_: unknown, ctx) => ctx.sleep(1_000) });
		const { swarm } = virtualSwarm([asker, napper]);
		const run = swarm.start({ nodes: [...asks("a", "b"), { id: "n", agent: "napper" }] });
		const forB = collect(run, { to: "B" });
		await rest();
		const forBoth = collect(run);
		await rest();
		expect(forB.nodes()).toEqual(["b"]);
		expect(forBoth.nodes()).toEqual(["a", "b"]);
		await run.cancel();
		await Promise.all([forB.done, forBoth.done]);
	});

	test("that are answered before their turn do not come", async () => {
		const { swarm } = virtualSwarm(agents);
		const run = swarm.start({ nodes: asks("a", "b", "c") });
		await rest();
		const reader = run.approvals();
		expect((await reader.next()).value).toMatchObject({ node: "a" });
		await run.answer("b", "by somebody else");
		await rest();
		expect((await reader.next()).value).toMatchObject({ node: "c" });
		await run.answer("a", "yes");
		await run.answer("c", "yes");
		expect(await reader.next()).toEqual({ done: true, value: undefined });
	});

	test("are told apart where one node asks twice in the same millisecond", async () => {
		const twice = defineAgent({
			name: "twice",
			run: async (_: unknown, ctx) => [await ctx.ask("one?"), await ctx.ask("two?")],
		});
		const { swarm, clock } = virtualSwarm([twice]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "twice" }] });
		await rest();
		const seen: [string, number][] = [];
		for await (const { node, reason, since } of run.approvals()) {
			seen.push([reason, since]);
			await run.answer(node, `to ${reason}`);
		}
		expect(seen).toEqual([
			["one?", clock.now()],
			["two?", clock.now()],
		]);
		expect((await run.result()).outputs["a"]).toEqual(["to one?", "to two?"]);
	});

	test("come each once to a reader that is too slow for the log, which then goes on with what waits", async () => {
		const { swarm } = virtualSwarm(agents, { eventBuffer: 4 });
		const run = swarm.start({ nodes: asks("a", "b") });
		await rest();
		const reader = run.approvals();
		const seen = [(await reader.next()).value, (await reader.next()).value];
		const nodes = ["c", "d", "e", "f"].map((id) => ({ id, agent: "asker", input: id }));
		await run.mutate([{ type: "addNodes", nodes }]);
		await rest();
		await run.answer("d", "yes");
		await rest();
		for (let i = 0; i < 3; i++) seen.push((await reader.next()).value);
		expect(seen.map((each) => each?.node)).toEqual(["a", "b", "c", "e", "f"]);
		await run.cancel();
		expect(await reader.next()).toMatchObject({ done: true });
	});

	test("are told once the journal keeps them", async () => {
		const held = heldJournal();
		const { swarm } = virtualSwarm(agents, { journal: held.journal, durability: "strict" });
		const run = swarm.start({ nodes: asks("a") });
		const pass = async () => {
			for (const { pass } of held.calls.splice(0)) pass();
			await rest();
		};
		while (run.waiting().length === 0) await pass();
		const { found, done, nodes } = collect(run);
		const early = collect(run, { to: "A" });
		await rest();
		expect([...found, ...early.found]).toEqual([]);
		await pass();
		expect([...nodes(), ...early.nodes()]).toEqual(["a", "a"]);
		held.letPass();
		await run.answer("a", "yes");
		await Promise.all([done, early.done]);
		expect(found.length).toBe(1);
	});

	test("end with why the run was stopped where its journal fails, and are none of a run that is only planned", async () => {
		const watched = watchedJournal();
		const { swarm } = virtualSwarm(agents, { journal: watched.journal, durability: "strict" });
		const run = swarm.start({ nodes: asks("a") });
		const reader = run.approvals();
		await reader.next();
		watched.breaks = () => true;
		const failing = rejection(reader.next());
		await rejection(run.answer("a", "yes"));
		expect(await failing).toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
		expect(await rejection(run.approvals().next())).toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
		const planned = swarm.start({ nodes: asks("a") }, { dryRun: true });
		expect(await planned.approvals().next()).toMatchObject({ done: true });
	});

	test("are given up at once, also while none is there", async () => {
		const { swarm } = virtualSwarm(agents);
		const run = swarm.start({ nodes: asks("a") });
		const reader = run.approvals();
		await reader.next();
		const waiting = reader.next();
		await rest();
		expect(await reader.return(undefined)).toEqual({ done: true, value: undefined });
		expect(await waiting).toEqual({ done: true, value: undefined });
		await run.cancel();
	});

	test("come again with a problem, and to who reads after a recovery; end when the process lets go", async () => {
		const clock = new VirtualClock(1_000);
		const journal = memoryJournal();
		const first = createSwarm({ agents, journal, clock });
		const begun = first.start({ nodes: asks("a") }, { runId: "r" });
		const early = collect(begun);
		await rest();
		await first.drain();
		await early.done;
		expect(early.nodes()).toEqual(["a"]);

		const second = createSwarm({ agents, journal, clock });
		const run = await second.recover("r");
		const seen: (string | undefined)[] = [];
		for await (const { node, problem } of run.approvals()) {
			seen.push(problem);
			// No function is there to look at the first answer.
			if (problem === undefined) await run.approve(node, { data: 7 });
			else await run.answer(node, "yes");
		}
		expect(seen).toEqual([undefined, expect.stringContaining("expected a text")]);
		expect((await run.result()).outputs["a"]).toBe("yes");
	});
});

describe("a run by its id", () => {
	test("is there while it goes on in this swarm", async () => {
		const journal = memoryJournal();
		const { swarm } = virtualSwarm(agents, { journal });
		const run = swarm.start({ nodes: asks("a") }, { runId: "r" });
		await rest();
		expect(swarm.get("r")).toBe(run);
		expect(swarm.get("other")).toBeUndefined();
		expect(await rejection(swarm.recover("r"))).toMatchObject({ code: "RUN_BUSY", hint: "swarm.get(id) has it" });
		expect(() => swarm.start({ nodes: asks("a") }, { runId: "r" })).toThrow(/RUN_EXISTS|swarm\.get\(id\) has it/);
		await run.answer("a", "yes");
		await run.result();
		await rest();
		expect(swarm.get("r")).toBeUndefined();
		expect(() => swarm.start({ nodes: asks("a") }, { runId: "r" })).toThrow(
			expect.objectContaining({ code: "RUN_EXISTS", hint: expect.stringContaining("swarm.recover(id)") }),
		);
		expect((await (await swarm.recover("r")).result()).outputs["a"]).toBe("yes");
	});
});
