import { describe, expect, test } from "vitest";
import { SwarmError } from "../../src/core/errors.js";
import type { NodeImage, RunImage } from "../../src/graph/image-format.js";
import type { StoredSnapshot } from "../../src/journal/journal.js";
import { snapshotChecksum } from "../../src/journal/snapshot-chain.js";
import { decodeSnapshots, encodeSnapshot, snapshotBlobs } from "../../src/journal/snapshot-codec.js";
import { MAX_INLINE } from "../../src/journal/spread-text.js";

const LONG = "x".repeat(MAX_INLINE);

function image(nodes: readonly NodeImage[], more: Partial<RunImage> = {}): RunImage {
	return {
		seq: 7,
		base: undefined,
		size: nodes.length,
		run: { id: "r", at: 3, epoch: 1, open: true, status: "running", ended: false, settings: {}, plain: true },
		keys: [],
		signals: [],
		listening: [],
		ready: { behind: false, nodes: [] },
		nodes,
		order: [],
		...more,
	};
}

function nodeOf(more: Partial<NodeImage> = {}): NodeImage {
	return { state: 0, attempt: 0, flags: 0, spec: { id: "a", agent: "work" }, ...more };
}

function blobsOf(...snapshots: StoredSnapshot[]): Map<string, string> {
	return new Map(snapshots.flatMap(({ blobs }) => blobs.map(({ hash, body }) => [hash, body])));
}

function roundTrip(before: RunImage): RunImage | undefined {
	const stored = encodeSnapshot("r", before);
	return decodeSnapshots("r", [stored], blobsOf(stored))[0];
}

function corrupt(decode: () => unknown, message: string): void {
	const caught = ((): unknown => {
		try {
			return decode();
		} catch (error) {
			return error;
		}
	})();
	expect(SwarmError.is(caught) && caught.code).toBe("JOURNAL_CORRUPT");
	expect((caught as SwarmError).message).toContain(message);
}

describe("a snapshot", () => {
	const bytes = new Uint8Array([0, 255, 7]);

	test.each<[string, RunImage]>([
		["without nodes", image([])],
		[
			"with keys, signals, listeners and what is asked",
			image([nodeOf()], {
				keys: ["k", "__proto__"],
				signals: [{ name: "s", kept: [{ payload: { bytes } }, { for: "a" }] }],
				listening: [{ name: "t", nodes: [0] }],
				ready: { behind: true, nodes: [0] },
				order: [[0, [2, 1]]],
			}),
		],
		["of a change", image([nodeOf(), nodeOf()], { numbers: [3, 8], size: 20 })],
		[
			"with outputs of every kind",
			image(
				[null, 0, "", false, [], {}, bytes, { $bytes: "AA==" }, { $blob: "x" }].map((output) => nodeOf({ output })),
			),
		],
		[
			"with a rest that has no output",
			image([nodeOf({ creator: 2 }), nodeOf({ lease: 9, into: [[1], [2, ["x", "y"]]] })]),
		],
		[
			"with bytes wherever they may be",
			image([
				nodeOf({
					spec: { id: "a", agent: "work", input: { deep: [bytes] }, metadata: { bytes }, dependsOn: { $blob: "b" } },
					extras: {
						wait: { kind: "approval", reason: "r", data: bytes },
						wake: { kind: "signal", payload: bytes },
						withheld: {
							kind: "completed",
							output: bytes,
							patch: { mutations: [{ type: "addNode", node: { agent: "work", input: bytes } }] },
						},
						steps: [{ name: "one", value: bytes }, { name: "two" }],
						waited: [{ key: "signal s", wakes: [{ kind: "signal", payload: bytes }, { kind: "expired" }] }],
						early: ["ä", "💡", "\u2028"],
						addedSpec: { id: "a", agent: "work", input: bytes },
					},
				}),
			]),
		],
		[
			"with keys that other objects would take for their own",
			image([nodeOf({ output: JSON.parse('{"__proto__":{"toString":1},"constructor":2}') })]),
		],
	])("%s is read as it was", (_, before) => {
		const after = roundTrip(before);
		expect(after).toEqual(before);
		expect(after?.nodes.map((each) => "output" in each)).toEqual(before.nodes.map((each) => "output" in each));
	});

	test("leaves out members that are undefined", () => {
		const after = roundTrip(
			image([nodeOf({ output: { a: undefined, b: 1 }, extras: { wait: undefined, lost: true } as never })]),
		);
		expect(after?.nodes[0]?.output).toStrictEqual({ b: 1 });
		expect(after?.nodes[0]?.extras).toStrictEqual({ lost: true });
	});

	test("keeps small nodes short", () => {
		const { body } = encodeSnapshot("r", image([nodeOf({ state: 5, attempt: 1, flags: 1, output: 42 })]));
		expect(body).toContain('"nodes":[[5,1,1,{"id":"a","agent":"work"},[42]]]');
	});
});

describe("large values", () => {
	const large = image(
		[
			nodeOf({ spec: { id: "a", agent: "work", input: { LONG }, metadata: { LONG } }, output: [LONG] }),
			nodeOf({
				output: [LONG],
				extras: {
					steps: [{ name: "s", value: `${LONG}1` }],
					withheld: {
						kind: "completed",
						output: `${LONG}2`,
						patch: { mutations: [{ type: "addNode", node: { agent: "work", input: LONG } }] },
					},
					waited: [{ key: "k", wakes: [{ kind: "signal", payload: `${LONG}3` }] }],
				},
			}),
		],
		{ signals: [{ name: "s", kept: [{ payload: `${LONG}4` }] }] },
	);

	test("stand elsewhere, each once", () => {
		const stored = encodeSnapshot("r", large);
		expect(stored.blobs.map(({ body }) => body)).toEqual([...new Set(stored.blobs.map(({ body }) => body))]);
		expect(stored.blobs).toHaveLength(7);
		expect(snapshotBlobs([stored, stored]).sort()).toEqual(stored.blobs.map(({ hash }) => hash).sort());
		expect(roundTrip(large)).toEqual(large);
	});

	test("that are no larger than that stand in the snapshot", () => {
		const output = "x".repeat(MAX_INLINE - 2);
		const stored = encodeSnapshot("r", image([nodeOf({ output })]));
		expect(stored.blobs).toEqual([]);
		expect(snapshotBlobs([stored])).toEqual([]);
		expect(decodeSnapshots("r", [stored], new Map())).toEqual([image([nodeOf({ output })])]);
	});

	test("must be there, and as they were written", () => {
		const stored = encodeSnapshot("r", image([nodeOf({ output: `${LONG}5` })]));
		const [hash = ""] = snapshotBlobs([stored]);
		corrupt(() => decodeSnapshots("r", [stored], new Map()), `refers to the blob ${hash}, which is gone`);
		corrupt(() => decodeSnapshots("r", [stored], new Map([[hash, '"y"']])), "not as it was written");
	});
});

describe("a chain of snapshots", () => {
	const whole = encodeSnapshot("r", image([nodeOf()]));
	const second = encodeSnapshot("r", image([nodeOf()], { seq: 9, base: 7, numbers: [0] }));
	const third = encodeSnapshot("r", image([nodeOf()], { seq: 12, base: 9, numbers: [0] }));

	test("is read in order", () => {
		const images = decodeSnapshots("r", [whole, second, third], new Map());
		expect(images.map(({ seq, base }) => [seq, base])).toEqual([
			[7, undefined],
			[9, 7],
			[12, 9],
		]);
		expect(decodeSnapshots("r", [], new Map())).toEqual([]);
	});

	test.each<[string, StoredSnapshot[], string]>([
		[
			"that begins with a change",
			[second],
			'the snapshot of run "r" at event 9 does not follow nothing: its base is 7',
		],
		["with a gap", [whole, third], 'the snapshot of run "r" at event 12 does not follow 7: its base is 9'],
		["with two that stand alone", [whole, whole], "at event 7 does not follow 7: its base is none"],
		[
			"with a flipped bit",
			[whole, { ...second, body: second.body.replace('"a"', '"b"') }],
			'run "r" at event 9 is not as it was written',
		],
		["with another seq", [{ ...whole, seq: 8 }], 'run "r" at event 8 is not as it was written'],
		[
			"with a text that is no JSON",
			[{ ...whole, body: "{", checksum: snapshotChecksum("r", { ...whole, body: "{" }) }],
			"cannot be read",
		],
	])("%s is corrupt", (_, stored, message) => {
		corrupt(() => decodeSnapshots("r", stored, new Map()), message);
	});

	test("of another run is corrupt", () => {
		corrupt(() => decodeSnapshots("q", [whole], new Map()), 'run "q" at event 7 is not as it was written');
	});
});
