import assert from "node:assert/strict";
import type { Occurrence } from "../../triggers/occurrence.js";
import type { OccurrenceFilter, RunRequest, Store, StoreAnswer } from "../../triggers/store.js";
import type { TriggerRecord } from "../../triggers/trigger.js";
import { ANNA } from "./samples.js";

/** What is done with an empty store: it throws when an answer is not as promised. */
export type StoreScript = (store: Store) => Promise<void>;

export const DONE: StoreAnswer = { ok: true, present: [] };
export const STALE: StoreAnswer = { ok: false, why: "stale" };
export const FENCED: StoreAnswer = { ok: false, why: "fenced" };

export function occurrenceOf(key: string, change: Partial<Occurrence> = {}): Occurrence {
	return { key, due: 1_000.5, createdAt: 1_000.25, state: "pending", attempt: 0, version: 1, ...change };
}

/** The next version of one. */
export function changed(before: Occurrence, change: Partial<Occurrence>): Occurrence {
	return { ...before, version: before.version + 1, ...change };
}

/** Everything that an occurrence may hold, and text of all kinds. */
export function fullOccurrence(key: string): Occurrence {
	return occurrenceOf(key, {
		trigger: "full",
		revision: 3,
		state: "failed",
		attempt: 2,
		startedAt: 1_001,
		endedAt: 1_002,
		nextAt: 1_003,
		payload: { text: 'ä€😀"\\\u0000', $bytes: "none", bytes: new Uint8Array([0, 255]), list: [null, true, 0.5] },
		start: { call: "agent", input: { $occurrence: "/payload" } },
		deadline: 5,
		status: "failed",
		reason: "why",
		error: { code: "AGENT_ERROR", message: "no", retryable: false } as NonNullable<Occurrence["error"]>,
		cancelling: "by hand",
		metadata: { a: 1 },
	});
}

export function triggerOf(id: string, change: Partial<TriggerRecord> = {}): TriggerRecord {
	return {
		spec: { id, on: { kind: "every", every: "5m" }, start: "agent", metadata: { text: "ä😀" } },
		revision: 1,
		createdAt: 1_000.25,
		updatedAt: 1_000.25,
		source: "code",
		paused: false,
		cursor: { started: 0, completed: 0, failed: 0, cancelled: 0, failures: 0 },
		version: 1,
		...change,
	};
}

export function requestOf(id: string, change: Partial<RunRequest> = {}): RunRequest {
	return { id, run: "run", body: `{"of":"${id}"}`, at: 1_000.25, ...change };
}

/** Changes a store, which must not refuse it. */
export async function done(store: Store, change: Parameters<Store["write"]>[0]): Promise<void> {
	assert.deepEqual(await store.write(change), DONE);
}

export async function keysOf(store: Store, filter?: OccurrenceFilter): Promise<string[]> {
	return (await store.occurrences(filter)).map(({ key }) => key);
}

/** Takes a lease for Anna. @returns its fence */
export async function fenceOf(store: Store, name: string): Promise<number> {
	return (await store.acquire(name, ANNA, 2_000, 1_000)).fence;
}
