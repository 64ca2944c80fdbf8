import {
	type AnyAgent,
	createSwarm,
	defineAgent,
	LocalPool,
	type NodeSpec,
	VirtualClock,
	type WorkerPool,
} from "dagswarm";
import { describe, expect, test } from "vitest";

/** The local pool, with a count of what it was asked for. */
class CountingPool implements WorkerPool {
	added = 0;
	ended = 0;
	readonly #pool: LocalPool;

	constructor(readonly concurrency: number) {
		this.#pool = new LocalPool(concurrency);
	}

	add(loop: () => Promise<void>): void {
		this.added++;
		this.#pool.add(async () => {
			await loop();
			this.ended++;
		});
	}
}

function fan(count: number, agent: string): NodeSpec[] {
	return Array.from({ length: count }, (_, i) => ({ id: `n${i}`, agent }));
}

async function turn(): Promise<void> {
	await new Promise((resolve) => setImmediate(resolve));
}

const sync = defineAgent({ name: "sync", run: (_: unknown, ctx) => ctx.nodeId });
const later = defineAgent({ name: "later", run: async (_: unknown, ctx) => ctx.nodeId });
const agents: AnyAgent[] = [sync, later];

describe("worker loops", () => {
	test.each(["sync", "later"])("are one for each slot, not one for each node: %s agents", async (agent) => {
		const pool = new CountingPool(4);
		const swarm = createSwarm<AnyAgent>({ agents, pool, clock: new VirtualClock() });
		const outputs = await swarm.run({ nodes: fan(1_000, agent) });
		expect(Object.keys(outputs)).toHaveLength(1_000);
		expect(pool.added).toBeLessThanOrEqual(4);
	});

	test("of a chain is one", async () => {
		const pool = new CountingPool(8);
		const swarm = createSwarm<AnyAgent>({ agents, pool, clock: new VirtualClock(), check: "full" });
		const nodes = fan(100, "later").map((node, i) => ({ ...node, ...(i > 0 && { dependsOn: [`n${i - 1}`] }) }));
		await swarm.run({ nodes });
		expect(pool.added).toBe(1);
	});

	test("end when nothing is ready, and begin again when something is", async () => {
		const pool = new CountingPool(3);
		const swarm = createSwarm<AnyAgent>({ agents, pool, clock: new VirtualClock(), check: "full" });
		const run = swarm.start({ nodes: fan(5, "later") }, { open: true });
		for (let i = 0; i < 5; i++) await turn();
		expect(run.snapshot().counts.completed).toBe(5);
		expect(pool.ended).toBe(pool.added);
		const before = pool.added;
		await run.mutate([{ type: "addNode", node: { id: "more", agent: "later" } }]);
		for (let i = 0; i < 5; i++) await turn();
		expect(run.snapshot().counts.completed).toBe(6);
		expect(pool.added).toBe(before + 1);
		expect(pool.ended).toBe(pool.added);
		await run.close();
	});

	test("that the pool begins late are waited for, and take a node each", async () => {
		const waiting: (() => Promise<void>)[] = [];
		const pool: WorkerPool = { concurrency: 2, add: (loop) => void waiting.push(loop) };
		const swarm = createSwarm<AnyAgent>({ agents, pool, clock: new VirtualClock(), check: "full" });
		const run = swarm.start({ nodes: fan(3, "later") });
		await turn();
		expect(run.snapshot().counts).toMatchObject({ ready: 3, running: 0 });
		expect(waiting).toHaveLength(2);
		await run.mutate([{ type: "addNode", node: { id: "more", agent: "later" } }]);
		await turn();
		expect(waiting).toHaveLength(2);
		for (const loop of waiting.splice(0)) void loop();
		expect((await run.result()).stats.completed).toBe(4);
		expect(waiting).toHaveLength(0);
	});

	test("that begin when their work has gone end at once", async () => {
		const waiting: (() => Promise<void>)[] = [];
		const pool: WorkerPool = { concurrency: 2, add: (loop) => void waiting.push(loop) };
		const swarm = createSwarm<AnyAgent>({ agents, pool, clock: new VirtualClock(), check: "full" });
		const run = swarm.start({ nodes: fan(2, "later") });
		await turn();
		await run.cancel();
		const loops = waiting.splice(0);
		expect(loops).toHaveLength(2);
		let ended = 0;
		for (const loop of loops) void loop().then(() => ended++);
		for (let i = 0; i < 5; i++) await turn();
		expect(ended).toBe(2);
		const next = swarm.start({ nodes: fan(1, "sync") });
		await turn();
		for (const loop of waiting.splice(0)) void loop();
		expect((await next.result()).status).toBe("completed");
	});

	test("start functions after the rest of the caller's tick", async () => {
		const started: string[] = [];
		const noting = defineAgent({ name: "noting", run: (_: unknown, ctx) => void started.push(ctx.nodeId) });
		const swarm = createSwarm<AnyAgent>({ agents: [noting], clock: new VirtualClock() });
		const run = swarm.start({ nodes: fan(2, "noting") });
		expect(started).toEqual([]);
		await run.result();
		expect(started).toEqual(["n0", "n1"]);
	});
});

describe("a long run of ready nodes", () => {
	test("lets the event loop have its turn by time, whatever the agents are", async () => {
		for (const agent of ["sync", "later"]) {
			// Every look at the clock takes a millisecond.
			let now = 0;
			let yields = 0;
			const clock = new (class extends VirtualClock {
				override now(): number {
					return ++now;
				}
				override yield(fire: () => void): void {
					yields++;
					setImmediate(fire);
				}
			})();
			const swarm = createSwarm<AnyAgent>({ agents, clock, concurrency: 2 });
			const run = swarm.start({ nodes: fan(2_000, agent) });
			let turns = 0;
			let ended = false;
			void run.result().then(() => {
				ended = true;
			});
			while (!ended) {
				await turn();
				turns++;
			}
			expect(run.snapshot().counts.completed).toBe(2_000);
			expect(yields).toBeGreaterThan(2);
			expect(turns).toBeGreaterThan(2);
		}
	});

	test("can be cancelled on the way", async () => {
		let now = 0;
		const clock = new (class extends VirtualClock {
			override now(): number {
				return ++now;
			}
		})();
		const swarm = createSwarm<AnyAgent>({ agents, clock, concurrency: 1 });
		const run = swarm.start({ nodes: fan(5_000, "sync") });
		await turn();
		const outcome = await run.cancel();
		expect(outcome.status).toBe("cancelled");
		expect(outcome.stats.completed).toBeGreaterThan(0);
		expect(outcome.stats.completed + outcome.stats.cancelled).toBe(5_000);
		expect(outcome.stats.cancelled).toBeGreaterThan(0);
	});
});
