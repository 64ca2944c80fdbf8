import type { NodeState } from "../../core/lifecycle.js";
import type { Patch, Wait } from "../../graph/types.js";

/** What is changed in a lease before it is used; a copy is as good as the original. */
export type Forgery = "copy" | "seq" | "attempt" | "epoch" | "node";

/** A lease, by the number of the claim that granted it, the first being 0. */
interface Leased {
	readonly lease: number;
	readonly forge?: Forgery;
}

/** A patch with what decides how it is applied. */
export interface RequestPatch {
	readonly mutations: Patch;
	readonly expand?: boolean;
	readonly expect?: Readonly<Record<string, NodeState>>;
}

/** What a person answers, and to which question. */
export interface ModelAnswer {
	readonly node: string;
	/** Of a yes. */
	readonly data?: string;
	readonly name?: string;
	readonly since?: number;
}

/** A command as it is given to an actor and to the model: plain data, so that a failing case can be kept. */
export type ModelRequest =
	| { readonly type: "claim"; readonly id: string }
	| (Leased & { readonly type: "complete"; readonly output?: unknown; readonly patch?: RequestPatch })
	| (Leased & {
			readonly type: "fail";
			/** How: another attempt is no use, or only after so many milliseconds. */
			readonly final?: boolean;
			readonly after?: number;
	  })
	| (Leased & { readonly type: "commit"; readonly patch: RequestPatch })
	| (Leased & { readonly type: "park"; readonly wait: Wait })
	| { readonly type: "signal"; readonly name: string; readonly node?: string }
	| ({ readonly type: "approve" | "reject" } & ModelAnswer)
	| { readonly type: "advance"; readonly ms: number }
	| { readonly type: "mutate"; readonly patch: RequestPatch; readonly key?: string }
	| { readonly type: "pause" | "resume" | "close" | "cancel" };

/** Any data as source text on one line: what a counterexample prints can be pasted into a test. */
export function sourceOf(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(sourceOf).join(", ")}]`;
	if (typeof value !== "object" || value === null)
		return typeof value === "string" ? JSON.stringify(value) : String(value);
	const members = Object.entries(value).map(([key, member]) => {
		const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
		return `${name}: ${sourceOf(member)}`;
	});
	return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
