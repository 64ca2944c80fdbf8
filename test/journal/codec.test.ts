import { SwarmError } from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_PLAIN_DEPTH } from "../../src/core/plain.js";
import type { RunEvent, RunFact } from "../../src/graph/types.js";
import { blobsOf, decodeRecord, isWhole, MAX_RECORD_EVENTS, RecordEncoder } from "../../src/journal/codec.js";
import type { Blob, JournalRecord } from "../../src/journal/journal.js";
import { MAX_INLINE } from "../../src/journal/spread-text.js";

const RUN = "run";

function encode(events: readonly RunEvent[], run = RUN) {
	const encoder = new RecordEncoder(run);
	for (const event of events) encoder.add(event);
	return encoder.take();
}

function decode(records: readonly JournalRecord[], blobs: readonly Blob[], run = RUN): RunEvent[] {
	const events: RunEvent[] = [];
	const stored = new Map(blobs.map(({ hash, body }) => [hash, body]));
	for (const record of records) decodeRecord(run, record, stored, (event) => events.push(event));
	return events;
}

const stamped = (facts: readonly RunFact[], at = (i: number) => 1_000 + i): RunEvent[] =>
	facts.map((fact, i) => ({ seq: i + 1, at: at(i), ...fact }) as RunEvent);

/** Encodes, checks what can be checked on the way, and decodes. */
function roundTrip(events: readonly RunEvent[]): RunEvent[] {
	const { records, blobs } = encode(events);
	for (const record of records) {
		expect(isWhole(RUN, record)).toBe(true);
		const known = new Set(blobs.map(({ hash }) => hash));
		expect(blobsOf(record.body).every((hash) => known.has(hash))).toBe(true);
	}
	return decode(records, blobs);
}

function thrownBy(call: () => unknown): unknown {
	try {
		call();
	} catch (error) {
		return SwarmError.is(error) ? error.code : error;
	}
	return "nothing";
}

const text = fc.oneof(
	fc.string({ unit: "binary" }),
	fc.constantFrom("", "$bytes", "$blob", "\ud800", "x\udc00y", "\u2028", "\0", '"$blob":"', "__proto__", "toJSON"),
	fc.constant("long ".repeat(1_000)),
);
const key = fc.oneof(
	fc.constantFrom(
		"$bytes",
		"$blob",
		"$$blob",
		"$$$bytes",
		"__proto__",
		"constructor",
		"toJSON",
		"",
		"seq",
		"at",
		"type",
	),
	fc.string({ unit: "binary" }),
);
/** An object whose keys are its own, whatever they are called. */
const object = (value: fc.Arbitrary<unknown>) =>
	fc.oneof(
		fc.tuple(key, value).map(([name, member]) => own([[name, member]])),
		fc.array(fc.tuple(key, value), { maxLength: 4 }).map(own),
	);
function own(entries: readonly (readonly [string, unknown])[]): object {
	const made = {};
	for (const [name, value] of entries)
		Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
	return made;
}
const plain: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
	value: fc.oneof(
		{ depthSize: "small", withCrossShrink: true },
		fc.oneof(
			fc.constant(null),
			fc.boolean(),
			fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
			text,
			fc.uint8Array({ maxLength: 40 }),
		),
		fc.array(tie("value"), { maxLength: 4 }),
		object(tie("value")),
	),
})).value;

const factsWith = (value: unknown): RunFact[] => [
	{
		type: "run.created",
		run: RUN,
		epoch: 1,
		open: true,
		metadata: { m: value } as never,
		settings: { durable: true, options: { o: value } },
	},
	{ type: "node.added", node: "a", spec: { id: "a", agent: "x", input: value, metadata: { m: value } as never } },
	{
		type: "node.added",
		node: "b",
		spec: { id: "b", agent: "x", input: value, dependsOn: { $bytes: "a" } },
		addedBy: "a",
		depth: 1,
		early: 2,
		key: "k",
	},
	{ type: "node.updated", node: "a", spec: { id: "a", agent: "x", input: value }, by: "b" },
	{ type: "node.completed", node: "a", attempt: 1, output: value },
	{ type: "node.completed", node: "a", attempt: 1, output: value, memo: true },
	{ type: "node.stepped", node: "a", attempt: 1, name: "$bytes", value },
	{ type: "node.parked", node: "a", attempt: 1, wait: { kind: "approval", reason: "r", data: value } },
	{ type: "node.woken", node: "a", attempt: 1, wake: { kind: "signal", payload: value } },
	{ type: "node.woken", node: "a", attempt: 1, wake: { kind: "approved", by: "me", data: value } },
	{ type: "run.signalled", name: "s", payload: value, for: "a" },
	{
		type: "node.speculated",
		node: "a",
		mode: "eager",
		outcome: {
			kind: "completed",
			output: value,
			patch: { mutations: [{ type: "addNode", node: { id: "n", agent: "x", input: value } }], expand: true },
		},
	},
];

describe("events as records", () => {
	test("any plain data comes back as it was, wherever it stands", () => {
		fc.assert(
			fc.property(plain, (value) => {
				const events = stamped(factsWith(value));
				expect(roundTrip(events)).toEqual(events);
			}),
			{ numRuns: 300, seed: 20_260 },
		);
	});

	test("keys that are no property of an object literal, and data as deep as it may be", () => {
		let deep: unknown = new Uint8Array([1]);
		for (let level = 1; level < MAX_PLAIN_DEPTH; level++) deep = level % 2 === 0 ? [deep] : { $blob: deep };
		const proto = JSON.parse('{"__proto__":{"__proto__":{"$bytes":"x"}},"b":{"__proto__":1}}') as unknown;
		for (const value of [deep, proto, { $bytes: { $$bytes: { $blob: "0".repeat(64) } } }]) {
			const events = stamped(factsWith(value));
			const back = roundTrip(events);
			expect(back).toEqual(events);
		}
		const [, added] = roundTrip(stamped(factsWith(proto)));
		const input = (added as { spec: { input: object } }).spec.input;
		expect(Object.getPrototypeOf(input)).toBe(Object.prototype);
		expect(Object.keys(input)).toEqual(["__proto__", "b"]);
	});

	test("every type of event", () => {
		const error = { code: "AGENT_ERROR", message: "no", stack: "at", cause: { code: "X", message: "y" } } as const;
		const facts: RunFact[] = [
			...factsWith({ v: 1 }),
			{ type: "run.created", run: RUN, epoch: 1, open: false, forkedFrom: { run: "r", seq: 7 } },
			{ type: "run.started" },
			{ type: "run.recovered", epoch: 2, versions: { __proto__: null, a: "1" } as never, timed: true, ask: ["x"] },
			{ type: "run.closed" },
			{ type: "run.waiting" },
			{ type: "run.paused" },
			{ type: "run.resumed" },
			{ type: "run.signalled", name: "s" },
			{ type: "run.stopping", status: "failed", reason: "r", node: "a" },
			{ type: "run.ended", status: "failed", reason: "r" },
			{ type: "edge.added", from: "a", to: "b", alias: ["$x"], by: "c", key: "k" },
			{ type: "edge.removed", from: "a", to: "b" },
			{ type: "patch.rejected", node: "a", attempt: 1, refusal: { code: "CYCLE", message: "m", nodes: ["a"] } },
			{ type: "patch.applied", key: "k" },
			{ type: "node.added", node: "a", spec: { id: "a", agent: "x" } },
			{ type: "node.started", node: 'a"\ud800', attempt: 3, epoch: 2 },
			{ type: "node.completed", node: "a", attempt: 1, output: undefined },
			{ type: "node.completed", node: "a", attempt: 1, output: null },
			{ type: "node.completed", node: "a", attempt: 1, output: undefined, memo: true },
			{ type: "node.parked", node: "a", attempt: 1, wait: { kind: "sleep", until: 1.5 } },
			{ type: "node.woken", node: "a", attempt: 1, wake: { kind: "retry" } },
			{ type: "node.attemptFailed", node: "a", attempt: 1, error, retryAt: 5, interrupted: "crash" },
			{ type: "node.stepped", node: "a", attempt: 1, name: "n" },
			{ type: "node.failed", node: "a", attempt: 1, error, onFailure: "block" },
			{ type: "node.skipped", node: "a", cause: "failure", root: "b" },
			{ type: "node.abandoned", node: "a", reason: "pruned", by: "b" },
			{ type: "node.cancelled", node: "a" },
			{ type: "node.speculated", node: "a", mode: "hold" },
			{ type: "node.speculated", node: "a", mode: "eager", outcome: { kind: "failed", error } },
			{ type: "node.confirmed", node: "a", by: "b", key: "k" },
		];
		const events = stamped(facts, (i) => 1_000 + (i >> 2) + 0.25);
		expect(roundTrip(events)).toEqual(events);
	});

	test("long values are stored once, by their hash, and where they are short they are not", () => {
		const long = "x".repeat(MAX_INLINE);
		const { records, blobs } = encode(stamped(factsWith(long)));
		expect(new Set(blobs.map(({ hash }) => hash)).size).toBe(1);
		expect(new Set(records.flatMap(({ body }) => blobsOf(body))).size).toBe(1);
		expect(
			encode(stamped([{ type: "node.completed", node: "a", attempt: 1, output: "x".repeat(4_094) }])).blobs,
		).toEqual([]);
	});

	test("a record is closed at so many events and at so long a text", () => {
		const many = stamped(
			Array.from({ length: 2_500 }, () => ({ type: "node.started", node: "a", attempt: 1, epoch: 1 }) as const),
		);
		const { records, blobs } = encode(many);
		expect(records.map(({ firstSeq, lastSeq }) => lastSeq - firstSeq + 1)).toEqual([
			MAX_RECORD_EVENTS,
			MAX_RECORD_EVENTS,
			500,
		]);
		expect(decode(records, blobs)).toEqual(many);
		const reason = "y".repeat(300_000);
		const large = stamped(
			Array.from({ length: 9 }, () => ({ type: "run.stopping", status: "failed", reason }) as const),
		);
		const split = encode(large);
		expect(split.records.map(({ firstSeq, lastSeq }) => lastSeq - firstSeq + 1)).toEqual([4, 4, 1]);
		expect(decode(split.records, split.blobs)).toEqual(large);
		expect(encode([])).toEqual({ records: [], blobs: [] });
	});
});

describe("a record that is not as it was written", () => {
	const events = stamped([
		{ type: "node.completed", node: "a", attempt: 1, output: "o".repeat(5_000) },
		{ type: "node.started", node: "b", attempt: 1, epoch: 1 },
	]);
	const { records, blobs } = encode(events);
	const record = records[0] as JournalRecord;

	test("any bit of it that flips is noticed", () => {
		for (let i = 0; i < record.body.length; i++) {
			for (const bit of [1, 4, 32]) {
				const flipped = String.fromCharCode(record.body.charCodeAt(i) ^ bit);
				const body = record.body.slice(0, i) + flipped + record.body.slice(i + 1);
				expect(thrownBy(() => decode([{ ...record, body }], blobs))).toBe("JOURNAL_CORRUPT");
			}
		}
	});

	test("nor may it be of another run or place, or have another checksum", () => {
		const wrong: JournalRecord[] = [
			{ ...record, firstSeq: 2, lastSeq: 3 },
			{ ...record, lastSeq: 3 },
			{ ...record, checksum: record.checksum ^ 1 },
			{ ...record, body: "" },
			{ ...record, body: record.body.slice(0, -1) },
		];
		for (const each of wrong) expect(thrownBy(() => decode([each], blobs))).toBe("JOURNAL_CORRUPT");
		expect(thrownBy(() => decode(records, blobs, "other"))).toBe("JOURNAL_CORRUPT");
	});

	test("nor may a large value of it be missing or another one", () => {
		expect(thrownBy(() => decode(records, []))).toBe("JOURNAL_CORRUPT");
		const [blob] = blobs;
		const changed = { hash: blob?.hash ?? "", body: `${blob?.body} ` };
		expect(thrownBy(() => decode(records, [changed]))).toBe("JOURNAL_CORRUPT");
	});
});
