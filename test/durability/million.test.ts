import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSwarm, defineAgent, type RunEvent, sqliteJournal } from "dagswarm";
import { afterAll, expect, test } from "vitest";
import { RecordEncoder } from "../../src/journal/codec.js";

const folder = mkdtempSync(join(tmpdir(), "dagswarm-million-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NODES = 333_333;

/** A run whose process died when its last node was running: each node is added, started and completed. */
function* history(): Generator<RunEvent> {
	let seq = 0;
	const at = 1_000;
	yield { seq: ++seq, at, type: "run.created", run: "long", epoch: 1, open: false };
	for (let n = 0; n <= NODES; n++) {
		const dependsOn = n === 0 ? undefined : [`n${Math.max(0, n - 8)}`];
		const spec = { id: `n${n}`, agent: "count", ...(dependsOn && { dependsOn }) };
		yield { seq: ++seq, at, type: "node.added", node: spec.id, spec };
	}
	yield { seq: ++seq, at, type: "run.started" };
	for (let n = 0; n <= NODES; n++) {
		yield { seq: ++seq, at, type: "node.started", node: `n${n}`, attempt: 1, epoch: 1 };
		if (n < NODES) yield { seq: ++seq, at, type: "node.completed", node: `n${n}`, attempt: 1, output: n };
	}
}

test("a run of a million events goes on from its journal", async () => {
	const journal = sqliteJournal(join(folder, "runs.db"));
	const encoder = new RecordEncoder("long");
	for (const event of history()) encoder.add(event);
	const { records, blobs } = encoder.take();
	const writer = { id: "one that is gone", pid: 1, host: "elsewhere" };
	const entry = { run: "long", epoch: 1, create: { writer, at: 0 }, records, blobs };
	expect(journal.append([{ ...entry, status: "running", ended: false, checkpoints: [], memos: [] }])).toEqual([]);
	let calls = 0;
	const count = defineAgent({
		name: "count",
		run: async (_: undefined, ctx) => {
			calls++;
			return Object.values(ctx.deps)[0];
		},
	});
	const swarm = createSwarm({ agents: [count], journal });
	const run = await swarm.recover("long");
	const { status, stats } = await run.result();
	expect({ status, calls, nodes: stats.nodes, completed: stats.completed }).toEqual({
		status: "completed",
		calls: 1,
		nodes: NODES + 1,
		completed: NODES + 1,
	});
	expect(stats.events).toBeGreaterThan(1_000_000);
	expect(run.output(`n${NODES}`)).toBe(NODES - 8);
	await journal.close();
});
