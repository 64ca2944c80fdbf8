import {
	type AnyAgent,
	type AuditPort,
	type BudgetPort,
	type BudgetVerdict,
	type CheckpointerPort,
	type CriticHandle,
	type CriticVerdict,
	createSwarm,
	type DeliveryPort,
	defineAgent,
	memoryJournal,
	type SwarmOptions,
	VirtualClock,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, lines, pass, record, rest, virtualSwarm } from "./fixture.js";

const echo = defineAgent({ name: "echo", run: async (input: unknown) => input });
const forever = defineAgent({
	name: "forever",
	run: (_: undefined, ctx) =>
		new Promise<never>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
});

function fail(message: string): never {
	throw new Error(message);
}

describe("nonsense of a critic", () => {
	test("a verdict that cannot be written down is recorded, and crashes nothing", async () => {
		const cyclic: Record<string, unknown> = { action: "no" };
		cyclic["self"] = cyclic;
		const verdicts = [
			{ action: "extend", by: 5n },
			cyclic,
			{ action: "steer", message: Object.create(null) },
			Object.defineProperty({}, "action", { get: () => fail("hidden") }),
		];
		for (const verdict of verdicts) {
			const { swarm, clock } = virtualSwarm([forever], {
				ports: {
					critic: {
						watch: ({ attempt }) =>
							attempt === undefined ? null : { idleAfter: 100, escalate: () => verdict as CriticVerdict },
					},
				},
			});
			const run = swarm.start({ nodes: [{ id: "a", agent: forever }] });
			const events = record(run);
			await pass(clock, 150);
			expect(lines(events, /portFailed/)).toEqual(["run.portFailed"]);
			void run.cancel();
			await finish(run, clock);
		}
	});

	test("figures of a handle that are none are recorded, and the subject keeps its plain limits", async () => {
		const wrong: Partial<CriticHandle>[] = [
			{ softAfter: Number.NaN },
			{ idleAfter: Number.NaN },
			{ hardFactor: Number.NaN },
			{ softAfter: "1s" as never },
			{ idleAfter: -1 },
		];
		for (const handle of wrong) {
			const { swarm, clock } = virtualSwarm([forever], {
				ports: {
					critic: {
						watch: ({ attempt }) =>
							attempt === undefined ? null : { ...handle, escalate: () => ({ action: "continue" }) },
					},
				},
			});
			const run = swarm.start({ nodes: [{ id: "a", agent: forever, timeout: 500 }] });
			const events = record(run);
			const outcome = await finish(run, clock);
			expect(lines(events, /portFailed/), JSON.stringify(handle)).toEqual(["run.portFailed"]);
			expect(outcome.failures).toMatchObject([{ code: "TIMEOUT" }]);
			expect(clock.now()).toBe(1_000_500);
		}
	});
});

describe("a run that goes on while it waits or is paused", () => {
	const critic = {
		watch: ({ attempt }: { attempt?: unknown }) =>
			attempt === undefined
				? { idleAfter: 1_000, escalate: (): CriticVerdict => ({ action: "kill", reason: "idle" }) }
				: null,
	};
	test("is not idle, in the next process neither", async () => {
		for (const how of ["waiting", "paused"]) {
			const journal = memoryJournal();
			const clock = new VirtualClock(1_000_000);
			const waits = defineAgent({ name: "waits", run: (_: undefined, ctx) => ctx.waitForSignal("go") });
			const on = () => createSwarm<AnyAgent>({ agents: [waits], clock, journal, ports: { critic } });
			const first = on();
			const run = first.start({ nodes: [{ id: "a", agent: waits }] }, { runId: "r" });
			await rest();
			if (how === "paused") await run.pause();
			await pass(clock, 5_000);
			expect(run.snapshot().status).toBe(how);
			await first.drain(0);
			const again = await on().recover("r");
			await pass(clock, 5_000);
			expect(again.snapshot().status, how).toBe(how);
			if (how === "paused") await again.resume();
			await again.signal("go", 1);
			expect((await finish(again, clock)).status).toBe("completed");
		}
	});
});

describe("ports of a run that is over at once", () => {
	test("are heard of when they fail", async () => {
		const heard: string[] = [];
		const audit: AuditPort = {
			startRun: () => {
				throw new Error("no disk");
			},
		};
		const { swarm, clock } = virtualSwarm([echo], {
			ports: { audit },
			onListenerError: (error) => void heard.push((error as Error).message),
		});
		const run = swarm.start({ nodes: [] });
		await finish(run, clock);
		expect(heard).toEqual(["audit: startRun: no disk"]);
	});
});

describe("what nobody can look at", () => {
	test("is no verdict and no recorder", async () => {
		const odd = (key: string): never => Object.defineProperty({}, key, { get: () => fail("hidden") }) as never;
		const { swarm, clock } = virtualSwarm([echo], {
			ports: { budget: { reserve: () => odd("verdict"), settle: () => {} }, audit: { startRun: () => odd("record") } },
			portPolicies: { budget: { onFailure: "warn" } },
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
		const events = record(run);
		expect((await finish(run, clock)).status).toBe("completed");
		expect(lines(events, /portFailed/)).toHaveLength(2);
	});

	test("crashes nothing when it comes late, either", async () => {
		const answer = gate<BudgetVerdict>();
		const budget: BudgetPort = { reserve: () => answer.promise, settle: () => {} };
		const { swarm, clock } = virtualSwarm([echo], {
			ports: { budget },
			portPolicies: { budget: { onFailure: "warn", deadline: 100 } },
			onListenerError: () => {},
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
		expect((await finish(run, clock)).status).toBe("completed");
		answer.open(Object.defineProperty({}, "verdict", { get: () => fail("hidden") }) as never);
		await rest();
	});
});

describe("a checkpointer that hangs", () => {
	test("holds up a run for no longer than its deadline, however much is to be saved", async () => {
		const checkpointer: CheckpointerPort = {
			open: () => ({ load: () => new Map(), save: () => new Promise(() => {}), clear: () => {} }),
		};
		const saves = defineAgent({ name: "saves", run: async (_: unknown, ctx) => ctx.checkpoint.save(1) });
		for (const onFailure of ["failRun", "warn"] as const) {
			const { swarm, clock } = virtualSwarm([saves], {
				ports: { checkpointer },
				concurrency: 16,
				portPolicies: { checkpointer: { onFailure } },
				onListenerError: () => {},
			});
			const start = clock.now();
			const run = swarm.start({ nodes: Array.from({ length: 16 }, (_, i) => ({ id: `n${i}`, agent: saves })) });
			await finish(run, clock);
			expect(clock.now() - start, onFailure).toBeLessThanOrEqual(20_000);
		}
	});
});

describe("a delivery", () => {
	function on(journal: ReturnType<typeof memoryJournal>, delivery: DeliveryPort, more: Partial<SwarmOptions> = {}) {
		const clock = new VirtualClock(1_000_000);
		const swarm = createSwarm<AnyAgent>({
			agents: [echo],
			clock,
			journal,
			ports: { delivery },
			onListenerError: () => {},
			...more,
		});
		return { clock, swarm };
	}
	async function undelivered(journal: ReturnType<typeof memoryJournal>): Promise<void> {
		const { swarm, clock } = on(journal, {
			deliver: () => {
				throw new Error("closed");
			},
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] }, { runId: "r" });
		await finish(run, clock);
		await rest();
		await swarm.close();
		expect(await journal.runs({ ended: false })).toHaveLength(1);
	}

	test("that is under way is not begun again by another recover in the same swarm", async () => {
		const journal = memoryJournal();
		await undelivered(journal);
		const open = gate();
		let tries = 0;
		const { swarm } = on(journal, {
			deliver: () => {
				tries++;
				return open.promise;
			},
		});
		const run = await swarm.recover("r");
		await rest();
		await expect(swarm.recover("r")).rejects.toMatchObject({ code: "RUN_BUSY" });
		expect(await swarm.recoverAll()).toEqual({ runs: [], refused: [] });
		expect(() => swarm.start({ nodes: [] }, { runId: "r" })).toThrow(/exists/);
		open.open();
		expect(await run.delivered()).toMatchObject({ ok: true });
		expect(tries).toBe(1);
		expect(await journal.runs({ ended: false })).toEqual([]);
		expect((await swarm.recover("r")).id).toBe("r");
		expect(tries).toBe(1);
	});

	test("is not begun by a swarm that is closed while it takes the run over", async () => {
		const journal = memoryJournal();
		await undelivered(journal);
		let tries = 0;
		const { swarm } = on(journal, { deliver: () => void tries++ });
		const recovering = swarm.recover("r").catch((error) => error);
		await swarm.close();
		expect(await recovering).toMatchObject({ code: "SWARM_CLOSED" });
		await rest();
		expect(tries).toBe(0);
		const next = on(journal, { deliver: () => void tries++ });
		await (await next.swarm.recover("r")).delivered();
		expect(tries).toBe(1);
	});

	test("that fails while its swarm closes is not waited for any longer", async () => {
		const { swarm, clock } = on(memoryJournal(), { deliver: () => new Promise(() => {}) });
		const run = swarm.start({ nodes: [{ id: "a", agent: echo }] });
		await finish(run, clock);
		let isClosed = false;
		void swarm.close().then(() => {
			isClosed = true;
		});
		await pass(clock, 29_999);
		expect(isClosed).toBe(false);
		await pass(clock, 1);
		expect(isClosed).toBe(true);
		expect(await run.delivered()).toMatchObject({ ok: false, attempts: 1 });
		expect(clock.nextDue).toBeUndefined();
	});

	test("is not begun after a drain that did not wait for the run's functions", async () => {
		const journal = memoryJournal();
		const open = gate();
		const deaf = defineAgent({ name: "deaf", run: () => open.promise });
		let tries = 0;
		const { swarm, clock } = on(
			journal,
			{
				deliver: () => {
					tries++;
					throw new Error("closed");
				},
			},
			{ agents: [deaf] },
		);
		const run = swarm.start({ nodes: [{ id: "a", agent: deaf }] }, { runId: "r" });
		await rest();
		void run.cancel();
		await rest();
		const draining = swarm.drain(0);
		await pass(clock, 10);
		await draining;
		open.open();
		await finish(run, clock);
		await pass(clock, 60_000);
		expect(tries).toBe(0);
		await run.delivered();
	});
});

describe("a checkpointer whose store loads nonsense", () => {
	test("keeps that run from being recovered, and no other one", async () => {
		const waits = defineAgent({ name: "waits", run: (_: undefined, ctx) => ctx.waitForSignal("go") });
		for (const loaded of [undefined, null, {}, [1], "x"]) {
			const journal = memoryJournal();
			const checkpointer: CheckpointerPort = {
				open: ({ run }) => ({
					load: () => (run === "bad" ? (loaded as never) : new Map()),
					save: () => {},
					clear: () => {},
				}),
			};
			const on = () => virtualSwarm([waits], { journal, ports: { checkpointer } }).swarm;
			const first = on();
			for (const runId of ["bad", "good"]) first.start({ nodes: [{ id: "a", agent: waits }] }, { runId });
			await rest();
			await first.drain(0);
			const { runs, refused } = await on().recoverAll();
			expect(runs.map(({ id }) => id)).toEqual(["good"]);
			expect(refused).toMatchObject([{ run: "bad", error: { code: "PORT_FAILED" } }]);
		}
	});
});
