import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore, type Store } from "dagswarm";
import { describe, expect, test, vi } from "vitest";
import { SwarmError } from "../../src/core/errors.js";
import { altered, failing, row } from "./faulty-store.js";
import { holding, noting, quiet, worlds } from "./service-fixture.js";

const world = worlds();
const LEASE = 10_000;

test("a listener of the program that throws stops nothing", async () => {
	const told = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
	try {
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
		const { service } = await w.started([agent], {
			triggers: [{ id: "tick", on: "every 1s", start: "note" }],
			onError: () => {
				throw new Error("from the listener");
			},
		});
		disk.times = 1;
		await service.put({ id: "other", on: { kind: "manual" }, start: "note" });
		await w.pass(3 * LEASE);
		expect(seen.length).toBeGreaterThan(9);
		expect(told.mock.calls.map(([text]) => String(text))).toEqual(
			expect.arrayContaining([
				expect.stringContaining("from the listener"),
				expect.stringContaining("the disk is gone"),
			]),
		);
	} finally {
		told.mockRestore();
	}
});

describe("what another process writes while this one does", () => {
	const slow = (inner: Store, more: Partial<Store>): Store =>
		altered(inner, {
			...more,
			write: async (change) => {
				const answer = await inner.write(change);
				await quiet(3);
				return answer;
			},
		});

	test.each([
		["that tells its version", {}],
		["that does not", { version: undefined } as unknown as Partial<Store>],
	])("is seen, with a store %s", async (_, more) => {
		const inner = memoryStore();
		const w = world(inner);
		const { agent, seen } = noting();
		const { service } = await w.started([agent], {
			store: slow(inner, more),
			triggers: [{ id: "t", on: { kind: "manual" }, start: "note" }],
		});
		await service.fire("t", { key: "a" });
		await quiet(60);
		// It is there, so that nothing else is written.
		const firing = service.fire("t", { key: "a" });
		await quiet(2);
		await inner.write({ add: [row("other", { start: { call: "note", input: { key: "other" } } })] });
		await firing;
		await quiet(50);
		await w.pass(1_000);
		expect(seen.map(({ key }) => key).sort()).toEqual(["other", "t@1:a"]);
	});
});

describe("what is not as it was written", () => {
	const damaging = (): { readonly store: Store; readonly keys: Set<string>; readonly triggers: Set<string> } => {
		const inner = memoryStore();
		const keys = new Set<string>();
		const triggers = new Set<string>();
		const damaged = () => new SwarmError("JOURNAL_CORRUPT", "it is not as it was written");
		const store = altered(inner, {
			// What one knows by itself is asked for as well.
			version: undefined as never,
			occurrence: (key) => {
				if (keys.has(key)) throw damaged();
				return inner.occurrence(key);
			},
			trigger: (id) => {
				if (triggers.has(id)) throw damaged();
				return inner.trigger(id);
			},
			triggers: async () => (await inner.triggers()).filter(({ spec }) => !triggers.has(spec.id)),
		});
		return { store, keys, triggers };
	};

	test("R3: of a row keeps no other one from ending", async () => {
		const { store, keys } = damaging();
		const w = world(store);
		const { agent, going } = holding();
		const { service } = await w.started([agent]);
		for (const key of ["x", "y"]) await service.submit("hold", { key });
		await quiet();
		keys.add("x");
		for (const each of [...going]) each.end();
		await w.pass(2 * LEASE, 1_000);
		expect((await service.status("y")).state).toBe("completed");
	});

	test("R3: of a trigger keeps its rows from nothing, and a process not from leading", async () => {
		const { store, triggers } = damaging();
		const w = world(store);
		const { agent, going } = holding();
		const specs = [
			{ id: "a", on: { kind: "manual" }, start: "hold" },
			{ id: "b", on: { kind: "manual" }, start: "hold" },
		] as const;
		const first = await w.started([agent], { triggers: specs });
		await first.service.fire("a", { key: "x" });
		await quiet();
		triggers.add("a");
		going[0]?.end();
		await quiet(30);
		expect((await first.service.status("a@1:x")).state).toBe("completed");
		await first.service.stop();
		const { service, errors } = await w.started([agent], { triggers: specs });
		expect(errors).toMatchObject([{ code: "JOURNAL_CORRUPT" }]);
		await service.fire("b", { key: "x" });
		await quiet(30);
		expect(going.map(({ key }) => key)).toEqual(["b@1:x"]);
	});
});

test("a journal that cannot be asked about a run has not said that it failed", async () => {
	const disk = failing();
	const inner = memoryStore();
	const journal = altered(inner.journal, {
		find: (run) => {
			disk.check();
			return inner.journal.find(run);
		},
	});
	const w = world(altered(inner, { journal }));
	await w.store.write({ add: [row("x", { state: "running", attempt: 1 })] });
	const { agent, seen } = noting();
	disk.times = 1;
	const { service, errors } = await w.started([agent]);
	expect(errors).toMatchObject([{ code: "JOURNAL_UNAVAILABLE" }]);
	await w.pass(2 * LEASE);
	expect(seen).toHaveLength(1);
	expect((await service.status("x")).state).toBe("completed");
});

describe("a service", () => {
	test("that is stopped while it starts leaves nothing behind", async () => {
		const inner = memoryStore();
		const gate = Promise.withResolvers<void>();
		let open = 0;
		const w = world(
			altered(inner, {
				watch: async (...given) => {
					await gate.promise;
					const stop = await inner.watch(...given);
					open++;
					return () => {
						open--;
						stop();
					};
				},
			}),
		);
		const { service } = w.member([noting().agent]);
		const starting = service.start();
		await quiet();
		await service.stop();
		gate.resolve();
		await starting;
		expect(open).toBe(0);
		expect(service.health()).toMatchObject({ state: "stopped", ok: false });
		await service.stop();
	});

	test("that is stopped before it starts is not started", async () => {
		const w = world();
		const { service } = w.member([noting().agent]);
		await service.stop();
		await expect(service.start()).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
	});

	test("whose swarm is closed says so, and leaves the lead to another one", async () => {
		const w = world();
		const { agent, seen } = noting();
		const first = await w.started([agent]);
		const second = await w.started([agent]);
		await first.swarm.close();
		const { key } = await second.service.submit("note");
		await w.pass(2_000);
		expect(first.errors).toMatchObject([{ code: "SWARM_CLOSED" }]);
		expect(first.service.health()).toMatchObject({ state: "stopped", ok: false });
		expect(second.service.isLeading).toBe(true);
		expect(seen).toHaveLength(1);
		expect((await second.service.status(key)).state).toBe("completed");
		await first.service.stop();
	});
});

describe("waiting for an end", () => {
	test("is given up with its signal, and told of what the store says", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent]);
		const { key } = await service.submit("hold", { key: "x" });
		await quiet();
		const giving = new AbortController();
		const given = service.ended(key, { signal: giving.signal });
		const other = service.ended(key);
		giving.abort(new Error("no more"));
		await expect(given).rejects.toThrow("no more");
		await expect(service.ended(key, { signal: giving.signal })).rejects.toThrow("no more");
		await expect(service.ended("nothing")).rejects.toMatchObject({ code: "UNKNOWN_OCCURRENCE" });
		going[0]?.end();
		await quiet(30);
		expect((await other).state).toBe("completed");
	});

	test("costs one listener and few looks, however many wait", async () => {
		const inner = memoryStore();
		let listeners = 0;
		let reads = 0;
		const w = world(inner);
		const counting = altered(inner, {
			watch: (...given) => {
				listeners++;
				return inner.watch(...given);
			},
			occurrence: (key) => {
				reads++;
				return inner.occurrence(key);
			},
		});
		const { service } = await w.started([noting().agent], { store: counting });
		const before = listeners;
		const keys = await Promise.all(Array.from({ length: 200 }, (_, k) => service.submit("note", { key: `k${k}` })));
		const ends = Promise.all(keys.map(({ key }) => service.ended(key)));
		await quiet(60);
		expect(new Set((await ends).map(({ state }) => state))).toEqual(new Set(["completed"]));
		expect(listeners - before).toBeLessThanOrEqual(1);
		// A look of each at the start, and some after what was written.
		expect(reads).toBeLessThan(200 * 20);
	});
});

describe("rows that are handed in side by side", () => {
	test("are written together, and each caller hears of its own", async () => {
		const inner = memoryStore();
		const sizes: number[] = [];
		const w = world(
			altered(inner, {
				write: (change) => {
					if (change.add !== undefined && change.lease === undefined) sizes.push(change.add.length);
					return inner.write(change);
				},
			}),
		);
		const { agent, seen } = noting();
		const { service } = await w.started([agent]);
		const puts = await Promise.all([...Array(20).keys(), 7, 7].map((k) => service.submit("note", { key: `k${k}` })));
		expect(sizes).toEqual([20]);
		expect(puts.map(({ isNew }) => isNew)).toEqual([...Array(20).fill(true), false, false]);
		await quiet(60);
		expect(seen).toHaveLength(20);
	});

	test("are refused by themselves", async () => {
		const w = world();
		const { service } = await w.started([noting().agent], {
			triggers: [{ id: "t", on: { kind: "manual" }, start: "note" }],
		});
		const large = "x".repeat(17 * 1024 * 1024);
		const answers = await Promise.allSettled([
			service.fire("t", { key: "a" }),
			service.fire("t", { key: "b", payload: large }),
			service.fire("t", { key: "c" }),
		]);
		expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
		expect(await w.keys()).toEqual(["t@1:a", "t@1:c"]);
	});
});

test("a file trigger whose files the store does not tell for a while is watched when it does, and that is told once", async () => {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-later-"));
	try {
		const inner = memoryStore();
		const disk = failing();
		const w = world(
			altered(inner, {
				document: (name) => {
					if (name.startsWith("files/")) disk.check();
					return inner.document(name);
				},
			}),
		);
		disk.times = 3;
		const { service, warnings } = await w.started([noting().agent], {
			cwd: folder,
			triggers: [{ id: "in", on: { kind: "file", paths: ["*.txt"], settle: 5 }, start: "note" }],
		});
		for (let turn = 0; turn < 2_000 && (await inner.document("files/in@1")) === undefined; turn++) {
			await w.pass(100, 100);
			// The disk has other things to do, too: its files are not looked at sooner than it answers.
			await readdir(folder);
		}
		expect(await inner.document("files/in@1")).toBeDefined();
		expect(warnings).toHaveLength(1);
		await service.stop();
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
});
