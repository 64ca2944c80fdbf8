import type { Contender } from "./contender.ts";
import { dagswarm } from "./dagswarm.ts";
import { ideal } from "./ideal.ts";
import { naive } from "./naive.ts";
import { findPGraph } from "./p-graph.ts";

/** Who takes part, in the order of their turns, and who is not installed. */
export interface Roster {
	readonly present: readonly Contender[];
	readonly absent: readonly string[];
}

export async function findRoster(): Promise<Roster> {
	const pGraph = await findPGraph();
	const own = [dagswarm, ideal, naive];
	return pGraph === undefined ? { present: own, absent: ["p-graph"] } : { present: [...own, pGraph], absent: [] };
}
