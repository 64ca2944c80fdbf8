import { defineAgent, type NodeSpec } from "dagswarm";
import { describe, expect, test } from "vitest";
import { echo, finish, forever, rejection, rest } from "../swarm/fixture.js";
import { Lives, stored } from "./fixture.js";

describe("agents that are not what they were", () => {
	const v = (version: string | undefined, run = async (_: unknown, ctx: { attempt: number }) => ctx.attempt) =>
		defineAgent({ name: "work", ...(version !== undefined && { version }), run });
	const nodes: NodeSpec[] = [
		{ id: "a", agent: "work" },
		{ id: "b", agent: "work", dependsOn: ["a"] },
	];
	const begun = async (version: string | undefined) => {
		const lives = new Lives([v(version, () => new Promise<never>(() => {}))]);
		lives.next().swarm.start({ nodes }, { runId: "r" });
		await rest();
		return lives;
	};

	test.each([
		["1.2.0", "1.9.9", true],
		["1.2.0", "2.0.0", false],
		[undefined, "1.0.0", false],
		["1.0.0", undefined, false],
		[undefined, undefined, true],
	])("%s goes on with %s: %s", async (before, after, fits) => {
		const lives = await begun(before);
		if (!fits) {
			const error = await rejection(lives.recover("r", { agents: [v(after)] }));
			expect(error).toMatchObject({ code: "VERSION_MISMATCH", message: expect.stringContaining("work") });
			expect((await stored(lives.journal, "r")).at(-1)?.type).toBe("node.started");
		}
		const { run, clock } = await lives.recover("r", { agents: [v(after)], ...(!fits && { onVersionMismatch: "run" }) });
		expect((await finish(run, clock)).outputs).toEqual({ b: 1 });
	});

	test("with ask each open node waits for a person, once", async () => {
		const lives = await begun("1.0.0");
		await lives.recover("r", { agents: [v("2.0.0")], onVersionMismatch: "ask" });
		await rest();
		// Again in the next process: the version is no news by then, the question is still open.
		const { run, clock } = await lives.recover("r");
		await rest();
		const asks = { state: "waiting", wait: { kind: "approval", resume: "version" } };
		expect(run.snapshot().get("a")).toMatchObject(asks);
		await run.approve("a");
		await rest();
		expect(run.snapshot().get("a")?.state).toBe("completed");
		// Also the one that nobody was asked about before.
		expect(run.snapshot().get("b")).toMatchObject(asks);
		await run.approve("b");
		expect(await finish(run, clock)).toMatchObject({ status: "completed" });
	});

	test("who says run is not asked any more", async () => {
		const lives = await begun("1.0.0");
		await lives.recover("r", { agents: [v("2.0.0", () => new Promise<never>(() => {}))], onVersionMismatch: "ask" });
		await rest();
		const { run, clock } = await lives.recover("r", { agents: [v("2.0.0")], onVersionMismatch: "run" });
		await rest();
		await run.approve("a");
		expect(await finish(run, clock)).toMatchObject({ status: "completed" });
	});

	test("ask: a no fails the node with VERSION_MISMATCH; nodes that come later are not asked about", async () => {
		const lives = await begun("1.0.0");
		const { run, clock } = await lives.recover("r", { agents: [v("2.0.0")], onVersionMismatch: "ask" });
		await rest();
		await run.mutate([{ type: "addNode", node: { id: "new", agent: "work" } }]);
		await rest();
		expect(run.snapshot().get("new")?.state).toBe("completed");
		await run.reject("a", { by: "ann" });
		const outcome = await finish(run, clock);
		expect(outcome.failures).toMatchObject([{ id: "a", code: "VERSION_MISMATCH" }]);
	});

	test("a missing agent or limit is refused, and nothing is changed", async () => {
		const lives = new Lives([forever, echo], { limits: { gpu: 1 } });
		lives.next().swarm.start({ nodes: [{ id: "a", agent: "forever", limits: ["gpu"] }] }, { runId: "r" });
		await rest();
		const before = await lives.journal.find("r");
		const missing = await rejection(lives.recover("r", { agents: [echo] }));
		expect(missing).toMatchObject({ code: "VERSION_MISMATCH", message: expect.stringContaining('"forever"') });
		const limit = await rejection(lives.recover("r", { agents: [forever, echo], options: { limits: {} } }));
		expect(limit).toMatchObject({ code: "VERSION_MISMATCH", message: expect.stringContaining('"gpu"') });
		expect(await lives.journal.find("r")).toEqual(before);
	});
});
