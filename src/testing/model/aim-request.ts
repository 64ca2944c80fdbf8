import type { Mutation, StoredSpec, Wait } from "../../graph/types.js";
import { Aim, type AimAuthor } from "../arbitraries/aim.js";
import type { GraphReading, ReadNode } from "../arbitraries/graph-reading.js";
import { pick, type SpecConstraints } from "../arbitraries/raw-node.js";
import type { Forgery, ModelRequest, RequestPatch } from "./model-request.js";
import type { ModelSide } from "./model-side.js";
import type { RawPatch, RawRequest } from "./raw-request.js";
import type { ReferenceModel } from "./reference-model.js";

/** What aimed requests may hold. */
export interface RequestTerms {
	readonly specs: SpecConstraints;
	/** The share of mutations that are wrong on purpose, 0 to 1. */
	readonly illegal: number;
}

/** @returns the request that a raw one stands for as things are, undefined when it has no meaning now */
export function aimRequest(raw: RawRequest, side: ModelSide, terms: RequestTerms): ModelRequest | undefined {
	const { model } = side;
	const { kind, a, b } = raw;
	// What comes after the end is refused, which is soon seen.
	if (model.isEnded && b % 4 > 0) return undefined;
	switch (kind) {
		case "claim":
			if (model.status === "paused" && a % 2 === 1) return { type: "resume" };
			return claimOf(model.ready(), a) ?? goOn(raw, side);
		case "claimAny":
			return claimOf([...model.nodes.keys(), "nobody"], a);
		case "complete":
		case "completeWithPatch":
		case "fail":
		case "commit":
		case "park":
			return withLease(raw, side, terms);
		case "stale":
			return stale(raw, side);
		case "signal": {
			const node = a % 4 === 3 ? pick([...model.nodes.keys(), "nobody"], b) : undefined;
			return { type: "signal", name: `s${a % 3}`, ...(node !== undefined && { node }) };
		}
		case "answer": {
			const waiting = [...model.nodes].filter(([, { wait }]) => wait?.kind === "approval").map(([id]) => id);
			const node = a % 8 === 7 ? pick([...model.nodes.keys(), "nobody"], b) : pick(waiting, b);
			return node === undefined ? undefined : answerOf(model, node, a, b);
		}
		case "advance":
			return { type: "advance", ms: 1 + (a % 30) };
		case "mutate": {
			const key = a % 5 === 4 ? { key: `k${b % 4}` } : {};
			return { type: "mutate", patch: aimPatch(raw.patch, model, terms, undefined, false), ...key };
		}
		case "pause":
			return { type: "pause" };
		case "resume":
			return model.status === "paused" || b % 5 === 0 ? { type: "resume" } : undefined;
		case "close":
		case "cancel":
			// Rarely: most of a run that has ended is boring.
			return b % 5 === 0 ? { type: kind } : undefined;
	}
}

function claimOf(ids: readonly string[], a: number): ModelRequest | undefined {
	const id = pick(ids, a);
	return id === undefined ? undefined : { type: "claim", id };
}

/** What brings a run on in which nothing can be claimed; nothing, when it needs other nodes. */
function goOn({ a, b }: RawRequest, side: ModelSide): ModelRequest | undefined {
	const lease = pick(side.live(), a);
	if (lease !== undefined) return { type: "complete", lease, output: outputOf(lease, b) };
	const waiting = pick(
		[...side.model.nodes].filter(([, { state }]) => state === "waiting"),
		a,
	);
	if (waiting === undefined) return undefined;
	const [node, { wait }] = waiting;
	if (wait?.kind === "approval") return answerOf(side.model, node, a, b);
	return wait?.kind === "signal" ? { type: "signal", name: wait.name } : { type: "advance", ms: 1 + (a % 30) };
}

/** What can only be asked with a lease. */
function withLease({ kind, a, b, patch }: RawRequest, side: ModelSide, terms: RequestTerms): ModelRequest | undefined {
	const { model } = side;
	const lease = pick(side.live(), a);
	// Where none is live, a claim comes in its place.
	if (lease === undefined) return claimOf(model.ready(), a) ?? goOn({ kind, a, b }, side);
	const forged = b % 9 === 8 ? { forge: "copy" as const } : {};
	const node = side.leases[lease]?.node;
	switch (kind) {
		case "complete":
			return { type: "complete", lease, ...forged, output: outputOf(lease, b) };
		case "completeWithPatch": {
			const aimed = aimPatch(patch, model, terms, node, true);
			return { type: "complete", lease, ...forged, output: outputOf(lease, b), patch: aimed };
		}
		case "commit":
			return {
				type: "commit",
				lease,
				...forged,
				patch: { mutations: aimPatch(patch, model, terms, node, false).mutations },
			};
		case "fail":
			if (b % 7 === 6) return { type: "fail", lease, final: true };
			return { type: "fail", lease, ...forged, ...(b % 7 === 5 && { after: 1 + (a % 50) }) };
		default:
			return { type: "park", lease, ...forged, wait: waitOf(model, a, b) };
	}
}

/** Outputs that references find, one that they do not find everywhere, and one that is none. */
function outputOf(lease: number, b: number): unknown {
	if (b % 41 === 40) return Number.NaN;
	return b % 4 === 3 ? { parts: [lease] } : b % 4 === 2 ? undefined : lease;
}

function waitOf(model: ReferenceModel, a: number, b: number): Wait {
	const until = model.now + 1 + (a % 40);
	const limit = b % 5 === 4 ? { until } : {};
	if (b % 3 === 0) return { kind: "sleep", until };
	if (b % 3 === 1) return { kind: "signal", name: `s${a % 3}`, ...limit };
	const choices = a % 3 === 0 ? {} : { choices: CHOICES.slice(0, a % 3) };
	return { kind: "approval", reason: "may I?", ...(a % 4 === 1 && { name: "n" }), ...choices, ...limit };
}

const CHOICES = ["x", "y"];

/** Most answers fit the question. */
function answerOf(model: ReferenceModel, node: string, a: number, b: number): ModelRequest {
	const { wait, parkedAt = 0 } = model.nodes.get(node) ?? {};
	const asked = wait?.kind === "approval" ? wait : undefined;
	const data = (a >> 1) % 3 === 2 ? "z" : asked?.choices?.[b % asked.choices.length];
	const name = b % 7 === 6 ? "n" : asked?.name;
	return {
		type: a % 2 === 0 ? "approve" : "reject",
		node,
		...(data !== undefined && a % 2 === 0 && { data }),
		...(name !== undefined && b % 2 === 0 && { name }),
		...(b % 6 === 5 && { since: parkedAt + (b % 4 === 3 ? 1 : 0) }),
	};
}

/** An outcome with a lease that is over, or with a live one that was tampered with. */
function stale({ a, b }: RawRequest, side: ModelSide): ModelRequest | undefined {
	const live = side.live();
	const dead = side.leases.map((_, i) => i).filter((i) => !live.includes(i));
	const lease = pick([...dead, ...live], a);
	if (lease === undefined) return undefined;
	const forgeries: readonly Forgery[] = ["seq", "attempt", "epoch", "node"];
	const forged = live.includes(lease) || b % 3 === 0 ? { forge: pick(forgeries, b) as Forgery } : {};
	switch (b % 4) {
		case 0:
			return { type: "complete", lease, ...forged };
		case 1:
			return { type: "fail", lease, ...forged };
		case 2:
			return { type: "commit", lease, ...forged, patch: { mutations: [] } };
		default:
			return { type: "park", lease, ...forged, wait: { kind: "signal", name: "s0" } };
	}
}

/** @param author - the node whose agent makes the patch */
function aimPatch(
	raw: RawPatch | undefined,
	model: ReferenceModel,
	{ specs, illegal }: RequestTerms,
	author: string | undefined,
	completing: boolean,
): RequestPatch {
	const { mutations = [], expand = 0, expect = 0, backwards = false } = raw ?? {};
	const by = author === undefined ? undefined : authorOf(model, author, completing);
	const aim = new Aim(readModel(model), { specs, wrong: illegal, author: by });
	const made = mutations.map((each) => aim.mutation(each)).filter((each): each is Mutation => each !== undefined);
	if (backwards) made.reverse();
	// A withheld patch is tried in the middle of another, where joins are not evaluated: what is ready there is left open.
	const eager = author !== undefined && model.nodes.get(author)?.eager === true;
	const expected = expect % 10 === 9 && !eager ? pick([...model.nodes.keys()], expect) : undefined;
	return {
		mutations: made,
		...(completing && expand > 5 && { expand: true }),
		...(expected !== undefined && {
			expect: { [expected]: expect > 80 ? "ready" : (model.stateOf(expected) ?? "ready") },
		}),
	};
}

function authorOf(model: ReferenceModel, id: string, completing: boolean): AimAuthor {
	const { attempt = 0, spec } = model.nodes.get(id) ?? {};
	const earlier: StoredSpec[] = [];
	for (const node of model.nodes.values())
		if (node.addedBy === id && node.addedIn !== undefined && node.addedIn < attempt) earlier.push(node.spec);
	return { id, own: spec?.canMutate === "own", completing, earlier };
}

function readModel(model: ReferenceModel): GraphReading {
	const nodes = new Map<string, ReadNode>();
	for (const [id, { state, started, eager, deps, join, addedBy }] of model.nodes) {
		const isSpeculative = eager || state === "speculative";
		nodes.set(id, { id, state, isStarted: started, isSpeculative, deps, join, addedBy });
	}
	return nodes;
}
