import { createSwarm, type Durability, defineAgent, type Journal, memoryJournal, type NodeSpec } from "dagswarm";
import { describe, expect, test } from "vitest";
import { delegate } from "./programs/kills.js";

const echo = defineAgent({ name: "echo", run: async (input: unknown) => input });

/** A journal that is elsewhere: it takes what it is given, and answers some turns of the event loop later. */
function distant(n = 2): { readonly journal: Journal; readonly appended: number[] } {
	const journal = memoryJournal();
	const appended: number[] = [];
	return {
		appended,
		journal: delegate(journal, {
			append: async (entries, options) => {
				const taken = [...entries];
				await turns(n);
				for (const { records } of taken) appended.push(records.at(-1)?.lastSeq ?? 0);
				return journal.append(taken, options);
			},
		}),
	};
}

async function turns(n: number): Promise<void> {
	for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

const wide = (size: number): NodeSpec[] => Array.from({ length: size }, (_, i) => ({ id: `n${i}`, agent: "echo" }));

describe("a journal that answers later", () => {
	test.each<Durability>(["strict", "relaxed"])("takes a graph that is a batch by itself: %s", async (durability) => {
		const { journal } = distant();
		const swarm = createSwarm({ agents: [echo], journal, durability });
		const { status, stats } = await swarm.start({ nodes: wide(1_500) as never }).result();
		expect({ status, completed: stats.completed }).toEqual({ status: "completed", completed: 1_500 });
	});

	test("may be asked for a run's state while its first batch is on its way", async () => {
		const { journal } = distant();
		const swarm = createSwarm({ agents: [echo], journal, durability: "strict" });
		const run = swarm.start({ nodes: wide(3) as never });
		expect(run.snapshot().size).toBe(3);
		expect((await run.result()).status).toBe("completed");
	});

	test("keeps what is decided while a checkpoint is on its way", async () => {
		const { journal } = distant(4);
		const saves = defineAgent({
			name: "saves",
			run: async (_: unknown, ctx) => {
				for (let i = 0; i < 20; i++) await ctx.checkpoint.save(i, { every: 0 });
			},
		});
		const steps = defineAgent({
			name: "steps",
			run: async (_: unknown, ctx) => {
				for (let i = 0; i < 20; i++) {
					await ctx.step(`s${i}`, () => i);
					// By then a checkpoint has left alone.
					await turns(2);
				}
			},
		});
		const swarm = createSwarm({ agents: [saves, steps], journal, durability: "strict" });
		const run = swarm.start({ nodes: [{ agent: "saves" }, { agent: "steps" }, { agent: "steps" }] });
		const { status, stats } = await run.result();
		expect(status).toBe("completed");
		expect((await journal.find(run.id))?.lastSeq).toBe(stats.events);
	});
});
