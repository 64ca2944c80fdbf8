import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/core/clock.js";
import { SwarmError } from "../../src/core/errors.js";
import type { Answer } from "../../src/graph/actor.js";
import { GraphActor } from "../../src/graph/actor.js";
import type { Command } from "../../src/graph/command.js";
import { RUNNING } from "../../src/graph/node-table.js";
import type { NodeSpec, RunEvent } from "../../src/graph/types.js";
import { Driver, node, notingHost } from "./driver.js";

function adding(id: string): Command {
	return { type: "mutate", patch: { mutations: [{ type: "addNode", node: node(id) }] } };
}

/** A journal that takes what comes until it is told not to. */
class Journal {
	readonly events: RunEvent[] = [];
	broken = false;

	append(events: readonly RunEvent[]): void {
		if (this.broken) throw new Error("disk full");
		this.events.push(...events);
	}
}

describe("events", () => {
	test("of a command: its own fact, its patch, consequences breadth-first, the run", async () => {
		const driver = new Driver(
			[
				node("a"),
				node("b1", ["a"], { join: "failed" }),
				node("b2", ["a"], { join: "failed" }),
				node("c1", ["b1"]),
				node("c2", ["b2", "b1"]),
				node("d", ["c1"]),
				node("e", ["a"]),
			],
			{ open: false },
		);
		const lease = await driver.claim("a");
		const from = driver.actor.state.seq + 1;
		await driver.handle.complete(lease, 1, [
			{ type: "pruneSubgraph", id: "e" },
			{ type: "addNode", node: node("x", ["d"]) },
		]);
		expect(driver.told(from)).toEqual([
			"node.completed a",
			"node.added x",
			"node.abandoned e",
			"node.skipped b1",
			"node.skipped b2",
			"node.skipped c1",
			"node.skipped c2",
			"node.skipped d",
			"node.skipped x",
			"run.ended",
		]);
	});

	test("carry seq without gaps and the clock's time, and reach the journal in batches", async () => {
		const batches: (readonly RunEvent[])[] = [];
		const driver = new Driver([node("a"), node("b", ["a"])], {
			journal: { append: (events) => void batches.push(events) },
		});
		driver.clock.advance(7);
		await driver.complete("a");
		expect(batches.flat().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
		expect(batches.map((batch) => batch.length)).toEqual([4, 1, 1]);
		expect(batches.flat().map(({ at }) => at)).toEqual([0, 0, 0, 0, 7, 7]);
	});

	test("reach readers opened in the same tick from the first on", async () => {
		const clock = new VirtualClock();
		const { handle } = GraphActor.create({ clock, nodes: [node("a")], open: false });
		const reader = handle.events();
		const claimed = await handle.claim("a");
		if (claimed.ok) await handle.complete(claimed.lease);
		const types: string[] = [];
		for await (const { type } of reader) types.push(type);
		expect(types).toEqual(["run.created", "node.added", "run.started", "node.started", "node.completed", "run.ended"]);
		const late: string[] = [];
		for await (const { type } of handle.events({ from: 5 })) late.push(type);
		expect(late).toEqual(["node.completed", "run.ended"]);
	});

	test("of a graph larger than the buffer all reach a reader of the same tick", async () => {
		const nodes = Array.from({ length: 300 }, (_, i) => node(`n${i}`));
		const { handle } = GraphActor.create({ clock: new VirtualClock(), nodes, eventBuffer: 16 });
		const first = handle.events({ types: ["node.added"] });
		await handle.cancel();
		let count = 0;
		const read = async () => {
			for await (const _ of first) count++;
		};
		await expect(read()).rejects.toMatchObject({ code: "LAGGED", from: 303 });
		expect(count).toBe(300);
	});
});

describe("a listener", () => {
	test("that throws is isolated and reported", async () => {
		const reported: unknown[] = [];
		const driver = new Driver([node("a")], { onListenerError: (error) => reported.push(error) });
		const heard: number[] = [];
		driver.actor.subscribe(() => {
			throw new Error("listener");
		});
		const stop = driver.actor.subscribe((events) => heard.push(events.length));
		await driver.complete("a");
		expect(reported).toHaveLength(2);
		expect(heard).toEqual([1, 1]);
		stop();
		await driver.mutate({ type: "addNode", node: node("b") });
		expect(heard).toEqual([1, 1]);
	});

	test("whose commands are queued, never nested, sees each batch whole", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		const order: string[] = [];
		let sent: Promise<unknown> | undefined;
		driver.actor.subscribe((events) => {
			order.push(`heard ${events.map((event) => event.type).join()}`);
			if (sent !== undefined) return;
			sent = driver.handle
				.mutate([{ type: "addNode", node: node("x") }])
				.then((reply) => order.push(`reply ${reply.ok}`));
			order.push(`sent, x is ${driver.handle.snapshot().get("x")?.state}`);
		});
		await driver.complete("a");
		await sent;
		expect(order).toEqual([
			"heard node.started",
			"sent, x is undefined",
			"heard node.added",
			"reply true",
			"heard node.completed",
		]);
	});

	test("finds the batch committed: in the journal, in the snapshot", async () => {
		const journal = new Journal();
		const driver = new Driver([node("a")], { journal });
		const seen: unknown[] = [];
		driver.actor.subscribe((events) => {
			const last = events.at(-1);
			seen.push([journal.events.at(-1) === last || journal.events.at(-1)?.seq === last?.seq, driver.state("a")]);
		});
		await driver.complete("a");
		expect(seen).toEqual([
			[true, "running"],
			[true, "completed"],
		]);
	});
});

describe("a full mailbox", () => {
	test("refuses commands from outside with OVERLOADED, and takes outcomes, timers and cancel", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", [], { timeout: 1 })], { mailboxSize: 2 });
		const b = await driver.claim("b");
		await driver.claim("c");
		const answers: string[] = [];
		const note = (name: string) => (answer: Answer) =>
			void answers.push(`${name} ${"code" in answer ? answer.code : "ok"}`);
		let once = true;
		driver.actor.subscribe(() => {
			if (!once) return;
			once = false;
			for (const id of ["p", "q", "r", "s"]) {
				const refusal = driver.actor.send(adding(id), note(id));
				if (refusal !== undefined) answers.push(`${id} ${refusal.code}`);
			}
			driver.actor.post({ type: "complete", lease: b, output: 1 }, note("outcome"));
			driver.clock.advance(1);
			driver.actor.post({ type: "cancel", status: "cancelled", reason: "x" }, note("cancel"));
		});
		await driver.claim("a");
		expect(answers).toEqual(["r OVERLOADED", "s OVERLOADED", "p ok", "q ok", "outcome ok", "cancel ok"]);
		expect(driver.states()).toEqual({
			a: "cancelled",
			b: "completed",
			c: "failed",
			p: "cancelled",
			q: "cancelled",
		});
	});
});

describe("a journal that fails", () => {
	test("discards the run with JOURNAL_UNAVAILABLE and refuses everything from then on", async () => {
		const journal = new Journal();
		const notes: string[] = [];
		const poisoned: SwarmError[] = [];
		const host = { ...notingHost(notes), poisoned: (_: GraphActor, error: SwarmError) => void poisoned.push(error) };
		const driver = new Driver([node("a", [], { timeout: 50 }), node("b", ["a"])], { journal, host });
		const heard: string[] = [];
		driver.actor.subscribe((events) => heard.push(...events.map(({ type }) => type)));
		const lease = await driver.claim("a");
		const reader = driver.handle.events({ from: 1 });
		journal.broken = true;
		const reply = await driver.handle.complete(lease, 1);
		expect(reply).toMatchObject({ ok: false, code: "POISONED" });
		expect(poisoned).toMatchObject([{ code: "JOURNAL_UNAVAILABLE", cause: { message: "disk full" } }]);
		// What was not accepted was not published, and no effect left.
		expect(heard).toEqual(["node.started"]);
		expect(notes).toEqual(["start a"]);
		expect(driver.clock.pending).toBe(0);
		journal.broken = false;
		for (const ask of [() => driver.handle.claim("b"), () => driver.handle.mutate([]), () => driver.handle.cancel()]) {
			await expect(ask()).rejects.toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
		}
		driver.actor.post({ type: "complete", lease, output: 2 });
		expect(journal.events).toHaveLength(5);
		const types: string[] = [];
		const read = async () => {
			for await (const { type } of reader) types.push(type);
		};
		await expect(read()).rejects.toMatchObject({ code: "JOURNAL_UNAVAILABLE" });
		expect(types.at(-1)).toBe("node.started");
	});

	// The state was changed before the journal was asked, and a snapshot taken later shows it as it is.
	test("shows nothing of what it did not take", async () => {
		const journal = new Journal();
		const driver = new Driver([node("a")], { journal, host: notingHost([]) });
		const lease = await driver.claim("a");
		journal.broken = true;
		await driver.handle.complete(lease, 1);
		for (const look of [
			() => driver.handle.snapshot(),
			() => driver.handle.ready(),
			() => driver.handle.explain("a"),
		]) {
			expect(look).toThrow(expect.objectContaining({ code: "JOURNAL_UNAVAILABLE" }));
		}
		expect(driver.actor.committedCounts[RUNNING]).toBe(1);
	});

	test("at the start throws, and nothing was made", () => {
		const journal = new Journal();
		journal.broken = true;
		expect(() => new Driver([node("a")], { journal })).toThrow(
			expect.objectContaining({ code: "JOURNAL_UNAVAILABLE" }),
		);
	});

	test("answers what waited with POISONED", async () => {
		const journal = new Journal();
		const driver = new Driver([node("a")], { journal, host: notingHost([]) });
		const answers: (string | undefined)[] = [];
		let once = true;
		driver.actor.subscribe(() => {
			if (!once) return;
			once = false;
			for (const id of ["x", "y"])
				driver.actor.send(adding(id), (answer) => answers.push("code" in answer ? answer.code : undefined));
			journal.broken = true;
		});
		await driver.claim("a");
		expect(answers).toEqual(["POISONED", "POISONED"]);
	});
});

describe("a bug", () => {
	test("poisons the actor and throws with the story of the node", async () => {
		const driver = new Driver([node("a"), node("b", ["a"])]);
		const lease = await driver.claim("a");
		const { nodes } = driver.actor.state.graph;
		nodes.count(1, 1, 1);
		const broken = driver.handle.complete(lease);
		await expect(broken.then((reply) => Promise.reject(reply))).rejects.toMatchObject({ code: expect.any(String) });
		expect(driver.actor.poison).toMatchObject({ code: "INTERNAL" });
		expect(driver.actor.poison?.message).toContain('"b"');
		await expect(driver.handle.mutate([])).rejects.toMatchObject({ code: "INTERNAL" });
	});
});

describe("an actor", () => {
	test("counts stale outcomes that nobody waits for, and no late timers", async () => {
		const driver = new Driver([node("a", [], { timeout: 5 })]);
		const lease = await driver.claim("a");
		driver.actor.post({ type: "complete", lease, output: 1 });
		driver.actor.post({ type: "complete", lease, output: 1 });
		driver.actor.post({ type: "fail", lease, error: { code: "X", message: "late" } });
		driver.actor.post({ type: "timer", node: "a", kind: "attempt", fence: lease.seq });
		expect(driver.actor.stale).toBe(2);
	});

	test("lets no timer of an attempt that is over end the one that runs", async () => {
		const driver = new Driver([node("a", [], { timeout: 50, retry: 2 })]);
		const first = await driver.claim("a");
		await driver.handle.fail(first, new Error("once"));
		const second = await driver.claim("a");
		driver.actor.post({ type: "timer", node: "a", kind: "attempt", fence: first.seq });
		driver.actor.post({ type: "timer", node: "a", kind: "retry", fence: 1 });
		expect(driver.handle.snapshot().get("a")).toMatchObject({ state: "running", attempt: 2 });
		expect((await driver.handle.complete(second, 1)).ok).toBe(true);
	});

	test("takes a lease that was copied", async () => {
		const driver = new Driver([node("a")]);
		const { node: id, attempt, epoch, seq } = await driver.claim("a");
		expect((await driver.handle.complete({ node: id, attempt, epoch, seq }, 1)).ok).toBe(true);
	});

	test("takes no lease of another run with the same ids", async () => {
		const one = new Driver([node("a"), node("b")]);
		const other = new Driver([node("b"), node("a")]);
		const lease = await one.claim("b");
		await other.claim("a");
		await other.unchanged(() => other.handle.complete(lease), "STALE_LEASE", ["b"]);
	});

	test("freezes what comes in when check is on, and hands it over as it is when it is off", async () => {
		const input = { list: [1] };
		const checked = new Driver([node("a", [], { input })]);
		expect(Object.isFrozen((await checked.claimed("a")).input)).toBe(true);
		const loose = { list: [1] };
		const unchecked = new Driver([node("a", [], { input: loose })], { check: "off" });
		expect((await unchecked.claimed("a")).input).toBe(loose);
		expect(Object.isFrozen(loose)).toBe(false);
	});

	test("given the same commands with the same stamps gives the same events", async () => {
		const script = async (driver: Driver): Promise<void> => {
			await driver.fail("a", { message: "an error without a stack" });
			driver.clock.advance(1_000);
			await driver.complete("a", 1, [{ type: "addNodes", nodes: [{ agent: "w" }, node("x", ["b"])] }]);
			await driver.mutate({ type: "splitNode", id: "b", into: [{ agent: "w" }, { agent: "w" }] });
			await driver.handle.cancel();
		};
		const retry = { maxAttempts: 3, delay: 100, jitter: 0.9 };
		const graph: NodeSpec[] = [node("a", [], { retry }), node("b", ["a"])];
		const [one, two, other] = [new Driver(graph, { seed: 9 }), new Driver(graph, { seed: 9 }), new Driver(graph)];
		for (const driver of [one, two, other]) await script(driver);
		expect(one?.events).toEqual(two?.events);
		expect(one?.events).not.toEqual(other?.events);
	});

	test("throws no SwarmError for a claim of an unknown node: it refuses", async () => {
		const driver = new Driver([node("a")]);
		await driver.unchanged(() => driver.handle.claim("none"), "UNKNOWN_NODE", ["none"]);
		expect(driver.handle.explain("none")).toBeUndefined();
		expect(SwarmError.is(driver.actor.poison)).toBe(false);
	});
});
