import { type Clock, type Journal, memoryStore, type Store, type Timer, type VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { altered, failing, row } from "./faulty-store.js";
import { holding, NOON, noting, quiet, type World, worlds } from "./service-fixture.js";

const world = worlds();
const LEASE = 10_000;

describe("a run that is lost to this process", () => {
	test("because another one has taken it over has not failed: what it comes to there counts", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], {
			triggers: [{ id: "t", on: { kind: "manual" }, start: "hold", retry: 3 }],
		});
		const { key } = await service.fire("t", { key: "x" });
		await quiet();
		const other = { id: "other", pid: 1, host: "elsewhere" };
		// A journal in memory is written now and then.
		await w.pass(1_000);
		const { epoch } = (await w.store.journal.find(key)) ?? { epoch: 0 };
		expect(await w.store.journal.claim(key, epoch, other, w.clock.now())).toBe(epoch + 1);
		going[0]?.end();
		await quiet(30);
		// It was fenced, has found that nobody has the run, and has brought it back.
		expect(await service.status(key)).toMatchObject({ state: "running", attempt: 1 });
		expect(going).toHaveLength(1);
		going[0]?.end();
		await quiet(30);
		expect(await service.status(key)).toMatchObject({ state: "completed", attempt: 1 });
		expect(await w.store.journal.runs()).toHaveLength(1);
	});

	test("because the journal took nothing for a while goes on when it does", async () => {
		const disk = failing();
		const inner = memoryStore();
		const journal: Journal = altered(inner.journal, {
			append: (...given) => {
				disk.check();
				return inner.journal.append(...given);
			},
		});
		const w = world(altered(inner, { journal }));
		const { service } = await w.started([noting().agent]);
		disk.times = 3;
		const { key } = await service.submit("note", { key: "x" });
		await w.pass(5 * LEASE, 1_000);
		expect(await service.status(key)).toMatchObject({ state: "completed", attempt: 1 });
		expect(await w.store.journal.runs()).toMatchObject([{ run: "x", status: "completed" }]);
	});

	test("because the journal could not be asked is started when it can", async () => {
		const disk = failing();
		const inner = memoryStore();
		const journal: Journal = altered(inner.journal, {
			find: (run) => {
				disk.check();
				return inner.journal.find(run);
			},
		});
		const w = world(altered(inner, { journal }));
		const { agent, seen } = noting();
		const { service, errors } = await w.started([agent]);
		disk.times = 1;
		const { key } = await service.submit("note");
		await quiet();
		expect(errors).toHaveLength(1);
		await w.pass(LEASE);
		expect(await service.status(key)).toMatchObject({ state: "completed" });
		expect(seen).toHaveLength(1);
	});
});

test("looking for a run whose process may be alive keeps nothing else waiting, nor the stop", async () => {
	const inner = memoryStore();
	const journal: Journal = altered(inner.journal, {
		find: (run) => (run === "stuck" ? new Promise<never>(() => {}) : inner.journal.find(run)),
	});
	const w = world(altered(inner, { journal }));
	await w.store.write({ add: [row("stuck", { state: "running", attempt: 1 })] });
	const { agent, seen } = noting();
	const { service } = w.member([agent], { triggers: [{ id: "tick", on: "every 1s", start: "note" }] });
	const starting = service.start();
	await quiet();
	await w.pass(3_000);
	expect(seen).toHaveLength(3);
	await service.stop();
	await starting;
	expect(await service.status("stuck")).toMatchObject({ state: "running" });
});

describe("a store that fails", () => {
	test("while a process takes office does not leave it in office, idle", async () => {
		const disk = failing();
		const inner = memoryStore();
		const w = world(
			altered(inner, {
				triggers: () => {
					disk.check();
					return inner.triggers();
				},
			}),
		);
		const { agent, seen } = noting();
		disk.times = 2;
		const { service, errors } = await w.started([agent], {
			triggers: [{ id: "tick", on: "every 1s", start: "note" }],
		});
		expect(errors).toHaveLength(1);
		expect(service.health()).toMatchObject({ ok: false, problem: "the disk is gone" });
		await w.pass(4 * LEASE);
		expect(seen.length).toBeGreaterThan(9);
	});

	test("when the lease is given back does not keep a service from stopping", async () => {
		const inner = memoryStore();
		const w = world(
			altered(inner, {
				release: () => {
					throw new Error("the disk is gone");
				},
			}),
		);
		const { service, errors } = await w.started([noting().agent]);
		await service.stop();
		expect(service.health().state).toBe("stopped");
		expect(errors).toHaveLength(1);
	});

	test("25: when a service is started leaves it to be started again", async () => {
		const disk = failing();
		const inner = memoryStore();
		const w = world(
			altered(inner, {
				watch: (...given) => {
					disk.check();
					return inner.watch(...given);
				},
			}),
		);
		disk.times = 1;
		const { service } = w.member([noting().agent]);
		await expect(service.start()).rejects.toThrow("the disk is gone");
		await service.start();
		expect(service.isLeading).toBe(true);
		await expect(service.start()).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
	});

	test.each([
		["stale", 40, 35],
		["fenced", 3, 6],
	] as const)("by answering %s again and again is not asked without end", async (why, times, most) => {
		const inner = memoryStore();
		let writes = 0;
		const w = world(
			altered(inner, {
				write: (change) => {
					if (change.occurrences === undefined || change.occurrences.length === 0) return inner.write(change);
					return writes++ < times ? { ok: false, why } : inner.write(change);
				},
			}),
		);
		const { agent, seen } = noting();
		const { service } = await w.started([agent]);
		await service.submit("note");
		await w.pass(2 * LEASE);
		expect(writes).toBeLessThanOrEqual(most);
		await w.pass(60 * LEASE, LEASE);
		expect(seen).toHaveLength(1);
	});
});

test("a key that was forgotten and given again is the new one, not what was known of the old one", async () => {
	const w = world();
	const { agent, seen } = noting();
	const { service } = await w.started([agent]);
	const add = async (of: string) => {
		await w.store.write({ add: [row("k", { start: { call: "note", input: { key: of } }, nextAt: NOON + 1_000 })] });
	};
	await add("old");
	await w.pass(50, 50);
	await w.store.write({ removeOccurrences: ["k"] });
	await add("new");
	await w.pass(1_000);
	expect(seen).toEqual([{ key: "new" }]);
	expect((await service.status("k")).state).toBe("completed");
});

test("a trigger that is taken away and put again starts again, under keys of its own", async () => {
	const w = world();
	const { agent, seen } = noting();
	const { service } = await w.started([agent]);
	const one = { id: "one", on: { kind: "once" }, start: "note" } as const;
	for (let round = 0; round < 2; round++) {
		await service.put(one);
		await quiet(30);
		expect(await service.remove("one")).toBe(true);
	}
	await service.put(one);
	await quiet(30);
	expect(seen.map(({ key }) => key)).toEqual(["one@1:once", "one@2:once", "one@3:once"]);
	expect(await service.remove("two")).toBe(false);
});

describe("28: what nothing happens to costs nothing", () => {
	test("an idle leader only renews its lease, and one that stands by does nothing", async () => {
		const inner = memoryStore();
		const calls = new Map<string, number>();
		const counting = (): Store =>
			new Proxy(inner, {
				get: (target, name: keyof Store) => {
					const member: unknown = target[name];
					if (typeof member !== "function") return member;
					return (...given: unknown[]) => {
						calls.set(name, (calls.get(name) ?? 0) + 1);
						return member.apply(target, given);
					};
				},
			});
		const w = world(inner);
		const triggers = [{ id: "rare", on: "every 1d", start: "note" }] as const;
		const total = async (): Promise<number> => {
			calls.clear();
			await w.pass(100 * LEASE, 100);
			return [...calls.values()].reduce((sum, count) => sum + count, 0);
		};
		await w.started([noting().agent], { store: counting(), triggers });
		const leading = await total();
		await w.started([noting().agent], { store: inner, triggers });
		// Three renewals a lease, each with a look at what may have changed.
		expect(leading).toBeLessThan(100 * 3 * 5);
		expect(calls.get("write") ?? 0).toBe(0);
	});
});

/** A clock on the wall that can be set back. */
function settable(clock: VirtualClock): { readonly clock: Clock; set(by: number): void } {
	let offset = 0;
	const inner = new Map<Timer, { at: Timer }>();
	return {
		set: (by) => {
			offset += by;
		},
		clock: {
			now: () => clock.now() + offset,
			set: (due, fire) => {
				const timer = { due };
				const arm = (): { at: Timer } => ({
					at: clock.set(Math.min(due - offset, clock.now() + 10_000), () => {
						if (clock.now() + offset >= due) {
							inner.delete(timer);
							fire();
						} else inner.set(timer, arm());
					}),
				});
				inner.set(timer, arm());
				return timer;
			},
			clear: (timer) => {
				const armed = inner.get(timer);
				if (armed !== undefined) clock.clear(armed.at);
				inner.delete(timer);
			},
			hold: () => clock.hold(),
			yield: (fire) => clock.yield(fire),
		},
	};
}

test.each([-3_600_000, 3_600_000])(
	"33: a clock that is set by %i ms starts no slot twice, and no burst",
	async (by) => {
		const w: World = world();
		const wall = settable(w.clock);
		const { agent, seen } = noting();
		await w.started([agent], { clock: wall.clock, triggers: [{ id: "tick", on: "every 1s", start: "note" }] });
		await w.pass(5_000);
		wall.set(by);
		await w.pass(3_700_000, 5_000);
		const dues = seen.map(({ due }) => Date.parse(due));
		expect(new Set(dues).size).toBe(dues.length);
		expect(seen.length).toBeGreaterThan(20);
		expect(dues.at(-1)).toBeGreaterThan(NOON + Math.min(0, by) + 3_690_000);
	},
);
