import {
	type AnyAgent,
	artifact,
	createSwarm,
	type Delivery,
	type DeliveryPort,
	defineAgent,
	type Journal,
	memoryJournal,
	VirtualClock,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, pass, rest, virtualSwarm } from "./fixture.js";

const write = defineAgent({
	name: "write",
	run: async (text: string) => ({ text, file: artifact({ name: `${text}.txt`, content: text }) }),
});
const fail = defineAgent({
	name: "fail",
	run: async () => {
		throw new Error("no ink");
	},
});

/** Takes what it is given, unless it is told to fail first. */
class Door implements DeliveryPort {
	readonly taken: Delivery[] = [];
	tries = 0;
	constructor(private readonly say: (n: number) => void | Promise<void> = () => {}) {}
	async deliver(delivery: Delivery): Promise<void> {
		await this.say(++this.tries);
		this.taken.push(delivery);
	}
}

describe("a delivery", () => {
	test("has the outputs of the sinks and the artifacts of all nodes, once the run has ended", async () => {
		const door = new Door();
		const { swarm, clock } = virtualSwarm([write], { ports: { delivery: door } });
		const run = swarm.start(
			{
				nodes: [
					{ id: "a", agent: write, input: "one" },
					{ id: "b", agent: write, input: "two", dependsOn: ["a"] },
				],
			},
			{ runId: "r", metadata: { caller: "ann" } },
		);
		await finish(run, clock);
		expect(await run.delivered()).toEqual({ ok: true, attempts: 1 });
		expect(door.taken).toMatchObject([
			{
				key: "r",
				run: "r",
				status: "completed",
				outputs: { b: { text: "two" } },
				artifacts: [
					{ node: "a", name: "one.txt", content: "one" },
					{ node: "b", name: "two.txt" },
				],
				metadata: { caller: "ann" },
			},
		]);
		expect(door.taken[0]).not.toHaveProperty("error");
	});

	test("has the error of a run that did not complete", async () => {
		const door = new Door();
		const { swarm, clock } = virtualSwarm([fail], { ports: { delivery: door } });
		const run = swarm.start({ nodes: [{ id: "a", agent: fail }] });
		await finish(run, clock);
		await run.delivered();
		expect(door.taken).toMatchObject([
			{ status: "failed", error: { code: "RUN_FAILED", cause: { message: "no ink" } } },
		]);
	});

	test("says nothing of the host's own files", async () => {
		const door = new Door();
		const { swarm, clock } = virtualSwarm([fail], { ports: { delivery: door } });
		const run = swarm.start({ nodes: [{ id: "a", agent: fail }] });
		await finish(run, clock);
		await run.delivered();
		expect(() => swarm.start({ nodes: [{ agent: "nobody" as "fail" }] })).toThrow();
		await rest();
		expect(door.taken).toHaveLength(2);
		expect(JSON.stringify(door.taken)).not.toContain("stack");
	});

	test("39: is made of a run that could not even begin, and of each try to begin it", async () => {
		const door = new Door();
		const { swarm } = virtualSwarm([write], { ports: { delivery: door } });
		for (let i = 0; i < 2; i++) {
			expect(() =>
				swarm.start({ nodes: [{ id: "a", agent: "nobody" as "write", input: "x" }] }, { runId: "r" }),
			).toThrow(expect.objectContaining({ code: "UNKNOWN_AGENT" }));
		}
		await rest();
		expect(door.taken).toMatchObject([
			{ run: "r", status: "failed", error: { code: "UNKNOWN_AGENT" } },
			{ run: "r", status: "failed", error: { code: "UNKNOWN_AGENT" } },
		]);
		expect(door.taken[0]?.key).not.toBe(door.taken[1]?.key);
	});

	test("is tried again until it is taken, and the result does not wait for it", async () => {
		const door = new Door((n) => {
			if (n < 3) throw new Error("closed");
		});
		const heard: unknown[] = [];
		const { swarm, clock } = virtualSwarm([write], {
			ports: { delivery: door },
			portPolicies: { delivery: { retry: { delay: 1_000, jitter: 0 } } },
			onListenerError: (error) => heard.push(error),
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(door.taken).toEqual([]);
		expect(swarm.runs()).toEqual([]);
		await pass(clock, 3_000);
		expect(await run.delivered()).toEqual({ ok: true, attempts: 3 });
		expect(heard).toMatchObject([{ code: "PORT_FAILED" }, { code: "PORT_FAILED" }]);
	});

	test("that nobody takes is given up, and says so", async () => {
		const door = new Door(() => {
			throw Object.assign(new Error("gone"), { retryable: false });
		});
		const { swarm, clock } = virtualSwarm([write], { ports: { delivery: door }, onListenerError: () => {} });
		const run = swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		await finish(run, clock);
		expect(await run.delivered()).toMatchObject({ ok: false, attempts: 1, error: { message: "gone" } });
	});

	test("that hangs is given up when its time is over", async () => {
		const door: DeliveryPort = { deliver: () => new Promise(() => {}) };
		const { swarm, clock } = virtualSwarm([write], {
			ports: { delivery: door },
			portPolicies: { delivery: { deadline: 100, retry: { maxAttempts: 2, delay: 10 } } },
			onListenerError: () => {},
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		await finish(run, clock);
		await pass(clock, 1_000);
		expect(await run.delivered()).toMatchObject({ ok: false, attempts: 2, error: { code: "TIMEOUT" } });
	});

	test("there is none without the port, nor of a run that the process let go of", async () => {
		const { swarm, clock } = virtualSwarm([write]);
		const run = swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		await finish(run, clock);
		expect(await run.delivered()).toBeUndefined();
		const door = new Door();
		const forever = defineAgent({ name: "forever", run: (_: undefined, ctx) => ctx.waitForSignal("never") });
		const other = virtualSwarm([forever], { ports: { delivery: door }, journal: memoryJournal() });
		const kept = other.swarm.start({ nodes: [{ id: "a", agent: forever }] });
		await rest();
		await other.swarm.drain(0);
		expect((await kept.result()).status).toBe("suspended");
		expect(await kept.delivered()).toBeUndefined();
		expect(door.taken).toEqual([]);
	});
});

describe("a durable run", () => {
	function on(journal: Journal, door: DeliveryPort | undefined, agents: readonly AnyAgent[] = [write]) {
		const clock = new VirtualClock(1_000_000);
		const swarm = createSwarm<AnyAgent>({
			agents,
			clock,
			journal,
			...(door !== undefined && { ports: { delivery: door } }),
			onListenerError: () => {},
		});
		return { clock, swarm };
	}

	test("that ended before it was delivered is delivered where it is recovered, and only once", async () => {
		const journal = memoryJournal();
		const shut = new Door(() => {
			throw new Error("closed");
		});
		const first = on(journal, shut);
		const run = first.swarm.start(
			{ nodes: [{ id: "a", agent: write, input: "x" }] },
			{ runId: "r", metadata: { caller: "ann" } },
		);
		await finish(run, first.clock);
		await rest();
		expect(await journal.runs({ ended: false })).toMatchObject([{ run: "r", status: "completed" }]);
		await first.swarm.close();
		expect(await run.delivered()).toMatchObject({ ok: false });

		const door = new Door();
		const second = on(journal, door);
		const { runs, refused } = await second.swarm.recoverAll();
		expect(refused).toEqual([]);
		expect(await runs[0]?.result()).toMatchObject({ status: "completed" });
		expect(await runs[0]?.delivered()).toEqual({ ok: true, attempts: 1 });
		expect(door.taken).toMatchObject([{ key: "r", outputs: { a: { text: "x" } }, metadata: { caller: "ann" } }]);
		expect(await journal.runs({ ended: false })).toEqual([]);

		const third = on(journal, door);
		expect((await third.swarm.recoverAll()).runs).toEqual([]);
		expect((await third.swarm.recover("r")).id).toBe("r");
		expect(door.taken).toHaveLength(1);
	});

	test("that was delivered is not again, and one that nobody wants any more counts as done", async () => {
		const journal = memoryJournal();
		const door = new Door();
		const first = on(journal, door);
		const run = first.swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		await finish(run, first.clock);
		await run.delivered();
		expect(await journal.runs({ ended: false })).toEqual([]);

		const shut = on(journal, new Door(() => new Promise(() => {})));
		const other = shut.swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		await finish(other, shut.clock);
		const closing = shut.swarm.drain(0);
		await pass(shut.clock, 60_000);
		await closing;
		expect(await journal.runs({ ended: false })).toHaveLength(1);
		const without = on(journal, undefined);
		const { runs } = await without.swarm.recoverAll();
		expect(await runs[0]?.delivered()).toBeUndefined();
		await rest();
		expect(await journal.runs({ ended: false })).toEqual([]);
	});

	test("lets the try that is under way end when its swarm closes", async () => {
		const journal = memoryJournal();
		const open = gate();
		const door = new Door(() => open.promise);
		const { swarm, clock } = on(journal, door);
		const run = swarm.start({ nodes: [{ id: "a", agent: write, input: "x" }] });
		await finish(run, clock);
		let closed = false;
		const closing = swarm.close().then(() => {
			closed = true;
		});
		await rest();
		expect(closed).toBe(false);
		open.open();
		await closing;
		expect(await run.delivered()).toEqual({ ok: true, attempts: 1 });
		expect(await journal.runs({ ended: false })).toEqual([]);
	});
});
