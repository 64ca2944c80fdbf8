import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Build, built } from "./build.js";

let library: Build;
let folder: string;

beforeAll(async () => {
	library = await built();
	folder = mkdtempSync(join(tmpdir(), "command-line-"));
	mkdirSync(join(folder, "node_modules"));
	symlinkSync(library.folder, join(folder, "node_modules", "dagswarm"), "dir");
});
afterAll(() => {
	library.remove();
	rmSync(folder, { recursive: true, force: true });
});

/** A command in a process of its own, with what it has printed. */
interface Told {
	readonly child: ChildProcess;
	/** Resolves when stderr has a line that matches. */
	said(line: RegExp): Promise<void>;
	ended(): Promise<{ readonly code: number | null; readonly out: string; readonly error: string }>;
}

function start(args: readonly string[], cwd = folder): Told {
	const main = join(library.folder, "dist", "cli", "main.js");
	const child = spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
	let [out, error] = ["", ""];
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		out += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		error += text;
	});
	const closed = once(child, "close");
	return {
		child,
		async said(line) {
			while (!line.test(error)) await once(child.stderr, "data");
		},
		async ended() {
			const [code] = await closed;
			return { code, out, error };
		},
	};
}

// What Node's own stripping does not take: an enum, an import without its extension.
const PROJECT = `
import { defineAgent } from "dagswarm";
import { slow } from "./slow";
enum Node { First = "first", Second = "second" }
export { slow };
export const add = defineAgent({ name: "add", run: async (_: undefined, ctx) => Number(ctx.deps[Node.First]) + 1 });
export const graph = { nodes: [
	{ id: Node.First, agent: "slow" },
	{ id: Node.Second, agent: "add", dependsOn: [Node.First] },
] };
`;
const SLOW = `
import { defineAgent } from "dagswarm";
/** Its first attempt takes until it is stopped. */
export const slow = defineAgent({ name: "slow", run: (_: undefined, ctx) => ctx.attempt > 1 ? 41 :
	new Promise<number>((_resolve, reject) => { ctx.signal.addEventListener("abort", () => reject(new Error("stopped"))); }) });
`;

test("a run is interrupted, killed, and goes on: TypeScript that Node does not take included", async () => {
	writeFileSync(join(folder, "project.ts"), PROJECT);
	writeFileSync(join(folder, "slow.ts"), SLOW);
	const interrupted = start(["run", "project.ts", "--id", "r", "--grace", "0s"]);
	await interrupted.said(/● r has started/);
	interrupted.child.kill("SIGINT");
	expect(await interrupted.ended()).toEqual({
		code: 130,
		out: "‖ r has not ended: dagswarm resume r goes on with it\n",
		error: expect.stringContaining("Letting go of it: `dagswarm resume r` goes on."),
	});

	const killed = start(["run", "project.ts", "--id", "k"]);
	await killed.said(/● k has started/);
	killed.child.kill("SIGKILL");
	expect((await killed.ended()).code).toBe(null);

	for (const run of ["r", "k"]) {
		const { code, out } = await start(["resume", run, "--json"]).ended();
		expect(JSON.parse(out.trim().split("\n").at(-1) ?? "")).toMatchObject({
			status: "completed",
			outputs: { second: 42 },
		});
		expect(code).toBe(0);
	}
}, 60_000);

test("what init writes runs, waits, and passes its own test", async () => {
	expect((await start(["init", "mine"]).ended()).code).toBe(0);
	const mine = join(folder, "mine");
	const { code, out, error } = await start(["run", "project.ts", "--id", "r"], mine).ended();
	expect([code, error.split("\n")[0]]).toEqual([7, "● r has started"]);
	expect(out).toContain("dagswarm approve r publish");
	const child = spawn(process.execPath, ["--test"], { cwd: mine, stdio: "ignore", env: withoutRunner() });
	expect(await once(child, "close")).toEqual([0, null]);
}, 60_000);

/** Node's own runner thinks that it runs within another one, and says nothing of how it went. */
function withoutRunner(): NodeJS.ProcessEnv {
	const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
	return env;
}

test("what is thrown by mistake leaves no stack, and an unknown command is answered with the one that was meant", async () => {
	writeFileSync(join(folder, "broken.ts"), "export const graph = ;\n");
	const broken = await start(["run", "broken.ts"]).ended();
	expect([broken.code, broken.out]).toEqual([2, ""]);
	expect(broken.error).toMatch(/^INVALID_SPEC: .*broken\.ts:1:\d+ cannot be loaded: /);
	expect(broken.error).not.toMatch(/\n\s+at /);
	expect((await start(["wach"]).ended()).error).toContain("Did you mean watch?");
}, 60_000);
