import { writeFileSync } from "node:fs";
import { type AnyAgent, answerRequests, createSwarm, defineAgent, type NodeSpec, readRun, type Swarm } from "dagswarm";
import { describe, expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../../src/triggers/sqlite-store.js";
import { journalFiles } from "../journal/journal-file.js";
import { rest } from "../rest.js";
import { dagswarm } from "./fake-world.js";

const files = journalFiles();

const review = defineAgent({
	name: "review",
	run: async (_: unknown, ctx) => ctx.requestApproval({ reason: "publish?", choices: ["yes", "no"] }),
});
const listen = defineAgent({ name: "listen", run: async (_: unknown, ctx) => ctx.waitForSignal("go") });
const caller = defineAgent({ name: "caller", run: async (_: unknown, ctx) => ctx.call("review") });

/** What a user writes, where nothing is imported: its agents say that they have run. */
const MODULE = `
globalThis.started ??= [];
const agent = (name) => ({ name, run: async () => void globalThis.started.push(name) });
export const agents = ["review", "listen", "caller"].map(agent);
`;

/** A store with a run that waits; it is let go of when nobody is to have it. */
async function waiting(nodes: readonly NodeSpec[], { has = true, project = true } = {}) {
	const file = files.next();
	const module = `${file}.mjs`;
	if (project) writeFileSync(module, MODULE);
	const store = sqliteStore(file);
	const swarm = createSwarm<AnyAgent>({ agents: [review, listen, caller], journal: store.journal });
	const stop = await answerRequests(store, swarm);
	const run = swarm.start({ nodes }, { runId: "r", metadata: { "dagswarm.project": module } });
	await untilWaiting(swarm, nodes.length);
	const close = async (): Promise<void> => {
		stop();
		if (has) await swarm.close();
		await store.close();
	};
	if (has) onTestFinished(close);
	else {
		await swarm.drain(0);
		await close();
	}
	return { run, tell: (...args: string[]) => dagswarm(args, { storeFile: file }), file };
}

/** Until so many nodes wait for something that does not come by itself. */
async function untilWaiting(swarm: Swarm<AnyAgent>, count: number): Promise<void> {
	while (swarm.waiting().filter(({ kind }) => kind !== "child").length < count) await rest(1);
}

/** Goes on with the run as its own program would. */
async function goOn(file: string) {
	const store = sqliteStore(file);
	const swarm = createSwarm<AnyAgent>({ agents: [review, listen, caller], journal: store.journal });
	const outcome = await (await swarm.recover("r")).result();
	const events = [];
	for await (const event of (await readRun(store.journal, "r")).events()) events.push(event);
	await store.close();
	return { outcome, events };
}

describe("a run that another process has", () => {
	test("is approved there, in the name of whoever is logged in", async () => {
		const { run, tell } = await waiting([{ id: "a", agent: "review" }]);
		const { code, out } = await tell("approve", "r", "a", "--answer", "yes");
		expect([code, out]).toEqual([0, `a of r is approved, by process ${process.pid}\n`]);
		expect((await run.result()).outputs).toMatchObject({ a: { by: "ada", data: "yes" } });
	});

	test("refuses what it would refuse anyhow, with its own code", async () => {
		const { run, tell } = await waiting([{ id: "a", agent: "review" }]);
		expect(await tell("approve", "r", "a", "--answer", "maybe")).toMatchObject({ out: "", code: 2 });
		expect(await tell("approve", "r", "b")).toMatchObject({ code: 2, error: expect.stringContaining("UNKNOWN_NODE") });
		expect(run.waiting()).toHaveLength(1);
	});

	test("is approved without naming the node where only one waits, also in a run that it has called", async () => {
		const { run, tell } = await waiting([{ id: "c", agent: "caller" }]);
		expect((await tell("show", "r")).out).toMatch(
			/\nWaits for\n {2}approval of review: publish\? in r\/c\/1\.1, since .*: dagswarm approve r\/c\/1\.1 review --answer yes\n/,
		);
		const { code, out } = await tell("approve", "r", "--data", '"yes"', "--by", "grace", "--json");
		expect(JSON.parse(out)).toMatchObject({
			run: "r/c/1.1",
			done: "approve",
			node: "review",
			by: { pid: process.pid },
		});
		expect(code).toBe(0);
		expect((await run.result()).outputs).toMatchObject({ c: { by: "grace", data: "yes" } });
	});

	test("says which there are where several wait, or none", async () => {
		const two = await waiting([
			{ id: "a", agent: "review" },
			{ id: "b", agent: "review" },
		]);
		expect(await two.tell("approve", "r")).toMatchObject({
			code: 2,
			error: expect.stringMatching(/2 nodes wait.*\n.*dagswarm approve r a, dagswarm approve r b\n/),
		});
		const none = await waiting([{ id: "l", agent: "listen" }]);
		expect(await none.tell("reject", "r")).toMatchObject({
			code: 2,
			error: expect.stringContaining("dagswarm show r"),
		});
	});

	test("is rejected, signalled, steered and cancelled", async () => {
		const { run, tell } = await waiting([
			{ id: "a", agent: "review" },
			{ id: "l", agent: "listen" },
			{ id: "m", agent: "listen" },
		]);
		expect((await tell("steer", "r", "a", "be kind")).out).toMatch(/^a of r has the message/);
		expect((await tell("reject", "r", "a", "--reason", "no time")).out).toMatch(/^a of r is rejected/);
		expect((await tell("signal", "r", "go", "--payload", '{"n":1}')).out).toMatch(/^r has the signal go/);
		for await (const { node } of run.events({ from: 1, types: ["node.completed"] })) if (node === "l") break;
		expect(run.output("l")).toEqual({ n: 1 });
		expect((await tell("cancel", "r", "--reason", "enough")).out).toMatch(/^r is cancelled, by process \d+\n$/);
		expect(await run.result()).toMatchObject({ status: "cancelled", reason: "enough" });
		expect(await tell("cancel", "r")).toMatchObject({ code: 1, error: expect.stringContaining("RUN_ENDED") });
	});
});

describe("a run that nobody has", () => {
	test("is approved here, without starting what comes after that", async () => {
		const { tell, file } = await waiting([{ id: "a", agent: "review" }], { has: false });
		expect(await tell("approve", "@last", "a", "--answer", "yes")).toEqual({
			code: 0,
			out: "a of r is approved\nnobody has the run: dagswarm resume r goes on with it\n",
			error: "",
		});
		expect((globalThis as { started?: string[] }).started).toEqual([]);
		const { outcome } = await goOn(file);
		expect(outcome).toMatchObject({ status: "completed", outputs: { a: { by: "ada", data: "yes" } } });
	});

	test("needs its module for that, which may be named", async () => {
		const { tell, file } = await waiting([{ id: "l", agent: "listen" }], { has: false, project: false });
		expect(await tell("signal", "r", "go")).toMatchObject({ code: 2, out: "" });
		const module = `${files.next()}.mjs`;
		writeFileSync(module, MODULE);
		expect(await tell("signal", "r", "go", "--payload", "2", "--file", module)).toMatchObject({ code: 0, error: "" });
		expect((await goOn(file)).outcome.outputs).toEqual({ l: 2 });
	});

	test("is cancelled without it", async () => {
		const { tell, file } = await waiting([{ id: "l", agent: "listen" }], { has: false, project: false });
		expect(await tell("cancel", "r", "--reason", "not wanted", "--json")).toMatchObject({
			code: 0,
			out: '{"run":"r","done":"cancel","reason":"not wanted"}\n',
		});
		expect((await goOn(file)).outcome).toMatchObject({ status: "cancelled", reason: "not wanted" });
	});

	test.each([
		[["approve", "r", "a", "--data", "yes"], "a text is JSON in double quotes"],
		[["approve", "r", "a", "--data", "1", "--answer", "x"], "two answers"],
		[["steer", "r", "a"], "no message"],
		[["signal", "r"], "missing required argument 'name'"],
		[["cancel", "q"], "UNKNOWN_RUN"],
	])("refuses %j", async (args, why) => {
		const { tell } = await waiting([{ id: "a", agent: "review" }], { has: false });
		expect(await tell(...args)).toMatchObject({ code: 2, out: "", error: expect.stringContaining(why) });
	});
});
