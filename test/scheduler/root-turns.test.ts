import { describe, expect, test } from "vitest";
import { Limits } from "../../src/scheduler/limits.js";
import { RunQueue } from "../../src/scheduler/run-queue.js";
import { Scheduler } from "../../src/scheduler/scheduler.js";
import { Driver, node } from "../graph/driver.js";

/** A scheduler whose slots are free when the test says so, each for as long as it takes to be seen. */
class Stage {
	readonly #slots = { free: 0, yielding: false, reserve: () => void this.#slots.free--, release() {}, balance() {} };
	readonly scheduler = new Scheduler(this.#slots);
	#order: string[] = [];

	/** A run of so many nodes, none of which ends. */
	begin(run: string, nodes = 50): RunQueue {
		const { actor } = new Driver(
			Array.from({ length: nodes }, (_, i) => node(`n${i}`)),
			{
				run,
				check: "off",
				host: {
					start: () => void this.#order.push(run),
					fill: () => this.scheduler.fill(queue),
					unstarted() {},
					abort() {},
					mayRetry: () => true,
					committed() {},
					poisoned() {},
				},
			},
		);
		const queue: RunQueue = new RunQueue(actor, {
			root: run.split("/")[0],
			limits: new Limits([]),
			agentLimits: () => undefined,
			limited: false,
			concurrency: Number.POSITIVE_INFINITY,
			onWake: (woken) => this.scheduler.wake(woken),
		});
		this.scheduler.add(queue);
		return queue;
	}

	/** @returns whose nodes have started in so many slots */
	async serve(slots: number): Promise<string[]> {
		this.#order = [];
		for (let i = 0; i < slots; i++) {
			this.#slots.free = 1;
			this.scheduler.pump();
			await Promise.resolve();
			await Promise.resolve();
		}
		return this.#order;
	}
}

describe("turns of roots", () => {
	test("are those of runs where nothing was called", async () => {
		const stage = new Stage();
		for (const run of ["a", "b", "c"]) stage.begin(run);
		expect(await stage.serve(7)).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
	});

	test("go to the runs of a root in turn", async () => {
		const stage = new Stage();
		for (const run of ["a", "a/1", "a/2", "b", "a/1/1"]) stage.begin(run);
		expect(await stage.serve(9)).toEqual(["a", "b", "a/1", "b", "a/2", "b", "a/1/1", "b", "a"]);
	});

	test("are not won by calling again and again", async () => {
		const stage = new Stage();
		for (const run of ["b", "a"]) stage.begin(run, run === "a" ? 0 : 50);
		const order: string[] = [];
		for (let i = 0; i < 4; i++) {
			const called = stage.begin(`a/${i}`, 1);
			order.push(...(await stage.serve(2)));
			// Its only run with work ends, and the next one is there at once.
			stage.scheduler.remove(called);
		}
		expect(order).toEqual(["b", "a/0", "b", "a/1", "b", "a/2", "b", "a/3"]);
	});

	test("do not pass by a run of a root whose others come and go", async () => {
		const stage = new Stage();
		const called = new Map(["a", "a/x", "a/0"].map((run) => [run, stage.begin(run)]));
		const order = await stage.serve(2);
		for (let i = 1; i < 9; i++) {
			// Whoever comes waits behind all that wait, and goes for good once it has had its turn.
			called.set(`a/${i}`, stage.begin(`a/${i}`));
			const [served = ""] = await stage.serve(1);
			order.push(served);
			if (/\d/.test(served)) stage.scheduler.remove(called.get(served) as RunQueue);
		}
		expect(order).toEqual(["a", "a/x", "a/0", "a", "a/x", "a/1", "a/2", "a", "a/3", "a/x"]);
	});

	test("end with its last run, and begin anew", async () => {
		const stage = new Stage();
		const [a, called] = [stage.begin("a"), stage.begin("a/1")];
		stage.begin("b");
		stage.scheduler.remove(a);
		expect(await stage.serve(3)).toEqual(["a/1", "b", "a/1"]);
		stage.scheduler.remove(called);
		stage.scheduler.remove(called);
		expect(await stage.serve(2)).toEqual(["b", "b"]);
		stage.begin("a");
		expect(await stage.serve(3)).toEqual(["b", "a", "b"]);
		expect(stage.scheduler.depth(1_000)).toBeGreaterThan(50);
		expect(stage.scheduler.depth(7)).toBeGreaterThanOrEqual(7);
	});
});
