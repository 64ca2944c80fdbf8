import { SwarmError } from "../core/errors.js";
import type { NodeImage, RunImage } from "../graph/image-format.js";
import { blobsOf, parseBody } from "./codec.js";
import type { StoredSnapshot } from "./journal.js";
import { snapshotChecksum } from "./snapshot-chain.js";
import { MAX_INLINE, SpreadText } from "./spread-text.js";

/*
 * A snapshot's body is a JSON object with the members of an image. Its nodes are arrays: [state, attempt,
 * flags, spec, rest?]. The rest of a node that has nothing but an output is an array with the output.
 */

/** Members that hold what users hand over, as much of it as they like: long ones are stored by their hash. */
const LARGE = new Set(["input", "output", "payload", "data", "value", "patch"]);
/** Members with such members, and lists of them. */
const NESTED = new Set([
	"spec",
	"addedSpec",
	"extras",
	"withheld",
	"wake",
	"wait",
	"steps",
	"waited",
	"inbox",
	"wakes",
	"signals",
	"kept",
]);

/** A snapshot as it is read: its large values stand elsewhere. */
type ReadSnapshot = Omit<StoredSnapshot, "blobs">;

/** Makes of an image what a journal keeps. */
export function encodeSnapshot(run: string, image: RunImage): StoredSnapshot {
	return new SnapshotEncoder(run, image).stored;
}

class SnapshotEncoder {
	readonly stored: StoredSnapshot;
	readonly #spread = new SpreadText(LARGE, NESTED);

	constructor(run: string, image: RunImage) {
		const { seq, base, nodes, ...rest } = image;
		const fields = this.#spread.object(rest);
		const texts: string[] = [];
		for (const node of nodes) texts.push(this.#node(node));
		const body = `${fields.slice(0, -1)},"nodes":[${texts.join()}]}`;
		const checksum = snapshotChecksum(run, { seq, base, body });
		this.stored = { seq, base, body, blobs: this.#spread.takeBlobs(), checksum };
	}

	#node({ state, attempt, flags, spec, ...rest }: NodeImage): string {
		let members = 0;
		for (const _ in rest) members++;
		const onlyOutput = members === 1 && rest.output !== undefined;
		// Most nodes are small and need no second look: their text is made at one go.
		if (budgetLeft(rest, budgetLeft(spec, SIMPLE)) >= 0) {
			const tail = onlyOutput ? [rest.output] : rest;
			const text = JSON.stringify(members === 0 ? [state, attempt, flags, spec] : [state, attempt, flags, spec, tail]);
			if (text.length <= MAX_INLINE) return text;
		}
		const head = `[${state},${attempt},${flags},${this.#spread.object(spec)}`;
		if (members === 0) return `${head}]`;
		return onlyOutput ? `${head},[${this.#spread.value(rest.output)}]]` : `${head},${this.#spread.object(rest)}]`;
	}
}

/** A value with so many values in it is small. */
const SIMPLE = 64;

/** What is left of a budget of values; below 0 when they are more, or one of them may need a tag. */
function budgetLeft(value: unknown, budget: number): number {
	if (budget < 0 || typeof value !== "object" || value === null) return budget - 1;
	if (value instanceof Uint8Array) return -1;
	let left = budget - 1;
	if (Array.isArray(value)) {
		for (let i = 0; i < value.length && left >= 0; i++) left = budgetLeft(value[i], left);
		return left;
	}
	for (const key in value) {
		if (left < 0 || key.startsWith("$") || key === "toJSON") return -1;
		left = budgetLeft((value as Record<string, unknown>)[key], left);
	}
	return left;
}

/** The hashes of the large values that snapshots need, each once. */
export function snapshotBlobs(stored: Iterable<Pick<StoredSnapshot, "body">>): string[] {
	const hashes = new Set<string>();
	for (const { body } of stored) for (const hash of blobsOf(body)) hashes.add(hash);
	return [...hashes];
}

/**
 * The images that snapshots were made of.
 *
 * @param stored - one that stands alone, and changes, each of the one before it
 * @param blobs - their large values, by hash
 * @throws SwarmError `JOURNAL_CORRUPT` when one is not as it was written, or does not follow the one before it
 */
export function decodeSnapshots(
	run: string,
	stored: readonly ReadSnapshot[],
	blobs: ReadonlyMap<string, string>,
): RunImage[] {
	return stored.map((snapshot, i) => {
		const { seq, base, body } = snapshot;
		const what = `the snapshot of run "${run}" at event ${seq}`;
		const before = stored[i - 1]?.seq;
		if (base !== before || (before !== undefined && seq <= before))
			throw new SwarmError(
				"JOURNAL_CORRUPT",
				`${what} does not follow ${before ?? "nothing"}: its base is ${base ?? "none"}`,
			);
		if (snapshotChecksum(run, snapshot) !== snapshot.checksum)
			throw new SwarmError("JOURNAL_CORRUPT", `${what} is not as it was written`);
		return imageOf(seq, base, parseBody(what, body, blobs));
	});
}

/** The checksum says that it is what an encoder wrote. */
function imageOf(seq: number, base: number | undefined, body: unknown): RunImage {
	const image = body as Omit<RunImage, "seq" | "base" | "nodes"> & { readonly nodes: unknown[][] };
	const nodes = image.nodes as unknown[];
	for (let i = 0; i < nodes.length; i++) nodes[i] = nodeOf(nodes[i] as unknown[]);
	return Object.assign(image, { seq, base }) as unknown as RunImage;
}

function nodeOf([state, attempt, flags, spec, rest]: readonly unknown[]): NodeImage {
	if (rest === undefined) return { state, attempt, flags, spec } as NodeImage;
	if (Array.isArray(rest)) return { state, attempt, flags, spec, output: (rest as unknown[])[0] } as NodeImage;
	return { state, attempt, flags, spec, ...(rest as object) } as NodeImage;
}
