import type { MutationRight } from "./types.js";

/** Whose patch it is, and what they may do. */
export interface Author {
	/** The number of the node whose agent made it, -1 for the caller of the run. */
	readonly n: number;
	readonly attempt: number;
	readonly right: MutationRight;
	/** It commits before its attempt ends. */
	readonly early: boolean;
	/** It commits together with the completion. */
	readonly completing: boolean;
}

/** The caller of the run. */
export const HOST: Author = { n: -1, attempt: 0, right: true, early: false, completing: false };
