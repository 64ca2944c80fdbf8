import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSwarm, defineAgent, type Journal, memoryJournal, type NodeSpec, result, sqliteJournal } from "dagswarm";
import { afterEach, describe, expect, test } from "vitest";

const folders: string[] = [];
afterEach(() => {
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const journals: Readonly<Record<string, () => Journal>> = {
	"in memory": () => memoryJournal(),
	"on SQLite": () => {
		const folder = mkdtempSync(join(tmpdir(), "dagswarm-snapshots-"));
		folders.push(folder);
		return sqliteJournal(join(folder, "runs.db"));
	},
};

const LATER = Number.MAX_SAFE_INTEGER;

/** A run of some hundred events that has come to wait for a signal, its process gone. */
async function waitingRun(journal: Journal, durability: "strict" | "relaxed") {
	const calls: string[] = [];
	const agents = [
		defineAgent({
			name: "work",
			run: async (n: number, ctx) => {
				calls.push(ctx.nodeId);
				const step = await ctx.step("half", () => n / 2);
				return { step, text: "y".repeat(n % 3 === 0 ? 6_000 : 10) };
			},
		}),
		defineAgent({
			name: "plan",
			run: async () => result("planned", { expand: true, nodes: [{ id: "planned", agent: "work", input: 7 }] }),
		}),
		defineAgent({ name: "wait", run: async (_: undefined, ctx) => ctx.waitForSignal("go") }),
	];
	const nodes: NodeSpec[] = Array.from({ length: 100 }, (_, i) => ({
		id: `n${i}`,
		agent: "work",
		input: i,
		...(i > 3 && { dependsOn: [`n${i - 3}`, `n${i - 1}`] }),
	}));
	nodes.push({ id: "plan", agent: "plan", dependsOn: ["n0"] });
	nodes.push({ id: "end", agent: "wait", dependsOn: { last: "n99", plan: "plan" } });
	const swarm = createSwarm({ agents, journal, snapshotEvery: 30, durability });
	const run = swarm.start({ nodes: nodes as never }, { runId: "r" });
	for await (const { type } of run.events()) if (type === "run.waiting") break;
	await swarm.drain(0);
	return { agents, calls, again: () => createSwarm({ agents, journal }) };
}

describe.each(Object.keys(journals))("a long run %s", (name) => {
	const open = journals[name] as () => Journal;

	test.each(["strict", "relaxed"] as const)(
		"goes on from a snapshot and the events after it: %s",
		async (durability) => {
			const journal = open();
			const { calls, again } = await waitingRun(journal, durability);
			const chain = await journal.snapshots("r", LATER);
			expect(chain.length).toBeGreaterThan(0);
			expect(calls).toHaveLength(101);
			await journal.prune({ maxTailAge: 0 }, LATER);
			const { firstSeq = 0, lastSeq = 0 } = (await journal.find("r")) ?? {};
			expect(firstSeq).toBe((chain.at(-1)?.seq ?? 0) + 1);
			const run = await again().recover("r");
			expect(run.output("n3")).toEqual({ step: 1.5, text: "y".repeat(6_000) });
			await run.signal("go", "now");
			const { status, outputs } = await run.result();
			expect({ status, outputs }).toEqual({ status: "completed", outputs: { plan: "planned", end: "now" } });
			expect(calls).toHaveLength(101);
			expect(lastSeq).toBeGreaterThan(firstSeq - 2);
		},
	);

	test("is forked from what is kept, and from nothing before it", async () => {
		const journal = open();
		const { calls, again } = await waitingRun(journal, "strict");
		await journal.prune({ maxTailAge: 0 }, LATER);
		const { firstSeq = 0 } = (await journal.find("r")) ?? {};
		calls.length = 0;
		const swarm = again();
		const fork = await swarm.fork("r", { edit: [{ type: "updateNode", id: "n98", changes: { input: 0 } }] });
		await fork.signal("go", 1);
		const { status, outputs } = await fork.result();
		expect({ status, outputs }).toEqual({ status: "completed", outputs: { plan: "planned", end: 1 } });
		expect(calls.sort()).toEqual(["n98", "n99"]);
		await expect(swarm.fork("r", { atSeq: firstSeq - 2 })).rejects.toMatchObject({
			code: "SEQ_PRUNED",
			from: firstSeq,
		});
		// What the planner did to the graph is told by events that are gone.
		await expect(swarm.fork("r", { reset: ["plan"] })).rejects.toMatchObject({ code: "SEQ_PRUNED", nodes: ["plan"] });
		await swarm.close();
	});

	test("goes on from its events where a snapshot is not as it was written, and is refused where these are gone", async () => {
		const journal = open();
		const { agents } = await waitingRun(journal, "strict");
		const damaged: Journal = Object.create(journal, {
			snapshots: {
				value: async (run: string, seq: number) =>
					(await journal.snapshots(run, seq)).map((each) => ({ ...each, body: each.body.replace("n1", "n2") })),
			},
			// Methods with private members want their own object.
			...Object.fromEntries(
				(["find", "read", "blobs", "claim", "append", "checkpoints", "release", "saveSnapshot"] as const).map(
					(method) => [method, { value: (journal[method] as (...args: never[]) => unknown).bind(journal) }],
				),
			),
		});
		const first = createSwarm({ agents, journal: damaged });
		const run = await first.recover("r");
		expect(run.output("n3")).toMatchObject({ step: 1.5 });
		await first.drain(0);
		await journal.prune({ maxTailAge: 0 }, LATER);
		const second = createSwarm({ agents, journal: damaged });
		await expect(second.recover("r")).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
	});
});
