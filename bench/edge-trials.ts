import { asOnePatch, driven, oneByOne } from "./driven.ts";
import { measure, type Sample } from "./measure.ts";
import { permutation, seeded } from "./random.ts";
import type { Prepared, Trial } from "./trial.ts";
import { load, type Spec } from "./workloads.ts";

interface Edge {
	readonly type: "addEdge";
	readonly from: string;
	readonly to: string;
}

/** Twenty thousand on the graph of the limits, fewer on a smaller one. */
const edgeCount = (size: number) => Math.min(20_000, Math.floor(size / 5));

/** New edges from a lower rank to a higher one, no pair twice. */
function edges(size: number, rank: ArrayLike<number>, apart: number): Edge[] {
	const random = seeded(22);
	const pairs = new Set<number>();
	const found: Edge[] = [];
	while (found.length < edgeCount(size)) {
		const one = Math.floor(random() * size);
		const other = Math.floor(random() * size);
		if (Math.abs(one - other) < apart) continue;
		const [from, to] = rank[one]! < rank[other]! ? [one, other] : [other, one];
		const pair = from * size + to;
		if (pairs.has(pair)) continue;
		pairs.add(pair);
		found.push({ type: "addEdge", from: `n${from}`, to: `n${to}` });
	}
	return found;
}

function forward(size: number) {
	const handle = driven(load("layered", size).specs);
	// Two layers apart, so that no edge is there already.
	return {
		handle,
		wanted: edges(
			size,
			Int32Array.from({ length: size }, (_, at) => at),
			64,
		),
	};
}

function hidden(size: number) {
	const handle = driven(load("independent", size).specs);
	return { handle, wanted: edges(size, permutation(size, seeded(23)), 1) };
}

function edgeTrial(
	name: string,
	limit: number | undefined,
	graph: typeof forward,
	send: typeof oneByOne | typeof asOnePatch,
): Trial {
	return {
		name,
		unit: "edge",
		...(limit !== undefined && { limit }),
		prepare: (size): Prepared => {
			const { handle, wanted } = graph(size);
			return { units: wanted.length, run: () => send(handle, wanted) };
		},
	};
}

const refusals = 200;

/** Edges from a node back to one of its ancestors, near and far; a quarter of them span the whole graph. */
function backEdges(specs: readonly Spec[]): Edge[] {
	const random = seeded(24);
	const at = new Map(specs.map((spec) => [spec.id, spec]));
	const found: Edge[] = [];
	while (found.length < refusals) {
		const whole = found.length % 4 === 0;
		const start = specs.length - 1 - Math.floor(random() * (whole ? 32 : specs.length - 64));
		const far = whole ? specs.length : 1 + Math.floor(random() * (start / 32));
		let ancestor = specs[start]!;
		for (let step = 0; step < far && ancestor.dependsOn !== undefined; step++) {
			ancestor = at.get(ancestor.dependsOn[Math.floor(random() * 2)]!)!;
		}
		found.push({ type: "addEdge", from: specs[start]!.id, to: ancestor.id });
	}
	return found;
}

const refusedCycle: Trial = {
	name: "addEdge refused, cycle (worst of 200)",
	unit: "refusal",
	limit: 1000,
	prepare: (size) => {
		const { specs } = load("layered", size);
		const handle = driven(specs);
		const wanted = backEdges(specs);
		const run = async () => {
			let worst: Sample = { cpu: 0, wall: 0 };
			for (const edge of wanted) {
				let code: string | undefined;
				const sample = await measure(async () => {
					const reply = await handle.mutate([edge]);
					if (!reply.ok) code = reply.code;
				});
				if (code !== "CYCLE") throw new Error(`expected CYCLE for ${edge.from} → ${edge.to}, got ${code ?? "ok"}`);
				if (sample.cpu > worst.cpu) worst = sample;
			}
			return worst;
		};
		return { units: 1, run };
	},
};

export const edgeTrials: readonly Trial[] = [
	edgeTrial("addEdge forward, layered", 3, forward, oneByOne),
	edgeTrial("addEdge forward, as one patch", undefined, forward, asOnePatch),
	edgeTrial("addEdge along a hidden permutation", 5, hidden, oneByOne),
	edgeTrial("addEdge hidden, as one patch", undefined, hidden, asOnePatch),
	refusedCycle,
];
