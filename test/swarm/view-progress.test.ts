import { type AgentContext, defineAgent, type JsonPatch, type ViewState } from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, rest, virtualSwarm } from "./fixture.js";

/** A run with a node whose context a test has, until it lets the node end. */
async function started(...ids: string[]) {
	const contexts = new Map<string, AgentContext>();
	const ends = new Map<string, () => void>();
	const agent = defineAgent({
		name: "agent",
		run: (_: unknown, ctx) => {
			contexts.set(ctx.nodeId, ctx);
			return new Promise<void>((resolve) => ends.set(ctx.nodeId, resolve));
		},
	});
	const { swarm, clock } = virtualSwarm([agent], { chunkBuffer: 8, concurrency: 4 });
	const run = swarm.start({ nodes: ids.map((id) => ({ id, agent: "agent" })) });
	await rest();
	return {
		run,
		clock,
		context: (id: string) => contexts.get(id) as AgentContext,
		emit: (id: string, chunk: unknown) => contexts.get(id)?.emit(chunk),
		end: (id: string) => ends.get(id)?.(),
	};
}

/** A key like any other. */
const PROTO = "__proto__";

const progressOf = (state: ViewState) => ({ ...state.progress });

describe("the progress in a view", () => {
	test("is the latest of each node that goes on, told of once in a turn", async () => {
		const { run, emit, end } = await started("a", "b");
		const view = run.view();
		const heard: (readonly JsonPatch[])[] = [];
		view.onPatch((patches) => heard.push(patches));
		for (let done = 0; done < 5; done++) emit("a", { done, total: 5 });
		emit("b", "a word");
		emit("b", { done: 1, total: 2, label: "reading" });
		await rest();
		expect(heard).toEqual([
			[
				{ op: "add", path: "/progress/a", value: { attempt: 1, done: 4, total: 5 } },
				{ op: "add", path: "/progress/b", value: { attempt: 1, done: 1, total: 2 } },
			],
		]);
		emit("a", { done: 5, total: 5 });
		emit("b", { done: "all", total: 2 });
		await rest();
		expect(heard).toHaveLength(2);
		expect(heard[1]).toMatchObject([{ op: "replace", path: "/progress/a" }]);
		end("a");
		await rest();
		expect(heard[2]).toContainEqual({ op: "remove", path: "/progress/a" });
		expect(progressOf(view.current)).toEqual({ b: { attempt: 1, done: 1, total: 2 } });
		end("b");
		await run.result();
		expect(progressOf(view.current)).toEqual({});
	});

	test("comes with the batch, where there is one", async () => {
		const { run, emit, end } = await started("a", "b");
		const versions: ViewState[] = [];
		run.view().subscribe((state) => versions.push(state));
		emit("a", { done: 1, total: 2 });
		end("b");
		await rest();
		expect(versions).toHaveLength(1);
		expect(progressOf(versions[0] as ViewState)).toEqual({ a: { attempt: 1, done: 1, total: 2 } });
		end("a");
		await run.result();
	});

	test("is that of the attempt: it goes with a retry, and stays over a wait", async () => {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				ctx.emit({ done: ctx.attempt, total: 9 });
				await ctx.sleep(5);
				if (ctx.attempt === 1) throw new Error("again");
				await ctx.sleep(5);
			},
		});
		const { swarm, clock } = virtualSwarm([agent]);
		const run = swarm.start({ nodes: [{ id: PROTO, agent: "agent", retry: { maxAttempts: 2, delay: 5 } }] });
		const view = run.view();
		const done: (number | undefined)[] = [];
		const off = view.subscribe(({ progress }) => {
			const now = progress[PROTO]?.done;
			if (done.length === 0 || now !== done.at(-1)) done.push(now);
		});
		await finish(run, clock);
		off();
		expect(done).toEqual([undefined, 1, undefined, 2, undefined]);
	});

	test("is there for who only looks, as far as the memory goes", async () => {
		const { run, emit, end } = await started("a");
		const view = run.view();
		expect(progressOf(view.current)).toEqual({});
		emit("a", { done: 1, total: 3 });
		expect(progressOf(view.current)).toEqual({ a: { attempt: 1, done: 1, total: 3 } });
		expect(view.current).toBe(view.current);
		for (let i = 0; i < 20; i++) emit("a", `word ${i}`);
		expect(progressOf(view.current)).toEqual({ a: { attempt: 1, done: 1, total: 3 } });
		expect(progressOf(run.view().current)).toEqual({ a: { attempt: 1, done: 1, total: 3 } });
		end("a");
		await run.result();
		expect(progressOf(view.current)).toEqual({});
	});

	test("is followed only while somebody listens", async () => {
		const { run, emit, end } = await started("a");
		const view = run.view();
		let heard = 0;
		const stop = view.onPatch(() => heard++);
		emit("a", { done: 1, total: 3 });
		await rest();
		stop();
		emit("a", { done: 2, total: 3 });
		await rest();
		expect(heard).toBe(1);
		expect(progressOf(view.current)).toEqual({ a: { attempt: 1, done: 2, total: 3 } });
		view.onPatch(() => heard++);
		emit("a", { done: 3, total: 3 });
		await rest();
		expect(heard).toBe(2);
		end("a");
		await run.result();
	});
});
