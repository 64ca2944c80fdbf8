import type { Durability, RunEvent } from "dagswarm";
import { Random } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { SEED } from "../random.js";
import { killedRun, undisturbed } from "./killing.js";
import { programs } from "./processes.js";
import type { WideTask } from "./programs/wide.js";
import { problemsOf, readEffects, readRun, resultOf } from "./told.js";

/** How often a run is killed in each mode; the nightly asks for more. */
const KILLS = Number(process.env["DAGSWARM_KILLS"] ?? 20) / 2;
/** Of a run that is long enough to be several batches. */
const NODES = 2_000;
/** After so many, another run. */
const KILLS_OF_ONE = 5;

const available = programs();
const expected = undisturbed();

describe.concurrent("a run whose process is killed at any moment", () => {
	test.each<Durability>(["strict", "relaxed"])("ends as one that nobody disturbed: %s", async (durability) => {
		for (let done = 0, round = 0; done < KILLS; round++) {
			const seed = SEED + 1_000 * round + (durability === "strict" ? 0 : 1);
			const random = new Random(seed);
			const left = Math.min(KILLS_OF_ONE, KILLS - done);
			const ordeal = { durability, later: round % 2 === 1, pruning: round % 3 === 1, kills: left, random };
			try {
				const { kills, told } = await killedRun(available, ordeal);
				expect(resultOf(told)).toEqual(await expected);
				// Where not all of its events are kept, this is not to be seen.
				expect(retriesUsed(told.events)).toEqual([]);
				done += kills;
			} catch (error) {
				throw new Error(`${durability}, seed ${seed}, round ${round}: ${(error as Error).message}`, { cause: error });
			}
		}
	});
});

describe("a relaxed run whose process is killed in the middle of a batch", () => {
	test("has lost less than that batch", async () => {
		const lost: number[] = [];
		for (const killAt of [777, 1_234, 1_777]) {
			const file = available.path("runs.db");
			const effects = available.path("effects.jsonl");
			const task: WideTask = { file, effects, run: "wide", nodes: NODES };
			expect((await available.start("wide", { ...task, killAt }).ended).signal).toBe("SIGKILL");
			const told = await readRun(file, "wide");
			expect(told && problemsOf(told)).toEqual([]);
			const published = Number(readEffects(effects).at(-1)?.of?.[0]);
			lost.push(published - (told?.summary.lastSeq ?? 0));

			expect(await available.start("wide", task).ended).toEqual({ code: 0, signal: null, stderr: "" });
			const after = await readRun(file, "wide");
			expect(after && problemsOf(after)).toEqual([]);
			expect(after?.snapshot).toMatchObject({ status: "completed", counts: { completed: NODES } });
		}
		// What goes out is less than a batch ahead of the disk, and so far that this test is of use.
		expect(Math.max(...lost)).toBeGreaterThan(0);
		expect(Math.max(...lost)).toBeLessThan(1_000);
	});
});

/** Nodes that failed by themselves more often than they may: a crash uses no retry, and gives none. */
function retriesUsed(events: readonly RunEvent[]): string[] {
	const failures = new Map<string, number>();
	for (const event of events)
		if (event.type === "node.attemptFailed" && event.interrupted === undefined)
			failures.set(event.node, (failures.get(event.node) ?? 0) + 1);
	return [...failures].filter(([, count]) => count > 1).map(([node]) => node);
}
