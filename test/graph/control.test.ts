import { GraphActor, type Lease, type NodeSpec, type RunEvent } from "dagswarm";
import { foldProblem, judgeTrace } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { apply } from "../../src/graph/apply.js";
import { ImageSource } from "../../src/graph/image.js";
import { restoreState } from "../../src/graph/image-restore.js";
import { RunState } from "../../src/graph/state.js";

function actorOf(nodes: readonly NodeSpec[], open = false) {
	const events: RunEvent[] = [];
	const { actor, handle } = GraphActor.create({
		nodes,
		open,
		check: "full",
		journal: { append: (batch) => void events.push(...batch) },
	});
	const claim = async (id: string): Promise<Lease> => {
		const claimed = await handle.claim(id);
		if (!claimed.ok) throw new Error(claimed.message);
		return claimed.lease;
	};
	const check = (): void => {
		expect(judgeTrace(events)).toEqual([]);
		const folded = new RunState();
		for (const event of events) apply(folded, event);
		expect(folded.status).toBe(actor.state.status);
		expect(folded.usage).toEqual(actor.state.usage);
	};
	return { actor, handle, events, claim, check };
}

const pair: NodeSpec[] = [
	{ id: "a", agent: "x" },
	{ id: "b", agent: "x", dependsOn: ["a"] },
	{ id: "c", agent: "x" },
	{ id: "last", agent: "x", dependsOn: ["a", "b", "c"], join: "always" },
];

describe("charge", () => {
	test("adds up for the node and for the run, by measure", async () => {
		const { handle, actor, claim, check } = actorOf(pair, true);
		const lease = await claim("a");
		expect(await handle.charge(lease, { inputTokens: 10, cost: 0.5 })).toEqual({ ok: true });
		await handle.charge(lease, { inputTokens: 5, pages: 2 });
		expect({ ...actor.state.usage }).toEqual({ inputTokens: 15, cost: 0.5, pages: 2 });
		expect({ ...actor.state.graph.extras.get(0)?.usage }).toEqual({ inputTokens: 15, cost: 0.5, pages: 2 });
		check();
	});

	test("counts after the attempt is over, as the money is gone", async () => {
		const { handle, actor, claim, check } = actorOf(pair, true);
		const lease = await claim("a");
		await handle.complete(lease, 1);
		expect((await handle.charge(lease, { cost: 1 })).ok).toBe(true);
		expect({ ...actor.state.usage }).toEqual({ cost: 1 });
		check();
	});

	test.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY], ["3"]])("refuses %s", async (cost) => {
		const { handle, claim, actor } = actorOf(pair, true);
		const lease = await claim("a");
		const reply = await handle.charge(lease, { cost: cost as number });
		expect(reply).toMatchObject({ ok: false, code: "INVALID_INPUT", nodes: ["a"] });
		expect(actor.state.usage).toBeUndefined();
	});

	test("is in a snapshot, with messages that were left", async () => {
		const { handle, actor, claim } = actorOf(pair, true);
		const lease = await claim("a");
		await handle.charge(lease, { cost: 1 });
		await handle.steer("a", { look: "here" });
		const taken = new ImageSource(actor.state).take();
		if (taken === undefined) throw new Error("no image");
		const restored = restoreState([structuredClone(taken.image)]);
		expect({ ...restored.usage }).toEqual({ cost: 1 });
		expect(restored.graph.extras.get(0)?.inbox).toEqual([{ look: "here" }]);
		expect(foldProblem).toBeTypeOf("function");
	});
});

describe("exhaust", () => {
	test("lets what runs end, starts nothing more but `always` nodes, and ends the run budget_exceeded", async () => {
		const { handle, actor, claim, check } = actorOf(pair);
		const lease = await claim("a");
		await handle.exhaust("cost is used up");
		expect(actor.state.status).toBe("stopping");
		expect(handle.ready()).toEqual([]);
		await handle.complete(lease, 1);
		expect(handle.ready()).toEqual(["last"]);
		await handle.complete(await claim("last"), "cleaned up");
		expect(actor.state.status).toBe("budget_exceeded");
		expect(actor.state.reason).toBe("cost is used up");
		check();
	});

	test("aborts what runs where it is told to", async () => {
		const { handle, actor, claim, check } = actorOf([{ id: "a", agent: "x" }]);
		const lease = await claim("a");
		await handle.exhaust("over", { abort: true });
		expect(actor.state.status).toBe("budget_exceeded");
		expect(await handle.complete(lease, 1)).toMatchObject({ ok: false, code: "STALE_LEASE" });
		check();
	});

	test("a node that fails after it is not tried again, and one that waits goes on", async () => {
		const { handle, actor, claim, check } = actorOf([
			{ id: "a", agent: "x", retry: 5 },
			{ id: "b", agent: "x" },
		]);
		const a = await claim("a");
		const b = await claim("b");
		await handle.exhaust("over");
		await handle.fail(a, new Error("no"));
		await handle.park(b, { kind: "signal", name: "go" });
		await handle.signal("go");
		const again = await claim("b");
		expect(again.attempt).toBe(1);
		await handle.complete(again, 1);
		expect(actor.state.status).toBe("budget_exceeded");
		check();
	});
});

describe("kill", () => {
	test("fails a started node for good, whatever its retries", async () => {
		const { handle, claim, check } = actorOf([{ id: "a", agent: "x", retry: 5 }], true);
		const lease = await claim("a");
		expect(await handle.kill("a", "runs away")).toEqual({ ok: true });
		expect(handle.snapshot().get("a")).toMatchObject({ state: "failed", error: { code: "KILLED" } });
		expect(await handle.complete(lease, 1)).toMatchObject({ code: "STALE_LEASE" });
		expect(await handle.kill("a", "again")).toMatchObject({ ok: false, code: "ILLEGAL_STATE" });
		check();
	});

	test("is refused for a node that has not started", async () => {
		const { handle } = actorOf(pair, true);
		expect(await handle.kill("b", "no")).toMatchObject({ ok: false, code: "ILLEGAL_STATE" });
		expect(await handle.kill("zz", "no")).toMatchObject({ ok: false, code: "UNKNOWN_NODE" });
	});
});

describe("steer", () => {
	test("is refused beyond a hundred messages, for what is not plain data, and for a node that has ended", async () => {
		const { handle, claim, check } = actorOf([{ id: "a", agent: "x" }], true);
		const lease = await claim("a");
		for (let i = 0; i < 100; i++) expect((await handle.steer("a", i)).ok).toBe(true);
		expect(await handle.steer("a", 100)).toMatchObject({ ok: false, code: "LIMIT_EXCEEDED" });
		expect(await handle.steer("a", () => 1)).toMatchObject({ ok: false, code: "INVALID_INPUT" });
		await handle.complete(lease, 1);
		expect(await handle.steer("a", "late")).toMatchObject({ ok: false, code: "ILLEGAL_STATE" });
		check();
	});
});

describe("a failing port", () => {
	test("is recorded, and ends the run only where it is told to", async () => {
		const { actor, events, check, claim } = actorOf(pair);
		await claim("a");
		actor.post({ type: "portFailed", port: "audit", message: "disk full", fail: false });
		expect(actor.state.ended).toBe(false);
		actor.post({ type: "portFailed", port: "budget", message: "budget: gone", fail: true });
		expect(actor.state.status).toBe("failed");
		expect(actor.state.reason).toBe("PORT_FAILED: budget: gone");
		expect(events.filter(({ type }) => type === "run.portFailed")).toHaveLength(2);
		check();
	});
});

describe("a called run", () => {
	test("wakes the node that waits for it, and no other", async () => {
		const { actor, handle, claim, check } = actorOf(pair, true);
		const lease = await claim("a");
		await handle.park(lease, { kind: "child", run: "r/a/1", name: "search" });
		expect(actor.state.status).toBe("running");
		expect(handle.explain("a")?.why).toContain("search");
		const answers: unknown[] = [];
		const wake = { kind: "child", status: "completed", output: 7 } as const;
		actor.post({ type: "child", node: "a", run: "other", wake }, (answer) => answers.push(answer));
		actor.post({ type: "child", node: "a", run: "r/a/1", wake }, (answer) => answers.push(answer));
		expect(answers).toMatchObject([{ code: "ILLEGAL_STATE" }, {}]);
		const again = await handle.claim("a");
		expect(again).toMatchObject({ ok: true, lease: { attempt: 1 } });
		check();
	});
});
