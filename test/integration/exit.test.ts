import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built, run } from "./build.js";

let library: Awaited<ReturnType<typeof built>>;
beforeAll(async () => {
	library = await built();
});
afterAll(() => library.remove());

/** Runs a program in a process of its own, which has to end by itself. */
async function program(name: string, code: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
	const file = join(library.folder, `${name}.mjs`);
	writeFileSync(file, `import { createSwarm, defineAgent } from "./dist/index.js";\n${agents}\n${code}\n`);
	// The time-out only turns a hang into a failure.
	return run(process.execPath, [file], { timeout: 50_000 });
}

const agents = `
const ok = defineAgent({ name: "ok", run: async (input) => input });
const bad = defineAgent({ name: "bad", run: async () => { throw new Error("bad"); } });
const forever = defineAgent({ name: "forever", run: () => new Promise(() => {}) });
const sleeper = defineAgent({ name: "sleeper", run: async (_, ctx) => { await ctx.sleep("1h"); } });
const asks = defineAgent({ name: "asks", run: async (_, ctx) => ctx.requestApproval({ reason: "?" }) });
const swarm = createSwarm({ agents: [ok, bad, forever, sleeper, asks], grace: 20 });
const end = async (nodes, options) => console.log((await swarm.start({ nodes }, options).result()).status);
`;

const ends: readonly (readonly [string, string])[] = [
	["completed", `await end([{ id: "a", agent: "ok" }], { deadline: "1h" });`],
	["failed", `await end([{ id: "a", agent: "bad", retry: { maxAttempts: 2, delay: 5 } }]);`],
	["stalled", `await end([{ id: "a", agent: "ok", speculative: "hold" }]);`],
	["timed_out", `await end([{ id: "a", agent: "forever" }, { id: "b", agent: "sleeper" }], { deadline: 10 });`],
	[
		"cancelled",
		`const run = swarm.start({ nodes: [{ id: "a", agent: "forever" }, { id: "b", agent: "asks" }] });
		setTimeout(() => run.cancel(), 5);
		console.log((await run.result()).status);`,
	],
	[
		"cancelled",
		`const controller = new AbortController();
		setTimeout(() => controller.abort(), 5);
		await end([{ id: "a", agent: "sleeper" }], { signal: controller.signal });`,
	],
];

describe("a process", () => {
	test.each(ends)("whose run ends %s exits by itself with code 0", async (status, code) => {
		const { stdout, stderr } = await program(`end-${ends.findIndex((end) => end[1] === code)}`, code);
		expect(stdout.trim()).toBe(status);
		expect(stderr).toBe("");
	});

	test("exits after a time-out whose function never returns", async () => {
		const { stdout } = await program(
			"leak",
			`const { stats, failures } = await swarm.start({ nodes: [{ id: "a", agent: "forever", timeout: 5, retry: 2 }] }).result();
			console.log(failures[0].code, stats.leaked);`,
		);
		expect(stdout.trim()).toBe("TIMEOUT 2");
	});

	test("stays for a run that only sleeps, although nobody waits for its result (B18)", async () => {
		const { stdout } = await program(
			"stay",
			`const nap = defineAgent({ name: "nap", run: async (_, ctx) => { await ctx.sleep(30); console.log("woke"); } });
			createSwarm({ agents: [nap] }).start({ nodes: [{ id: "a", agent: "nap" }] });`,
		);
		expect(stdout.trim()).toBe("woke");
	});

	test("is let go by swarm.close and by await using", async () => {
		const { stdout } = await program(
			"close",
			`const parked = swarm.start({ nodes: [{ id: "a", agent: "asks" }, { id: "b", agent: "forever" }] });
			setTimeout(() => swarm.close(), 5);
			console.log((await parked.result()).status);
			{
				await using scoped = createSwarm({ agents: [sleeper, asks], grace: 20 });
				scoped.start({ nodes: [{ id: "a", agent: "sleeper" }], }, { open: true });
			}
			console.log("done");`,
		);
		expect(stdout.trim().split("\n")).toEqual(["cancelled", "done"]);
	});

	test("with a swarm that was never used, or whose runs are all over, exits", async () => {
		const { stdout } = await program("idle", `await swarm.run({ nodes: [] }); console.log("idle");`);
		expect(stdout.trim()).toBe("idle");
	});

	test("survives agents that ignore their rejections: no unhandled rejection comes from the library", async () => {
		const { stdout, stderr } = await program(
			"ignore",
			`const careless = defineAgent({ name: "careless", run: (_, ctx) => { void ctx.sleep("1h"); void ctx.waitForSignal("x"); return new Promise(() => {}); } });
			const run = createSwarm({ agents: [careless], grace: 10 }).start({ nodes: [{ id: "a", agent: "careless" }] });
			setTimeout(() => run.cancel(), 5);
			console.log((await run.result()).status);
			const failing = swarm.start({ nodes: [{ id: "a", agent: "bad" }] });
			await failing.result();`,
		);
		expect(stderr).toBe("");
		expect(stdout.trim()).toBe("cancelled");
	});

	test("is warned of a listener that throws, and goes on", async () => {
		const { stdout, stderr } = await program(
			"listener",
			`const run = swarm.start({ nodes: [{ id: "a", agent: "ok" }] });
			run.view().subscribe(() => { throw new Error("listener"); });
			console.log((await run.result()).status);`,
		);
		expect(stdout.trim()).toBe("completed");
		expect(stderr).toContain("SwarmListenerError");
	});
});
