import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
	artifact,
	createSwarm,
	defineAgent,
	directoryDelivery,
	fileAudit,
	memoryJournal,
	parseDelivery,
	readAudit,
	type SwarmOptions,
	verifyAudit,
} from "dagswarm";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { folder, KEY } from "./fixture.js";

const made = defineAgent({
	name: "made",
	run: async (name: string) => ({ it: artifact({ name, content: `content of ${name}` }) }),
});
const waits = defineAgent({ name: "waits", run: (_: undefined, ctx) => ctx.waitForSignal("go") });
const fails = defineAgent({
	name: "fails",
	run: async (): Promise<void> => {
		throw new Error("it went wrong");
	},
});
const agents = [made, waits, fails];

interface Places {
	readonly directory: string;
	readonly outcomes: string;
	readonly ports: NonNullable<SwarmOptions["ports"]>;
}

function places(): Places {
	const directory = folder();
	const outcomes = folder();
	const ports = { audit: fileAudit({ directory, key: KEY }), delivery: directoryDelivery({ directory: outcomes }) };
	return { directory, outcomes, ports };
}

async function told({ directory }: Places, run: string): Promise<unknown[]> {
	const file = join(directory, `${run}.jsonl`);
	expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true, run, sealed: true });
	const found: unknown[] = [];
	for await (const { kind, fields } of readAudit(file, KEY))
		found.push(
			kind === "event" ? fields["type"] : kind === "seal" ? (fields["stats"] as { status: string }).status : kind,
		);
	return found;
}

async function delivered({ outcomes }: Places, run: string) {
	return parseDelivery(await readFile(join(outcomes, run, "outcome.json")));
}

describe("of a run", () => {
	test("that completed the audit is sealed with its result, and its outputs and artifacts are delivered", async () => {
		const place = places();
		const swarm = createSwarm({ agents, ports: place.ports });
		const nodes = ["one", "two"].map((id) => ({ id, agent: made, input: "same.txt" }));
		const run = swarm.start({ nodes }, { runId: "r" });
		await run.result();
		expect((await told(place, "r")).slice(-2)).toEqual(["run.ended", "completed"]);
		expect(await run.delivered()).toEqual({ attempts: 1, ok: true });
		const outcome = await delivered(place, "r");
		expect(outcome.artifacts.map(({ node, file }) => [node, file])).toEqual([
			["one", "artifacts/same.txt"],
			["two", "artifacts/same+2.txt"],
		]);
		expect(outcome).toMatchObject({ status: "completed", outputs: { one: { it: { $artifact: "same.txt" } } } });
	});

	test("that was cancelled the audit is closed like any other, and what it came to is delivered", async () => {
		const place = places();
		const run = createSwarm({ agents, ports: place.ports }).start(
			{ nodes: [{ id: "a", agent: waits }] },
			{ runId: "r" },
		);
		for await (const { type } of run.events()) if (type === "node.parked") break;
		await run.cancel("nobody wants it");
		await run.result();
		expect((await told(place, "r")).at(-1)).toBe("cancelled");
		await run.delivered();
		expect(await delivered(place, "r")).toMatchObject({ status: "cancelled", outputs: {}, artifacts: [] });
	});

	test("that failed the error is delivered", async () => {
		const place = places();
		const run = createSwarm({ agents, ports: place.ports }).start(
			{ nodes: [{ id: "a", agent: fails }] },
			{ runId: "r" },
		);
		await run.delivered();
		expect((await told(place, "r")).at(-1)).toBe("failed");
		expect(JSON.stringify((await delivered(place, "r")).error)).toContain("it went wrong");
	});

	test("that goes on in another process the audit goes on, and it is delivered there, once", async () => {
		const place = places();
		const journal = memoryJournal();
		const first = createSwarm({ agents, journal, ports: place.ports });
		const nodes = [{ id: "a", agent: waits }];
		const run = first.start({ nodes }, { runId: "r" });
		for await (const { type } of run.events()) if (type === "node.parked") break;
		await first.drain(0);
		expect((await told(place, "r")).at(-1)).toBe("suspended");
		expect(await run.delivered()).toBeUndefined();
		expect(await readdir(place.outcomes)).toEqual([]);
		const again = await createSwarm({ agents, journal, ports: place.ports }).recover("r");
		await again.signal("go", 5);
		await again.delivered();
		const all = await told(place, "r");
		expect(all.slice(all.indexOf("suspended"))).toEqual(expect.arrayContaining(["resumed", "run.ended", "completed"]));
		expect(await delivered(place, "r")).toMatchObject({ status: "completed", outputs: { a: 5 } });
	});

	test("whose audit was tampered with meanwhile the rest is not recorded, and the run goes on", async () => {
		const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
		onTestFinished(() => warn.mockRestore());
		const place = places();
		const ports = { audit: fileAudit({ directory: place.directory, key: KEY }) };
		const journal = memoryJournal();
		const first = createSwarm({ agents, journal, ports });
		const run = first.start({ nodes: [{ id: "a", agent: waits }] }, { runId: "r" });
		for await (const { type } of run.events()) if (type === "node.parked") break;
		await first.drain(0);
		const file = join(place.directory, "r.jsonl");
		const changed = (await readFile(file, "utf8")).replace("node.parked", "node.packed");
		await writeFile(file, changed);
		const again = await createSwarm({ agents, journal, ports }).recover("r");
		await again.signal("go", 5);
		expect((await again.result()).status).toBe("completed");
		expect(await readFile(file, "utf8")).toBe(changed);
		expect(String(warn.mock.calls)).toContain("record 6 is not as it was written");
	});
});
