import { nanoid } from "nanoid";

declare const flavour: unique symbol;

/** A string that means one thing: plain strings are accepted, another flavour is not. */
type Flavoured<Name extends string> = string & { readonly [flavour]?: Name };

/** The id of a node: unique within its run, never used twice, removed nodes included. */
export type NodeId = Flavoured<"NodeId">;

/** The id of a run. */
export type RunId = Flavoured<"RunId">;

/**
 * Where fresh ids come from. A port, so that tests and replays are deterministic.
 *
 * @example
 * ```ts
 * import { countingIds } from "dagswarm";
 *
 * const ids = countingIds();
 * ids.run();  // "run-1"
 * ids.node(); // "node-1"
 * ```
 */
export interface IdSource {
	/** A fresh run id. */
	run(): RunId;
	/** A fresh id for a node that was given none. */
	node(): NodeId;
}

/** Random ids (nanoid: 21 characters, 126 bits but for those that look like an option of a command), the default. */
export const randomIds: IdSource = {
	run: randomId,
	node: randomId,
};

function randomId(): string {
	for (;;) {
		const id = nanoid();
		if (!id.startsWith("-")) return id;
	}
}

/** Ids that count from 1, for tests: the same program gives the same ids. */
export function countingIds(): IdSource {
	let runs = 0;
	let nodes = 0;
	return {
		run: () => `run-${++runs}`,
		node: () => `node-${++nodes}`,
	};
}
