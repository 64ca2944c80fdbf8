import {
	type AuditEntry,
	type AuditStats,
	type BudgetPort,
	type BudgetRequest,
	type BudgetVerdict,
	budgetLedger,
	type CriticHandle,
	type CriticPort,
	type CriticSubject,
	type CriticVerdict,
	createSwarm,
	defineAgent,
	type Ports,
	SwarmError,
	type Usage,
	VirtualClock,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { finish, gate, lines, pass, record, rest, virtualSwarm } from "./fixture.js";

const echo = defineAgent({ name: "echo", run: async (input: unknown) => input });
const burn = defineAgent({
	name: "burn",
	run: async (usage: Usage, ctx) => {
		ctx.usage(usage);
		return ctx.budget.low;
	},
});

/** A budget that says what it is told to, and remembers what it was asked. */
class Scripted implements BudgetPort {
	readonly asked: BudgetRequest[] = [];
	readonly settled: { reservation: string; used: Usage; last: boolean }[] = [];
	spent: Usage | undefined;
	closed = 0;

	constructor(private readonly say: (request: BudgetRequest, n: number) => BudgetVerdict | Promise<BudgetVerdict>) {}

	open(_run: unknown, spent: Usage): void {
		this.spent = spent;
	}
	reserve(request: BudgetRequest): BudgetVerdict | Promise<BudgetVerdict> {
		this.asked.push(request);
		return this.say(request, this.asked.length);
	}
	settle(reservation: string, used: Usage, last: boolean): void {
		this.settled.push({ reservation, used: { ...used }, last });
	}
	close(): void {
		this.closed++;
	}
}

const allow = (_: BudgetRequest, n: number): BudgetVerdict => ({ verdict: "allowed", reservation: `r${n}` });
const block = (): BudgetVerdict => ({ verdict: "blocked", reason: "cost is used up: 10 of 10" });

describe("a budget", () => {
	test("is asked before each attempt, told while it runs and once at its end", async () => {
		const budget = new Scripted(allow);
		const { swarm, clock } = virtualSwarm([burn], { ports: { budget } });
		const run = swarm.start({ nodes: [{ id: "a", agent: burn, input: { cost: 2 } }] }, { metadata: { caller: "ann" } });
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(budget.asked).toMatchObject([
			{ node: "a", agent: "burn", attempt: 1, estimate: { nodes: 1 }, approved: false, run: { caller: "ann" } },
		]);
		expect(budget.settled).toEqual([
			{ reservation: "r1", used: { nodes: 1, cost: 2 }, last: false },
			{ reservation: "r1", used: { nodes: 1, cost: 2, agentSeconds: 0 }, last: true },
		]);
		expect(outcome.stats.usage).toEqual({ cost: 2, nodes: 1, agentSeconds: 0 });
		expect(budget.closed).toBe(1);
	});

	test("counts the time that a function holds its slot, and not its waits", async () => {
		const budget = new Scripted(allow);
		const open = gate();
		const slow = defineAgent({
			name: "slow",
			run: async (_: undefined, ctx) => {
				await open.promise;
				await ctx.sleep(60_000);
			},
		});
		const { swarm, clock } = virtualSwarm([slow], { ports: { budget } });
		const run = swarm.start({ nodes: [{ id: "a", agent: slow }] });
		await pass(clock, 2_000);
		open.open();
		const outcome = await finish(run, clock);
		expect(outcome.stats.usage).toEqual({ nodes: 1, agentSeconds: 2 });
	});

	test("that is used up stops the run: what runs may end, and nothing starts any more", async () => {
		const budget = new Scripted((request, n) => (request.node === "b" ? block() : allow(request, n)));
		const open = gate();
		const slow = defineAgent({ name: "slow", run: () => open.promise });
		const { swarm, clock } = virtualSwarm([slow, echo], { ports: { budget }, concurrency: 2 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: slow },
				{ id: "b", agent: echo },
				{ id: "c", agent: echo, dependsOn: ["b"] },
			],
		});
		await rest();
		expect(run.snapshot().status).toBe("stopping");
		expect(run.snapshot().get("a")?.state).toBe("running");
		open.open();
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "budget_exceeded", reason: "cost is used up: 10 of 10" });
		expect(outcome.outputs).toHaveProperty("a");
		expect(outcome.failures).toMatchObject([{ id: "b", code: "BUDGET_EXCEEDED", attempts: 1 }]);
		expect(run.snapshot().get("c")?.state).toBe("cancelled");
	});

	test("that is used up aborts what runs where it is told to", async () => {
		const budget = new Scripted((request, n) => (request.node === "b" ? block() : allow(request, n)));
		const slow = defineAgent({
			name: "slow",
			run: (_: undefined, ctx) =>
				new Promise<void>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
		});
		const { swarm, clock } = virtualSwarm([slow, echo], { ports: { budget }, budget: { inFlight: "abort" } });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: slow },
				{ id: "b", agent: echo },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("budget_exceeded");
		expect(outcome.stats.cancelled).toBe(2);
	});

	test("makes a node wait where that helps, without holding its slot", async () => {
		const budget = new Scripted((request, n) =>
			n === 1 ? ({ ...block(), retryAfter: 5_000 } as BudgetVerdict) : allow(request, n),
		);
		const { swarm, clock } = virtualSwarm([echo], { ports: { budget }, concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: echo, input: 1 },
				{ id: "b", agent: echo, input: 2 },
			],
		});
		await rest();
		expect(run.snapshot().get("a")?.state).toBe("waiting");
		expect(run.output("b")).toBe(2);
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("completed");
		expect(outcome.stats.attempts).toBe(2);
	});

	test("makes nodes wait for what others have reserved and may not need, over all runs that share it", async () => {
		const gates = Array.from({ length: 8 }, () => gate());
		const thrifty = defineAgent({
			name: "thrifty",
			estimate: { cost: 1 },
			run: async (i: number, ctx) => {
				await gates[i]?.promise;
				ctx.usage({ cost: 0.1 });
				return i;
			},
		});
		const clock = new VirtualClock(1_000_000);
		const budget = budgetLedger({ limits: [{ measure: "cost", limit: 2, of: "all" }], clock });
		const { swarm } = virtualSwarm([thrifty], { ports: { budget }, concurrency: 8, clock });
		const runs = [0, 1].map((half) =>
			swarm.start({
				nodes: [0, 1, 2, 3].map((i) => ({ id: `n${i}`, agent: thrifty, input: half * 4 + i })),
			}),
		);
		await rest();
		const states = () => runs.flatMap((run) => [...run.snapshot().nodes()].map(({ state }) => state));
		expect(states().filter((state) => state === "running")).toHaveLength(2);
		expect(states().filter((state) => state === "waiting")).toHaveLength(6);
		for (const { open } of gates) open();
		await rest(40);
		// Not because time has passed.
		expect(clock.now()).toBe(1_000_000);
		for (const run of runs) expect((await finish(run, clock)).status).toBe("completed");
		expect(budget.report().limits[0]).toMatchObject({ accounts: [{ reserved: 0 }] });
	});

	test("that never has room for a node is not waited for longer than the run allows", async () => {
		const budget = new Scripted(() => ({ verdict: "blocked", reason: "full", whenSettled: true }));
		const { swarm, clock } = virtualSwarm([echo], { ports: { budget }, budget: { maxWait: "5m" } });
		const run = swarm.start({ nodes: [{ id: "a", agent: echo }] });
		expect(await finish(run, clock)).toMatchObject({ status: "budget_exceeded", reason: "full" });
		expect(clock.now()).toBe(1_300_000);
	});

	test("asks a person where it is told to, and goes by the answer", async () => {
		for (const yes of [true, false]) {
			const budget = new Scripted((request, n) => (request.approved ? allow(request, n) : block()));
			const { swarm, clock } = virtualSwarm([echo], { ports: { budget }, budget: { onExhausted: "ask" } });
			const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
			await rest();
			expect(run.snapshot().status).toBe("waiting");
			expect(run.snapshot().get("a")?.wait).toMatchObject({
				kind: "approval",
				reason: expect.stringContaining("cost is used up"),
			});
			if (yes) await run.approve("a", { by: "ann" });
			else await run.reject("a");
			const outcome = await finish(run, clock);
			expect(outcome.status).toBe(yes ? "completed" : "budget_exceeded");
			expect(budget.asked.map(({ approved }) => approved)).toEqual(yes ? [false, true] : [false]);
		}
	});

	test("degrades to another agent or another model from the warning on, and stops when that is too much", async () => {
		const cheap = defineAgent({ name: "cheap", run: async (input: string) => `cheap ${input}` });
		const dear = defineAgent({
			name: "dear",
			run: async (input: string, ctx) => `${ctx.budget.model ?? "dear"} ${input} ${ctx.budget.low}`,
		});
		const budget = new Scripted((request, n) => {
			if (n <= 1) return allow(request, n);
			if (n <= 4) return { verdict: "warning", reservation: `r${n}`, remaining: { cost: 1 } };
			return block();
		});
		const { swarm, clock } = virtualSwarm([cheap, dear], {
			ports: { budget },
			budget: { onExhausted: "degrade" },
			concurrency: 1,
		});
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: dear, input: "x", fallback: { agent: "cheap" } },
				{ id: "b", agent: dear, input: "y", fallback: { agent: "cheap" } },
				{ id: "c", agent: dear, input: "z", fallback: { model: "small" } },
				{ id: "d", agent: dear, input: "w", fallback: { agent: "cheap" } },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome.outputs).toEqual({ a: "dear x false", b: "cheap y", c: "small z true" });
		expect(outcome.status).toBe("budget_exceeded");
		// What was reserved for the dear one is given back.
		expect(budget.settled).toContainEqual({ reservation: "r2", used: {}, last: true });
	});

	test("that degrades leaves nothing to be remembered: what a cheaper one made is not the dear one's", async () => {
		const cheap = defineAgent({ name: "cheap", run: async () => "cheap" });
		const dear = defineAgent({ name: "dear", memo: true, run: async (_: unknown, ctx) => ctx.budget.model ?? "dear" });
		let low = true;
		const budget = new Scripted((request, n) =>
			low ? { verdict: "warning", reservation: `r${n}` } : allow(request, n),
		);
		const options = { ports: { budget }, budget: { onExhausted: "degrade" } } as const;
		for (const [fallback, fellBack] of [
			[{ agent: "cheap" }, "cheap"] as const,
			[{ model: "small" }, "small"] as const,
		]) {
			const { swarm, clock } = virtualSwarm([cheap, dear], options);
			const outputs: unknown[] = [];
			for (low of [true, false, true]) {
				const run = swarm.start({ nodes: [{ id: "a", agent: "dear", fallback }] });
				outputs.push((await finish(run, clock)).outputs["a"]);
			}
			expect(outputs).toEqual([fellBack, "dear", "dear"]);
		}
	});

	test("lets `always` nodes tidy up after it has stopped the run", async () => {
		const budget = new Scripted((request, n) => (request.approved ? allow(request, n) : block()));
		const { swarm, clock } = virtualSwarm([echo], { ports: { budget } });
		const run = swarm.start({
			nodes: [
				{ id: "a", agent: echo },
				{ id: "tidy", agent: echo, input: "tidied", dependsOn: ["a"], join: "always" },
			],
		});
		const outcome = await finish(run, clock);
		expect(outcome).toMatchObject({ status: "budget_exceeded", outputs: { tidy: "tidied" } });
	});

	test("that throws, rejects or hangs ends the run, and with `warn` is done without", async () => {
		const bad: BudgetPort["reserve"][] = [
			() => {
				throw new Error("no books");
			},
			() => Promise.reject(new Error("no books")),
			() => new Promise(() => {}),
		];
		for (const reserve of bad) {
			for (const onFailure of ["failRun", "warn"] as const) {
				const budget: BudgetPort = { reserve, settle: () => {} };
				const { swarm, clock } = virtualSwarm([echo], {
					ports: { budget },
					...(onFailure === "warn" && { portPolicies: { budget: { onFailure, deadline: "1s" } } }),
				});
				const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
				const events = record(run);
				const outcome = await finish(run, clock);
				expect(lines(events, /portFailed/)).toEqual(["run.portFailed"]);
				expect(outcome.status).toBe(onFailure === "warn" ? "completed" : "failed");
				if (onFailure === "failRun") expect(outcome.reason).toMatch(/^PORT_FAILED: budget: reserve: /);
			}
		}
	});

	test("that answers too late has its reservation given back", async () => {
		const answer = gate<BudgetVerdict>();
		const budget = new Scripted(() => answer.promise);
		const { swarm, clock } = virtualSwarm([echo], {
			ports: { budget },
			portPolicies: { budget: { onFailure: "warn", deadline: 100 } },
		});
		const run = swarm.start({ nodes: [{ id: "a", agent: echo, input: 1 }] });
		expect((await finish(run, clock)).status).toBe("completed");
		answer.open({ verdict: "allowed", reservation: "late" });
		await rest();
		expect(budget.settled).toEqual([{ reservation: "late", used: {}, last: true }]);
	});

	test("gives back what was reserved for an attempt that was cancelled meanwhile", async () => {
		const answer = gate<BudgetVerdict>();
		const budget = new Scripted(() => answer.promise);
		let called = 0;
		const count = defineAgent({ name: "count", run: () => ++called });
		const { swarm, clock } = virtualSwarm([count], { ports: { budget } });
		const run = swarm.start({ nodes: [{ id: "a", agent: count }] });
		await rest();
		void run.cancel();
		await rest();
		answer.open({ verdict: "allowed", reservation: "r" });
		expect((await finish(run, clock)).status).toBe("cancelled");
		expect(called).toBe(0);
		expect(budget.settled).toEqual([{ reservation: "r", used: {}, last: true }]);
	});
});

describe("a critic", () => {
	class Watcher implements CriticPort {
		readonly subjects: CriticSubject[] = [];
		readonly escalations: string[] = [];
		ended = 0;
		constructor(
			private readonly handle: Partial<CriticHandle>,
			private readonly say: (n: number) => CriticVerdict,
			private readonly of: "run" | "attempt" = "attempt",
		) {}
		watch(subject: CriticSubject): CriticHandle | null {
			this.subjects.push(subject);
			if ((subject.attempt === undefined) !== (this.of === "run")) return null;
			return {
				...this.handle,
				escalate: ({ cause, elapsed, idle }) => {
					this.escalations.push(`${cause} ${elapsed} ${idle}`);
					return this.say(this.escalations.length);
				},
				end: () => {
					this.ended++;
				},
			};
		}
	}
	const forever = defineAgent({
		name: "forever",
		run: (_: undefined, ctx) =>
			new Promise<never>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
	});

	test("E8: is asked once per idle period, and again after activity; a kill is final", async () => {
		const work = gate();
		const busy = defineAgent({
			name: "busy",
			retry: 3,
			run: async (_: undefined, ctx) => {
				await work.promise;
				await ctx.step("one", () => 1);
				await new Promise<never>((_resolve, reject) =>
					ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
				);
			},
		});
		const critic = new Watcher({ idleAfter: 1_000 }, (n) =>
			n === 1 ? { action: "steer", message: "go on" } : { action: "kill", reason: "it sleeps" },
		);
		const { swarm, clock } = virtualSwarm([busy], { ports: { critic } });
		const run = swarm.start({ nodes: [{ id: "a", agent: busy }] });
		const events = record(run);
		await pass(clock, 5_000);
		expect(critic.escalations).toEqual(["idle 1000 1000"]);
		expect(lines(events, /steered/)).toEqual(["node.steered a"]);
		work.open();
		await pass(clock, 1_000);
		expect(critic.escalations).toEqual(["idle 1000 1000", "idle 6000 1000"]);
		const outcome = await finish(run, clock);
		expect(outcome.failures).toMatchObject([{ id: "a", code: "KILLED", attempts: 1 }]);
		expect(critic.ended).toBe(1);
	});

	test("E9: makes a node's time limit the soft one, extends it, and never beyond the hard one", async () => {
		const critic = new Watcher({ hardFactor: 3 }, () => ({ action: "extend", by: 1_500 }));
		const { swarm, clock } = virtualSwarm([forever], { ports: { critic } });
		const run = swarm.start({ nodes: [{ id: "a", agent: forever, timeout: 1_000 }] });
		await pass(clock, 2_900);
		expect(run.snapshot().get("a")?.state).toBe("running");
		expect(critic.escalations).toEqual(["deadline 1000 1000", "deadline 2500 2500"]);
		const outcome = await finish(run, clock);
		expect(outcome.failures).toMatchObject([{ code: "TIMEOUT" }]);
		expect(clock.now()).toBe(1_003_000);
		expect(critic.ended).toBe(1);
	});

	test("that gives no handle leaves the plain limits", async () => {
		const critic: CriticPort = { watch: () => null };
		const { swarm, clock } = virtualSwarm([forever], { ports: { critic } });
		const run = swarm.start({ nodes: [{ id: "a", agent: forever, timeout: 1_000 }] });
		await finish(run, clock);
		expect(clock.now()).toBe(1_001_000);
		const other = swarm.start({ nodes: [{ id: "a", agent: forever }] }, { deadline: 500 });
		expect((await finish(other, clock)).status).toBe("timed_out");
		expect(clock.now()).toBe(1_001_500);
	});

	test("watches a run: its deadline is the soft limit, with a hard one behind it", async () => {
		const critic = new Watcher({ hardFactor: 2 }, () => ({ action: "continue" }), "run");
		const { swarm, clock } = virtualSwarm([forever], { ports: { critic } });
		const run = swarm.start({ nodes: [{ id: "a", agent: forever }] }, { deadline: 1_000 });
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe("timed_out");
		expect(critic.escalations).toEqual(["deadline 1000 1000"]);
		expect(clock.now()).toBe(1_002_000);
	});

	test("kills a run, which then is cancelled with its reason", async () => {
		const critic = new Watcher({ softAfter: 100 }, () => ({ action: "kill", reason: "too long" }), "run");
		const { swarm, clock } = virtualSwarm([forever], { ports: { critic } });
		const run = swarm.start({ nodes: [{ id: "a", agent: forever }] });
		expect(await finish(run, clock)).toMatchObject({ status: "cancelled", reason: "KILLED: too long" });
	});

	test("does not count the time in which a node waits", async () => {
		const patient = defineAgent({ name: "patient", run: async (_: undefined, ctx) => ctx.waitForSignal("go") });
		const critic = new Watcher({ idleAfter: 1_000, softAfter: 2_000 }, () => ({ action: "kill", reason: "idle" }));
		const { swarm, clock } = virtualSwarm([patient], { ports: { critic } });
		const run = swarm.start({ nodes: [{ id: "a", agent: patient }] });
		await pass(clock, 100_000);
		await run.signal("go", 1);
		expect(await finish(run, clock)).toMatchObject({ status: "completed", outputs: { a: 1 } });
		expect(critic.escalations).toEqual([]);
	});

	test("that throws, hangs or lies is recorded, and the run goes on", async () => {
		const handles: (() => CriticHandle | null)[] = [
			() => {
				throw new Error("no");
			},
			() => 7 as unknown as CriticHandle,
			() => ({ idleAfter: 10, escalate: () => Promise.reject(new Error("no")) }),
			() => ({ idleAfter: 10, escalate: () => new Promise<CriticVerdict>(() => {}) }),
			() => ({ idleAfter: 10, escalate: () => ({ action: "dance" }) as unknown as CriticVerdict }),
			() => ({
				escalate: () => ({ action: "continue" }),
				activity: () => {
					throw new Error("no");
				},
			}),
		];
		for (const watch of handles) {
			const critic: CriticPort = { watch: ({ attempt }) => (attempt === undefined ? null : watch()) };
			const slow = defineAgent({
				name: "slow",
				run: async (_: undefined, ctx) => {
					await ctx.step("x", () => 1);
					await new Promise<void>((resolve) => clock.set(clock.now() + 20_000, resolve));
					return 1;
				},
			});
			const { swarm, clock } = virtualSwarm([slow], { ports: { critic } });
			const run = swarm.start({ nodes: [{ id: "a", agent: slow }] });
			const events = record(run);
			expect((await finish(run, clock)).status).toBe("completed");
			expect(lines(events, /portFailed/)).toEqual(["run.portFailed"]);
		}
	});
});

describe("an audit", () => {
	function recorder(take: (entry: AuditEntry) => void | Promise<void> = () => {}) {
		const entries: AuditEntry[] = [];
		const closed: AuditStats[] = [];
		const ports: Ports = {
			audit: {
				startRun: () => ({
					record: (entry) => {
						entries.push(entry);
						return take(entry);
					},
					close: (stats) => void closed.push(stats),
				}),
			},
		};
		return { entries, closed, ports };
	}

	test("is told of everything in order, from the first event to the last, and then closed", async () => {
		const talk = defineAgent({
			name: "talk",
			run: async (_: undefined, ctx) => {
				ctx.log("hello", { a: 1 });
				await ctx.step("s", () => 5);
				ctx.usage({ cost: 1 });
			},
		});
		const { entries, closed, ports } = recorder(() => Promise.resolve());
		const { swarm, clock } = virtualSwarm([talk], { ports });
		const run = swarm.start({ nodes: [{ id: "a", agent: talk }] });
		const outcome = await finish(run, clock);
		const told = entries.map((entry) => (entry.kind === "event" ? entry.type : entry.kind));
		expect(told).toEqual([
			"run.created",
			"node.added",
			"run.started",
			"node.started",
			"log",
			"step",
			"usage",
			"node.completed",
			"run.ended",
		]);
		expect(entries.find(({ kind }) => kind === "step")).toMatchObject({
			name: "s",
			value: 5,
			node: "a",
			agent: "talk",
			attempt: 1,
		});
		expect(closed).toEqual([{ status: "completed", wallMs: 0, nodes: 1, attempts: 1, usage: outcome.stats.usage }]);
	});

	test("E3: is closed after a cancel, too; and may decline", async () => {
		const forever = defineAgent({ name: "forever", run: () => new Promise(() => {}) });
		const { entries, closed, ports } = recorder();
		const { swarm, clock } = virtualSwarm([forever], { ports });
		const run = swarm.start({ nodes: [{ id: "a", agent: forever }] });
		await rest();
		void run.cancel("enough");
		await finish(run, clock);
		expect(closed).toMatchObject([{ status: "cancelled", reason: "enough" }]);
		expect(entries.at(-1)).toMatchObject({ kind: "event", type: "run.ended" });
		const none = virtualSwarm([echo], { ports: { audit: { startRun: () => null } } });
		const quiet = none.swarm.start({ nodes: [{ id: "a", agent: echo }] });
		expect((await finish(quiet, none.clock)).status).toBe("completed");
	});

	test("has a graph of any size whole, also where it takes its time to begin", async () => {
		const nodes = Array.from({ length: 25_000 }, (_, i) => ({ id: `n${i}`, agent: "echo", input: i }));
		for (const later of [false, true]) {
			const { entries, ports } = recorder();
			const { audit } = ports;
			const begins = gate();
			const slow: Ports = {
				audit: {
					startRun: async (info) => {
						await begins.promise;
						return audit?.startRun(info) ?? null;
					},
				},
			};
			const { swarm, clock } = virtualSwarm([echo], { ports: later ? slow : ports, check: "off" });
			const run = swarm.start({ nodes }, { open: true });
			const added = entries.filter((entry) => entry.kind === "event" && entry.type === "node.added").length;
			expect(added).toBe(later ? 0 : 25_000);
			begins.open();
			await run.close();
			await finish(run, clock);
			expect(entries.filter((entry) => entry.kind === "event" && entry.type === "node.added")).toHaveLength(25_000);
		}
	});

	test("that sends a record into itself, or fails while it is told of a failure, comes to its end", async () => {
		const entries: AuditEntry[] = [];
		const talk = defineAgent({
			name: "talk",
			run: async (_: undefined, ctx) => {
				log = () => ctx.log("again");
				ctx.log("first");
			},
		});
		let log = (): void => {};
		const ports: Ports = {
			audit: {
				startRun: () => ({
					record: (entry) => {
						entries.push(entry);
						if (entry.kind === "log" && entries.length < 20) log();
						if (entries.length === 20) throw new Error("full");
					},
					close: () => {},
				}),
			},
		};
		const { swarm, clock } = virtualSwarm([talk], { ports });
		const run = swarm.start({ nodes: [{ id: "a", agent: talk }] });
		expect((await finish(run, clock)).status).toBe("completed");
		expect(entries).toHaveLength(20);
	});

	test("that fails is done without, and the run says so; with failRun it ends", async () => {
		for (const onFailure of ["warn", "failRun"] as const) {
			const { ports, closed } = recorder((entry) => {
				if (entry.kind === "event" && entry.type === "node.started") throw new Error("disk full");
			});
			const go = gate();
			const slow = defineAgent({ name: "slow", run: () => go.promise });
			const { swarm, clock } = virtualSwarm([slow], { ports, portPolicies: { audit: { onFailure } } });
			const run = swarm.start({ nodes: [{ id: "a", agent: slow }] });
			const events = record(run);
			await rest();
			go.open();
			const outcome = await finish(run, clock);
			expect(outcome.status).toBe(onFailure === "warn" ? "completed" : "failed");
			expect(lines(events, /portFailed/)).toEqual(["run.portFailed"]);
			// A record with a hole is not closed as if it were whole.
			expect(closed).toEqual([]);
		}
	});
});

describe("a checkpointer", () => {
	test("keeps the progress of nodes by run, and is told when they end", async () => {
		const calls: string[] = [];
		const agent = defineAgent({
			name: "saver",
			retry: 2,
			run: async (_: undefined, ctx) => {
				if (ctx.attempt === 1) {
					await ctx.checkpoint.save({ at: 1 });
					throw new Error("again");
				}
				return ctx.checkpoint.load();
			},
		});
		const ports: Ports = {
			checkpointer: {
				open: ({ run }) => ({
					load: () => new Map(),
					save: async (node, state) => void calls.push(`${run} save ${node} ${JSON.stringify(state)}`),
					clear: (node) => void calls.push(`${run} clear ${node}`),
					close: (ended) => void calls.push(`${run} close ${ended}`),
				}),
			},
		};
		const { swarm, clock } = virtualSwarm([agent], { ports });
		const runs = ["one", "two"].map((runId) => swarm.start({ nodes: [{ id: "a", agent }] }, { runId }));
		for (const run of runs) expect((await finish(run, clock)).outputs).toEqual({ a: { at: 1 } });
		for (const id of ["one", "two"])
			expect(calls.filter((call) => call.startsWith(id))).toEqual([
				`${id} save a {"at":1}`,
				`${id} clear a`,
				`${id} close true`,
			]);
	});

	test("that fails makes the save fail and ends the run", async () => {
		const saved: unknown[] = [];
		const agent = defineAgent({
			name: "saver",
			run: async (_: undefined, ctx) => {
				await ctx.checkpoint.save(1).catch((error) => saved.push(error));
			},
		});
		const ports: Ports = {
			checkpointer: {
				open: () => ({ load: () => new Map(), save: () => Promise.reject(new Error("full")), clear: () => {} }),
			},
		};
		const { swarm, clock } = virtualSwarm([agent], { ports });
		const run = swarm.start({ nodes: [{ id: "a", agent }] });
		expect(await finish(run, clock)).toMatchObject({
			status: "failed",
			reason: "PORT_FAILED: checkpointer: save: full",
		});
		expect(saved).toMatchObject([{ code: "PORT_FAILED" }]);
	});
});

describe("options", () => {
	test.each([
		[{ ports: { audit: {} } }, "ports.audit"],
		[{ ports: { budgets: {} } }, 'no port "budgets"'],
		[{ portPolicies: { critic: { deadline: "soon" } } }, "portPolicies.critic.deadline"],
		[{ portPolicies: { critic: { onFailure: "panic" } } }, "onFailure"],
		[{ budget: { onExhausted: "pray" } }, "onExhausted"],
		[{ budget: { inFlight: "drop" } }, "inFlight"],
		[{ budget: { maxWait: -1 } }, "maxWait"],
	])("refuses %j", (options, message) => {
		let thrown: unknown;
		try {
			createSwarm({ agents: [echo], ...(options as object) });
		} catch (error) {
			thrown = error;
		}
		expect(SwarmError.is(thrown) && thrown.code).toBe("INVALID_OPTION");
		expect(String(thrown)).toContain(message);
	});
});
