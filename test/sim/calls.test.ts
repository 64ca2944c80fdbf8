import { defineAgent, defineSkill, type RunHandle } from "dagswarm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEAD_MS, dying, Lives, stored } from "../durability/fixture.js";
import { outlivingJournal } from "../durability/outliving-journal.js";
import { hold, isFixed } from "../random.js";
import { rest } from "../rest.js";

/** What a node does: plain data, so that it is the input of what is called, too. */
type Step =
	| { readonly sleep: number }
	| { readonly fail: true }
	/** Calls an agent that does this; with `pair` a graph of it and of another one after it. */
	| { readonly call: Script; readonly pair?: Script; readonly tolerant: boolean }
	/** Calls several agents at a time; null for one that there is not. */
	| { readonly all: readonly (Script | null)[] };
type Script = readonly Step[];

const tree = defineAgent({
	name: "tree",
	retry: 2,
	run: async (script: Script, ctx): Promise<unknown> => {
		const got: unknown[] = [];
		for (const step of script) {
			if ("sleep" in step) await ctx.sleep(step.sleep);
			else if ("fail" in step) throw new Error("as it was told");
			else if ("all" in step) {
				const results = await ctx.callAll(step.all.map((input) => ({ tool: input === null ? "none" : "tree", input })));
				got.push(results.map((each) => (each.ok ? each.output : each.error.code)));
			} else {
				const { call, pair, tolerant } = step;
				const called = pair === undefined ? ctx.call("tree", call) : ctx.call("pair", [call, pair]);
				got.push(tolerant ? await called.catch((error: { readonly code: string }) => error.code) : await called);
			}
		}
		return got;
	},
});

const pair = defineSkill({
	name: "pair",
	graph: ([a, b]: readonly [Script, Script]) => ({
		nodes: [
			{ id: "a", agent: "tree", input: a },
			{ id: "b", agent: "tree", input: b, dependsOn: ["a"] },
		],
	}),
	output: ({ b }) => b,
});

/** What a script comes to when nobody interferes; undefined for a failure. */
function expected(script: Script): unknown[] | undefined {
	const got: unknown[] = [];
	for (const step of script) {
		if ("fail" in step) return undefined;
		if ("all" in step)
			got.push(step.all.map((each) => (each === null ? "UNKNOWN_TOOL" : (expected(each) ?? "CALL_FAILED"))));
		if (!("call" in step)) continue;
		const first = expected(step.call);
		const value = first === undefined || step.pair === undefined ? first : expected(step.pair);
		if (value === undefined && !step.tolerant) return undefined;
		got.push(value ?? "CALL_FAILED");
	}
	return got;
}

const { script } = fc.letrec<{ script: Script; step: Step }>((tie) => ({
	script: fc.array(tie("step"), { maxLength: 3, size: "max", depthIdentifier: "calls" }),
	step: fc.oneof(
		{ depthSize: "medium", depthIdentifier: "calls", maxDepth: 4 },
		fc.record({ sleep: fc.constantFrom(0, 10, 35) }),
		fc.constant<Step>({ fail: true }),
		fc.record({ call: tie("script"), tolerant: fc.boolean() }),
		fc.record({ call: tie("script"), tolerant: fc.boolean() }),
		fc.record({
			all: fc.array(fc.option(tie("script"), { freq: 4 }), { minLength: 1, maxLength: 3, depthIdentifier: "calls" }),
		}),
		fc.record({ call: tie("script"), pair: tie("script"), tolerant: fc.boolean() }),
	),
}));

const cases = fc.record({
	scripts: fc.array(script, { minLength: 1, maxLength: 2 }),
	concurrency: fc.integer({ min: 1, max: 3 }),
	// The third crash of a node would fail it.
	deaths: fc.array(fc.record({ appends: fc.integer({ min: 1, max: 16 }), written: fc.boolean() }), {
		maxLength: 2,
		size: "max",
	}),
	/** Cancels the k-th of the runs that go on, after so many steps. */
	cancel: fc.option(fc.record({ step: fc.nat({ max: 12 }), k: fc.nat({ max: 5 }) }), { freq: 3 }),
});

test("whatever calls whatever, fails, is cancelled or dies: each call has one run, and all runs end", async () => {
	const tally = { runs: 0, calls: 0, refused: 0, restarts: 0, cancels: 0 };
	await hold(
		"calls",
		fc.asyncProperty(cases, async ({ scripts, concurrency, deaths, cancel }) => {
			const lives = new Lives([tree], { skills: [pair], concurrency }, outlivingJournal());
			const roots = scripts.map((_, i) => `run-${i}`);
			let cancelled = false;
			let steps = 0;
			for (const death of [...deaths, undefined]) {
				const { journal, isDead } = dying(lives.journal, death);
				const { swarm, clock } = lives.over(journal);
				const { refused } = await swarm.recoverAll();
				expect(refused).toEqual([]);
				for (const [i, input] of scripts.entries())
					if ((await lives.journal.find(roots[i] as string)) === undefined)
						swarm.start({ nodes: [{ id: "n", agent: "tree", input }] }, { runId: roots[i] as string });
				await rest();
				for (; !isDead() && swarm.runs().length > 0; steps++) {
					expect(steps, "steps until all runs have ended").toBeLessThan(2_000);
					if (cancel !== null && !cancelled && steps >= cancel.step) {
						cancelled = true;
						const open = swarm.runs();
						(open[cancel.k % open.length] as RunHandle).cancel("by the test").catch(() => {});
						tally.cancels++;
					}
					clock.step();
					await rest(2);
				}
				if (!isDead()) break;
				tally.restarts++;
				lives.now = clock.now() + DEAD_MS;
			}
			const all = await lives.journal.runs();
			expect(all.filter(({ ended }) => !ended).map(({ run }) => run)).toEqual([]);
			const calls = new Set<string>();
			const ended = new Map<string, string>();
			for (const { run } of all) {
				tally.runs++;
				for (const event of await stored(lives.journal, run)) {
					if (event.type === "node.parked" && event.wait.kind === "child") {
						const { run: called, together, refused = [] } = event.wait;
						for (const each of together?.map((_, i) => `${called}.${i + 1}`) ?? [called]) calls.add(each);
						for (const { index } of refused) calls.delete(`${called}.${index + 1}`);
						tally.refused += refused.length;
					}
					if (event.type === "run.ended") ended.set(run, event.status);
				}
			}
			tally.calls += calls.size;
			const called = all.map(({ run }) => run).filter((run) => !roots.includes(run));
			if (cancelled) {
				for (const run of called) expect(calls).toContain(run);
				return;
			}
			expect(called.sort()).toEqual([...calls].sort());
			for (const [i, script] of scripts.entries()) {
				const value = expected(script);
				expect(ended.get(roots[i] as string)).toBe(value === undefined ? "failed" : "completed");
				const last = (await stored(lives.journal, roots[i] as string)).find(({ type }) => type === "node.completed");
				if (value !== undefined) expect(last).toMatchObject({ output: value });
			}
		}),
		150,
		() => tally,
	);
	if (!isFixed) return;
	expect(tally.calls).toBeGreaterThan(300);
	expect(tally.refused).toBeGreaterThan(10);
	expect(tally.restarts).toBeGreaterThan(60);
	expect(tally.cancels).toBeGreaterThan(30);
});
