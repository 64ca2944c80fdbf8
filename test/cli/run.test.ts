import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { World } from "../../src/cli/world.js";
import { root } from "../source.js";
import { dagswarm } from "./fake-world.js";

const squares = join(root, "test/cli/projects/squares.ts");
const questions = join(root, "test/cli/projects/questions.ts");
const endless = join(root, "test/cli/projects/endless.ts");

let folder: string;
let stores = 0;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "cli-run-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newStore(): { readonly storeFile: string; readonly cwd: string } {
	return { storeFile: join(folder, `${++stores}.db`), cwd: folder };
}

/** Lines as somebody types them: each question reads on where the one before has stopped. */
function typed(...lines: string[]): AsyncIterable<string> {
	return {
		[Symbol.asyncIterator]: () => ({
			next: async () => {
				const value = lines.shift();
				return value === undefined ? { done: true, value } : { done: false, value };
			},
		}),
	};
}

/** Presses Ctrl-C when a line is said. */
function interruptAt(line: string, stop: AbortController): Pick<World, "error"> {
	return {
		error: (text) => {
			if (text === line) stop.abort("SIGINT");
		},
	};
}

const screen = () => {
	const written: string[] = [];
	return { isTTY: true, columns: 60, rows: 20, write: (text: string) => void written.push(text), written };
};

function documents(out: string): Record<string, unknown>[] {
	return out
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
}

describe("dagswarm run", () => {
	test("runs what a module exports: progress on stderr, the result on stdout, 0", async () => {
		const { code, out, error } = await dagswarm(["run", squares, "--id", "r"], newStore());
		expect(code).toBe(0);
		expect(error.split("\n")).toEqual([
			"● r has started",
			expect.stringMatching(/^✓ plan {2}/),
			"+ s0, which plan asked for",
			"+ s1, which plan asked for",
			expect.stringMatching(/^✓ s0 {2}/),
			expect.stringMatching(/^✓ s1 {2}/),
			"",
		]);
		expect(out).toMatch(
			/^✓ completed {2}r: 3 nodes, 3 attempts in .*\noutputs:\n {2}plan {2}2\n {2}s0 {2}0\n {2}s1 {2}1\n$/,
		);
	});

	test("says what failed and what to try next, and exits with 1", async () => {
		const { code, out } = await dagswarm(["run", squares, "--id", "r", "--input", "4"], newStore());
		expect(code).toBe(1);
		expect(out).toContain("failed:\n  s3  AGENT_ERROR: three is too odd\n");
		expect(out).toContain("next:\n  dagswarm explain r s3  why it failed");
	});

	test("as JSON Lines has each event, and at the end the result with the exit code", async () => {
		const { code, out } = await dagswarm(["run", squares, "--json", "--id", "r", "--set", "by=ada"], newStore());
		const lines = documents(out);
		expect(code).toBe(0);
		expect(lines[0]).toMatchObject({
			run: "r",
			seq: 1,
			type: "run.created",
			metadata: { by: "ada", "dagswarm.project": squares },
		});
		expect(lines.at(-2)).toMatchObject({ type: "run.ended", status: "completed" });
		expect(lines.at(-1)).toMatchObject({
			type: "result",
			run: "r",
			status: "completed",
			exitCode: 0,
			outputs: { s0: 0, s1: 1 },
			stats: { nodes: 3 },
		});
	});

	test("with --dry-run runs and keeps nothing", async () => {
		const store = newStore();
		const { code, out } = await dagswarm(["run", squares, "--dry-run"], store);
		expect([code, out]).toEqual([
			0,
			expect.stringMatching(/^1 node would run, 4 at a time\nagents: plan 1\n {2}plan {2}plan\n/),
		]);
		expect(JSON.parse((await dagswarm(["run", squares, "--dry-run", "--json"], store)).out)).toMatchObject({
			counts: { run: 1 },
		});
		expect((await dagswarm(["resume"], store)).error).toContain("there is no store");
	});

	test("reads its input from a file, and refuses what is none", async () => {
		writeFileSync(join(folder, "input.json"), "1");
		const store = newStore();
		expect((await dagswarm(["run", squares, "--input", "@input.json"], store)).out).toContain("2 nodes");
		for (const [args, why] of [
			[["--input", "{"], "INVALID_INPUT: --input is no JSON"],
			[["--input", "@none"], "INVALID_OPTION: --input: "],
			[["--deadline", "5"], "INVALID_OPTION: --deadline"],
			[["--concurrency", "0"], "INVALID_OPTION: --concurrency"],
			[["--set", "x"], "INVALID_OPTION: --set"],
		] as const) {
			const { code, out, error } = await dagswarm(["run", squares, ...args], store);
			expect([code, out]).toEqual([2, ""]);
			expect(error).toContain(why);
		}
	});

	test("starts an id once", async () => {
		const store = newStore();
		await dagswarm(["run", squares, "--id", "once"], store);
		const { code, error } = await dagswarm(["run", squares, "--id", "once"], store);
		expect([code, error]).toEqual([2, expect.stringMatching(/^RUN_EXISTS: /)]);
	});

	test("lets go of a run that waits for somebody who is not there: 7, and the command that answers", async () => {
		const store = newStore();
		const { code, out, error } = await dagswarm(["run", questions, "--id", "r"], store);
		expect(code).toBe(7);
		expect(error).toContain("◇ ask waits for approval: ship it?");
		expect(out).toContain("waits for:\n  ask  approval (for ada): ship it?; one of: now, later\n");
		expect(out).toContain("next:\n  dagswarm approve r ask --answer now\n  dagswarm resume r");
		const again = await dagswarm(["resume", "r", "--json"], store);
		expect(again.code).toBe(7);
		expect(documents(again.out).at(-1)).toMatchObject({ status: "waiting", exitCode: 7, waiting: [{ node: "ask" }] });
	});

	test("asks whoever sits at the terminal, and asks again what was not understood", async () => {
		const terminal = screen();
		const { code, out, error } = await dagswarm(["run", questions], {
			...newStore(),
			screen: terminal,
			questions: typed("3", "2"),
		});
		expect(error).toContain("? ask asks ada: ship it?\n  1  now\n  2  later\n");
		expect(error).toContain("there is no choice 3");
		expect(terminal.written.join("")).toContain("1 to 2, or no and why not: ");
		expect([code, out]).toEqual([0, expect.stringContaining('ask  "ada: later"')]);
	});

	test("answers questions of runs that were called, and lets go of them", async () => {
		const args = ["run", questions, "--input", '{"called":true}'];
		const asked = await dagswarm(args, {
			...newStore(),
			screen: screen(),
			questions: typed("now"),
		});
		expect([asked.code, asked.out]).toEqual([0, expect.stringContaining('ask  "ada: now"')]);
		const { code, out } = await dagswarm(args, newStore());
		expect(code).toBe(7);
		expect(out).toContain("approve  approval (for ada): ship it?");
	});

	test("mistakes 18, 26: Ctrl-C lets go with 130, nothing is lost, and the run goes on where it is resumed", async () => {
		const store = newStore();
		const stop = new AbortController();
		const interrupted = await dagswarm(["run", endless, "--id", "r", "--grace", "0s"], {
			...store,
			signal: stop.signal,
			...interruptAt("● r has started", stop),
		});
		expect(interrupted.code).toBe(130);
		expect(interrupted.out).toBe("‖ r has not ended: dagswarm resume r goes on with it\n");
		const { code, out } = await dagswarm(["resume"], store);
		expect([code, out]).toEqual([0, expect.stringContaining('endless  "done at last"')]);
		expect((await dagswarm(["resume", "--all"], store)).code).toBe(0);
		expect((await dagswarm(["resume"], store)).error).toContain("UNKNOWN_RUN: every run of this store has ended");
	});
});

test("a second Ctrl-C stops at once, and the run can be resumed all the same", async () => {
	const store = newStore();
	const [first, second] = [new AbortController(), new AbortController()];
	const said: string[] = [];
	const { code } = await dagswarm(["run", endless, "--id", "r", "--grace", "1d"], {
		...store,
		signal: first.signal,
		abort: second.signal,
		error: (text) => {
			said.push(text);
			if (text.startsWith("●")) first.abort();
			if (text.startsWith("Letting go")) second.abort();
		},
	});
	expect([code, said.length]).toEqual([130, 2]);
	const busy = await dagswarm(["resume", "r"], store);
	// In the same process it is still there.
	expect([busy.code, busy.error]).toEqual([
		1,
		expect.stringMatching(/^RUN_BUSY: .*\n {2}it goes on there: look with /),
	]);
	// All others would go on.
	await dagswarm(["run", questions, "--id", "q"], store);
	const all = await dagswarm(["resume", "--all"], store);
	expect([all.code, all.error]).toEqual([1, expect.stringMatching(/^RUN_BUSY: /)]);
	expect(all.out).toContain("q was let go of");
});

test("a run that has ended is told of when it is resumed", async () => {
	const store = newStore();
	await dagswarm(["run", squares, "--id", "r"], store);
	const { code, out } = await dagswarm(["resume", "r"], store);
	expect([code, out]).toEqual([0, expect.stringMatching(/^✓ completed {2}r: 3 nodes/)]);
});

describe("dagswarm watch", () => {
	test("shows a run of another command live, until it has been answered from a third one", async () => {
		const store = newStore();
		const asked = Promise.withResolvers<void>();
		const running = dagswarm(["run", questions, "--id", "r", "--wait"], {
			...store,
			error: (text) => {
				if (text.startsWith("◇ ask waits")) asked.resolve();
			},
		});
		await asked.promise;
		const watching = dagswarm(["watch", "r", "--json"], store);
		const refused = await dagswarm(["approve", "r", "--answer", "never"], store);
		expect([refused.code, refused.error]).toEqual([2, expect.stringMatching(/^INVALID_INPUT: /)]);
		expect((await dagswarm(["approve", "r", "--answer", "now", "--by", "bob"], store)).code).toBe(0);
		expect((await running).out).toContain('ask  "bob: now"');
		const { code, out } = await watching;
		expect(code).toBe(0);
		expect(documents(out).map(({ type }) => type)).toEqual(
			expect.arrayContaining(["node.woken", "node.completed", "run.ended", "result"]),
		);
	});

	test("tells how a run has ended, with its exit code", async () => {
		const store = newStore();
		await dagswarm(["run", squares, "--id", "r"], store);
		const { code, out } = await dagswarm(["watch"], store);
		expect([code, out]).toEqual([0, expect.stringMatching(/^✓ completed {2}r: 3 nodes/)]);
	});

	test("ends at Ctrl-C and leaves the run as it is", async () => {
		const store = newStore();
		await dagswarm(["run", questions, "--id", "r"], store);
		const { code, error } = await dagswarm(["watch", "r"], { ...store, signal: AbortSignal.abort() });
		expect(code).toBe(130);
		expect(error).toContain("No process has it at the moment: `dagswarm resume r` goes on with it.");
		expect((await dagswarm(["watch", "nobody"], store)).error).toContain('UNKNOWN_RUN: there is no run "nobody"');
	});
});
