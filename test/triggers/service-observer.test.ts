import { defineAgent, type Occurrence, type ServiceObserver } from "dagswarm";
import { describe, expect, test } from "vitest";
import { optionsOf } from "../../src/run-settings.js";
import { loadState } from "../../src/stored-run.js";
import { noting, quiet, worlds } from "./service-fixture.js";

const newWorld = worlds();

/** Keeps all that an observer is told, in words. */
function observing(): { readonly observer: ServiceObserver; readonly seen: string[] } {
	const seen: string[] = [];
	const about = ({ key, state, attempt, reason }: Occurrence): string =>
		[key, state, attempt, ...(reason === undefined ? [] : [reason])].join(" ");
	const observer: ServiceObserver = {
		occurrence: (row) => seen.push(about(row)),
		run: (run, row) => seen.push(`run ${run.id} of ${row?.key}`),
		leading: (isLeading) => seen.push(isLeading ? "leads" : "stands by"),
	};
	return { observer, seen };
}

const work = defineAgent({ name: "work", run: async () => 1 });
let failures = 0;
const flaky = defineAgent({
	name: "flaky",
	run: async () => {
		if (failures-- > 0) throw new Error("not yet");
		return 1;
	},
});

describe("an observer of a service", () => {
	test("is told of slots, decisions and ends, in their order", async () => {
		const world = newWorld();
		const { observer, seen } = observing();
		const { service } = world.member([work], {
			observer,
			triggers: [{ id: "t", on: { kind: "once" }, start: "work" }],
		});
		await service.start();
		await service.ended("t@1:once");
		// What is written may be seen by others first.
		await service.stop();
		expect(seen).toEqual([
			"leads",
			"t@1:once pending 0",
			"t@1:once running 1",
			"run t@1:once of t@1:once",
			"t@1:once completed 1",
		]);
	});

	test("is told of further attempts, with why the one before has failed", async () => {
		const world = newWorld();
		const { observer, seen } = observing();
		const { service } = await world.started([flaky], {
			observer,
			triggers: [{ id: "t", on: { kind: "manual" }, start: "flaky", retry: { maxAttempts: 2, delay: "1s" } }],
		});
		failures = 1;
		const { key } = await service.fire("t", { key: "a" });
		await quiet();
		await world.pass(1_000);
		expect((await service.status(key)).state).toBe("completed");
		expect(seen.slice(1)).toEqual([
			"t@1:a running 1",
			"run t@1:a of t@1:a",
			't@1:a waiting 1 node "flaky" failed',
			't@1:a running 2 node "flaky" failed',
			"run t@1:a#2 of t@1:a",
			"t@1:a completed 2",
		]);
	});

	test("every run has the metadata of the service, and what its occurrence says goes first", async () => {
		const world = newWorld();
		const { service } = await world.started([work], { metadata: { host: "blue", "dagswarm.occurrence": "mine" } });
		await service.ended((await service.submit("work", { key: "w", metadata: { host: "green" } })).key);
		const { settings } = await loadState(world.store.journal, "w");
		expect(optionsOf(settings).metadata).toEqual({ host: "green", "dagswarm.occurrence": "w" });
	});
});

test("what an observer throws stops nothing, and is told", async () => {
	const w = newWorld();
	const { agent, seen } = noting();
	const observer = {
		occurrence: () => {
			throw new Error("from occurrence");
		},
		run: () => {
			throw new Error("from run");
		},
		leading: async () => {
			throw new Error("from leading");
		},
	};
	const { service, errors } = await w.started([agent], {
		observer,
		triggers: [{ id: "m", on: { kind: "manual" }, start: "note" }],
	});
	const { key } = await service.fire("m", { key: "a" });
	await quiet(40);
	expect(seen).toHaveLength(1);
	expect((await service.status(key)).state).toBe("completed");
	expect(new Set(errors.map((error) => (error as Error).message))).toEqual(
		new Set(["from leading", "from occurrence", "from run"]),
	);
});
