import type { Plain } from "../core/plain.js";

/**
 * What one attempt of a scripted agent does, step by step; it succeeds with the id of its node when
 * nothing else ends it. Plain data, so it can be a node's input, be printed, and shrink.
 */
export type Behaviour = readonly Step[];

/** One step of a {@link Behaviour}. Numbers called `pick` choose among the nodes that there are. */
export type Step =
	/** Holds its slot for so long; heeds its signal unless `deaf`. */
	| { readonly do: "work"; readonly ms: number; readonly deaf?: boolean }
	/** Gives way so often before it goes on. */
	| { readonly do: "yield"; readonly times: number }
	/** Never returns by itself: only its signal ends it, or nothing at all if `deaf`. */
	| { readonly do: "hang"; readonly deaf?: boolean }
	/** Throws; only in the first `times` attempts if that is given. */
	| { readonly do: "fail"; readonly times?: number; readonly final?: boolean }
	/** Throws something that is no error. */
	| { readonly do: "throw"; readonly value: Plain }
	/** Returns this. */
	| { readonly do: "return"; readonly value: Plain }
	/** Returns a string of so many characters. */
	| { readonly do: "huge"; readonly size: number }
	| { readonly do: "sleep"; readonly ms: number }
	| { readonly do: "signal"; readonly name: string; readonly timeout?: number }
	| { readonly do: "approval"; readonly timeout?: number }
	/** Adds a node for each behaviour: with its completion, or at once if `early`. */
	| { readonly do: "add"; readonly nodes: readonly Behaviour[]; readonly early?: boolean }
	/** Ends with a plan that stands in for it. */
	| { readonly do: "expand"; readonly nodes: readonly Behaviour[] }
	/** Splits itself with its completion. */
	| { readonly do: "split"; readonly parts: readonly Behaviour[] }
	/** Prunes another node, or itself. */
	| { readonly do: "prune"; readonly pick: number; readonly scope: "descendants" | "exclusive" }
	/** Changes another node in one of many ways, legal or not. */
	| { readonly do: "reshape"; readonly pick: number; readonly how: Reshaping; readonly early?: boolean }
	/** Stages a patch that is refused. */
	| { readonly do: "spoil"; readonly early?: boolean };

/** The ways in which a `reshape` step changes another node. */
export type Reshaping = (typeof RESHAPINGS)[number];

export const RESHAPINGS = [
	"wait for me",
	"go first",
	"remove",
	"hold",
	"eager",
	"confirm",
	"discard",
	"gate",
	"rewrite",
	"prune",
] as const;
