import { getEventListeners } from "node:events";
import {
	checkDeliveryRetry,
	type Delivery,
	type DeliveryPort,
	type DeliveryTask,
	deliverUntilTaken,
	type ErrorInfo,
	VirtualClock,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { deliveryOf, failure } from "./fixture.js";

type Answer = (delivery: Delivery, signal: AbortSignal) => unknown;

/** Delivers, with a clock that goes from timer to timer. */
async function delivered(answers: readonly Answer[], task: Partial<DeliveryTask> = {}) {
	const clock = new VirtualClock();
	const calls: { readonly at: number; readonly attempt: number }[] = [];
	const failures: { readonly attempt: number; readonly error: ErrorInfo; readonly wait?: number }[] = [];
	const port: DeliveryPort = {
		deliver(delivery, signal) {
			calls.push({ at: clock.now(), attempt: delivery.attempt });
			return answers[Math.min(calls.length, answers.length) - 1]?.(delivery, signal) as undefined;
		},
	};
	let over = false;
	const result = deliverUntilTaken({
		port,
		delivery: deliveryOf(),
		clock,
		retry: { jitter: 0 },
		onFailure: (failure) => failures.push(failure),
		...task,
	}).finally(() => {
		over = true;
	});
	while (!over) {
		// What is due comes only when nothing else can happen any more.
		await new Promise((resolve) => setImmediate(resolve));
		if (!over) clock.step();
	}
	return { result: await result, calls, failures, pending: clock.pending };
}

const takes: Answer = () => undefined;
const hangs: Answer = () => new Promise(() => {});
const throws =
	(more: object = {}): Answer =>
	() => {
		throw Object.assign(new Error("no"), more);
	};

describe("a delivery that is tried until it is taken", () => {
	test("is tried once where it is taken, at once or later", async () => {
		for (const answer of [takes, async () => {}]) {
			const { result, calls, pending } = await delivered([answer]);
			expect(result).toEqual({ attempts: 1, ok: true });
			expect(calls).toHaveLength(1);
			expect(pending).toBe(0);
		}
	});

	// Mistake 39 of others: what never succeeds is retried for ever.
	test("waits longer each time, and gives up after eight tries", async () => {
		const { result, calls, failures, pending } = await delivered([throws()]);
		expect(result).toMatchObject({ attempts: 8, ok: false, error: { message: "no" } });
		expect(calls.map(({ at }) => at / 1_000)).toEqual([0, 1, 3, 7, 15, 31, 63, 127]);
		expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
		expect(failures.map(({ attempt, wait }) => [attempt, wait])).toEqual([
			...[1, 2, 4, 8, 16, 32, 64].map((s, index) => [index + 1, s * 1_000]),
			[8, undefined],
		]);
		expect(pending).toBe(0);
	});

	test("goes on counting where an earlier process had begun", async () => {
		const { result, calls } = await delivered([throws(), takes], { delivery: deliveryOf({ attempt: 5 }) });
		expect(result).toEqual({ attempts: 2, ok: true });
		expect(calls.map(({ attempt }) => attempt)).toEqual([5, 6]);
	});

	test("waits at most so long, less a share that follows from its key", async () => {
		const retry = { maxAttempts: 30, maxDelay: "1m", factor: 3, jitter: 0.5 } as const;
		const [once, again] = [await delivered([throws()], { retry }), await delivered([throws()], { retry })];
		expect(again.calls).toEqual(once.calls);
		const other = await delivered([throws()], { retry, delivery: deliveryOf({ key: "other" }) });
		expect(other.calls).not.toEqual(once.calls);
		const waits = once.failures.flatMap(({ wait }) => wait ?? []).slice(5);
		expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
		expect(Math.min(...waits)).toBeGreaterThanOrEqual(30_000);
	});

	test("waits as long as the receiver wants, within reason", async () => {
		const answers = [throws({ retryAfter: 90_000 }), throws({ retryAfter: 1e12 }), throws({ retryAfter: -1 }), takes];
		const { failures } = await delivered(answers);
		expect(failures.map(({ wait }) => wait)).toEqual([90_000, 3_600_000, 4_000]);
	});

	test("ends where another try is said to be of no use", async () => {
		const { result, failures } = await delivered([throws({ retryable: false })]);
		expect(result).toMatchObject({ attempts: 1, ok: false, error: { retryable: false } });
		expect(failures).toHaveLength(1);
	});

	test("counts a port that hangs as one that failed, and ignores what it says later", async () => {
		const signals: AbortSignal[] = [];
		let late: ((error?: Error) => void) | undefined;
		const slow: Answer = (_, signal) => {
			signals.push(signal);
			return new Promise<void>((resolve, reject) => {
				late = (error) => (error === undefined ? resolve() : reject(error));
			});
		};
		const second: Answer = () => {
			late?.();
			throw new Error("not yet");
		};
		const third: Answer = () => {
			late?.(new Error("ignored too"));
		};
		const { result, calls, failures } = await delivered([slow, second, slow, third], { deadline: "10s" });
		expect(result).toEqual({ attempts: 4, ok: true });
		expect(failures.map(({ error }) => error.code)).toEqual(["TIMEOUT", "AGENT_ERROR", "TIMEOUT"]);
		expect(calls.map(({ at }) => at)).toEqual([0, 11_000, 13_000, 27_000]);
		expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
	});

	test("is stopped by who has started it: before, during and between tries", async () => {
		for (const moment of ["before", "during", "between"] as const) {
			const controller = new AbortController();
			const clock = new VirtualClock();
			let aborted = false;
			const port: DeliveryPort = {
				deliver(_, signal) {
					if (moment === "between") throw new Error("no");
					signal.addEventListener("abort", () => {
						aborted = true;
					});
					queueMicrotask(() => controller.abort());
					return new Promise(() => {});
				},
			};
			if (moment === "before") controller.abort();
			const result = deliverUntilTaken({
				port,
				delivery: deliveryOf(),
				clock,
				signal: controller.signal,
				onFailure: () => void (moment === "between" && clock.whenSet().then(() => controller.abort())),
			});
			expect(await result).toMatchObject({
				attempts: moment === "before" ? 0 : 1,
				ok: false,
				error: { code: "CANCELLED" },
			});
			expect(aborted).toBe(moment === "during");
			expect(clock.pending).toBe(0);
			// Mistake 45 of others: listeners that stay.
			expect(getEventListeners(controller.signal, "abort")).toEqual([]);
		}
	});

	test("never rejects, whatever the port or who is told does", async () => {
		const hostile = Object.defineProperty({}, "message", {
			get() {
				throw new Error("hostile");
			},
		});
		// biome-ignore lint/suspicious/noThenProperty: it is there to be hostile
		const thenable = Object.defineProperty({}, "then", {
			get() {
				throw new Error("hostile");
			},
		});
		const answers: Answer[] = [
			() => {
				throw hostile;
			},
			() => Promise.reject(undefined),
			() => thenable,
			takes,
		];
		const onFailure = (): never => {
			throw new Error("ignored");
		};
		expect((await delivered(answers, { onFailure })).result).toEqual({ attempts: 4, ok: true });
		expect((await delivered([takes], { port: {} as never })).result).toMatchObject({ attempts: 8, ok: false });
		const refused = await delivered([takes], { retry: { maxAttempts: 0 } });
		expect(refused.result).toMatchObject({ attempts: 0, ok: false, error: { code: "INVALID_OPTION" } });
	});

	test("keeps the process alive while it goes on", async () => {
		let held = 0;
		class Watched extends VirtualClock {
			override hold(): () => void {
				held++;
				return () => void held--;
			}
		}
		const port: DeliveryPort = { deliver: hangs as DeliveryPort["deliver"] };
		const controller = new AbortController();
		const result = deliverUntilTaken({ port, delivery: deliveryOf(), clock: new Watched(), signal: controller.signal });
		expect(held).toBe(1);
		controller.abort();
		await result;
		expect(held).toBe(0);
	});

	test.each([
		{ maxAttempts: 1_001 },
		{ factor: 0.5 },
		{ jitter: 2 },
		{ delay: "soon" as never },
		{ maxDelay: -1 },
		{ maxRetryAfter: Number.NaN },
	])("is refused with %j", async (wrong) => {
		expect((await failure(() => checkDeliveryRetry(wrong)))["code"]).toBe("INVALID_OPTION");
	});
});
