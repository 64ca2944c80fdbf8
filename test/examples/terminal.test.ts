import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { createSwarm, defineAgent, type RunEvent, type RunHandle } from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	type Answerer,
	answerApproval,
	atTerminal,
	byItself,
	readAnswer,
} from "../../examples/research-team/approval.ts";
import { Progress } from "../../examples/research-team/progress.ts";

const choices = ["publish", "publish as draft"];
const question = { node: "publish", reason: "publish it?", text: "# Bees\n\nThey fly.", choices };

describe("an approval", () => {
	test.each([
		["1", { choice: "publish" }],
		["2", { choice: "publish as draft" }],
		["publish", { choice: "publish" }],
		["3", { reject: "3" }],
		["too long", { reject: "too long" }],
		["", undefined],
	])("typed as %j", (typed, answer) => {
		expect(readAnswer(typed, choices)).toEqual(answer);
	});

	test("at a terminal shows the text, and asks until something is typed", async () => {
		const input = new PassThrough();
		const output = new PassThrough();
		const answer = atTerminal(input, output, new AbortController())(question);
		input.write("\n");
		input.write("2\n");
		expect(await answer).toEqual({ choice: "publish as draft" });
		const shown = String(output.read());
		expect(shown).toContain("  | # Bees\n  | \n  | They fly.\n");
		expect(shown.match(/1 publish, 2 publish as draft, or why not: /g)).toHaveLength(2);
	});

	test("at a terminal that is closed, or of a run that is over, is a no", async () => {
		const nobody = { reject: "nobody was there to answer" };
		const stop = new AbortController();
		const answer = atTerminal(new PassThrough(), new PassThrough(), stop)(question);
		stop.abort();
		expect(await answer).toEqual(nobody);
		const closed = atTerminal(new PassThrough().end(), new PassThrough(), new AbortController())(question);
		expect(await closed).toEqual(nobody);
	});

	test("at a terminal lets go of its input, so that the process can end", async () => {
		const input = new PassThrough();
		const answer = atTerminal(input, new PassThrough(), new AbortController())(question);
		input.write("1\n");
		await answer;
		expect(input.isPaused()).toBe(true);
	});

	test("by itself says so", async () => {
		const said: string[] = [];
		expect(await byItself((line) => said.push(line))(question)).toEqual({ choice: "publish" });
		expect(said).toEqual(['  nobody is asked: answered "publish"']);
	});

	/** Answers whatever is asked in a run. */
	async function answerAll(run: RunHandle, answerer: Answerer): Promise<string[]> {
		const said: string[] = [];
		const say = (line: string): number => said.push(line);
		for await (const event of run.events({ types: ["node.parked"] }))
			await answerApproval(run, event, { by: "anna", answerer, say });
		return said;
	}

	const ask = defineAgent({
		name: "ask",
		run: async (reason: string, ctx) => (await ctx.requestApproval({ reason, data: { report: "R" } })).data,
	});

	test("that comes too late is said, and ends nothing", async () => {
		await using swarm = createSwarm({ agents: [ask] });
		const run = swarm.start({ nodes: [{ id: "a", agent: ask, input: "go on?" }] });
		const said = await answerAll(run, async () => {
			await run.cancel();
			return { choice: "yes" };
		});
		expect(said).toEqual(["? a asks: go on?", "! the run is cancelled"]);
	});

	test("is carried to the node that asks, a rejection with its reason", async () => {
		await using swarm = createSwarm({ agents: [ask], concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "good", agent: ask, input: "good?" },
				{ id: "bad", agent: ask, input: "bad?" },
			],
		});
		const said = await answerAll(run, async ({ reason, text }) =>
			reason === "good?" ? { choice: text } : { reject: "no" },
		);
		expect(run.output("good")).toBe("R");
		expect(run.error("bad")).toMatchObject({ code: "REJECTED", message: "bad?: rejected by anna: no" });
		expect(said).toEqual(["? good asks: good?", "? bad asks: bad?"]);
	});

	test("is nobody's business where a node waits for something else", async () => {
		const wait = defineAgent({ name: "wait", run: (_: undefined, ctx) => ctx.waitForSignal("go") });
		await using swarm = createSwarm({ agents: [wait] });
		const run = swarm.start({ nodes: [{ id: "a", agent: wait }] });
		await run.signal("go");
		expect(await answerAll(run, async () => ({ choice: "yes" }))).toEqual([]);
		expect((await run.result()).status).toBe("completed");
	});
});

describe("progress", () => {
	const stamp = { seq: 1, at: 0 };
	const events = {
		added: { ...stamp, type: "node.added", node: "a", agent: "x", addedBy: "plan" } as unknown as RunEvent,
		started: { ...stamp, type: "node.started", node: "a", attempt: 1, epoch: 1 } as RunEvent,
		charged: { ...stamp, type: "node.charged", node: "a", attempt: 1, usage: { cost: 0.0125 } } as RunEvent,
		refused: {
			...stamp,
			type: "node.attemptFailed",
			node: "a",
			attempt: 1,
			error: { code: "RETRYABLE", message: "busy" },
		} as unknown as RunEvent,
		completed: { ...stamp, type: "node.completed", node: "a", attempt: 2 } as RunEvent,
	};

	function shown(terminal: boolean, drive: (progress: Progress) => void | Promise<void>): string {
		const written: string[] = [];
		void drive(new Progress({ columns: 60, write: (text) => written.push(text) > 0 }, terminal, 0.05));
		return written.join("");
	}

	test("in a pipe is a line for what happened", () => {
		const text = shown(false, (progress) => {
			progress.observe(events.added);
			progress.observe(events.started);
			progress.observe(events.refused);
			progress.stream("a", "12345678");
			progress.observe(events.charged);
			progress.observe(events.completed);
			progress.end();
			expect(progress.spent).toBe(0.0125);
		});
		expect(text).toBe("+ a, which plan asked for\n↻ a: busy\n✓ a: 2 tokens, 0.0125 of 0.0500 spent\n");
	});

	test("in a terminal is also a line that is redrawn, but not while somebody types", () => {
		const text = shown(true, (progress) => {
			progress.observe(events.added);
			progress.observe(events.started);
			progress.stream("a", "12345678");
			void progress.hold(async () => progress.stream("a", "1234"));
		});
		const plain = stripVTControlCharacters(text);
		expect(plain).toContain("[0/1] 0.0000 of 0.0500 spent; a 2");
		expect(plain).not.toContain("a 3");
	});

	test("never draws a line that would wrap", () => {
		const text = shown(true, (progress) => {
			for (let i = 0; i < 20; i++) progress.stream(`node-${i}`, "x");
		});
		const longest = Math.max(
			...stripVTControlCharacters(text)
				.split(/\r|\n/)
				.map((line) => line.length),
		);
		expect(text.length).toBeGreaterThan(0);
		expect(longest).toBeLessThan(60 * 21);
	});
});
