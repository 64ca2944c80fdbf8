import { asyncAuto } from "./async-auto.ts";
import type { Contender } from "./contender.ts";
import { dagswarm } from "./dagswarm.ts";
import { effect } from "./effect.ts";
import { ideal } from "./ideal.ts";
import { langgraph } from "./langgraph.ts";
import { installedVersion } from "./library.ts";
import { mastra } from "./mastra.ts";
import { naive } from "./naive.ts";
import { pGraph } from "./p-graph.ts";

/** Who takes part, in the order of their turns, and who is not installed. */
export interface Roster {
	readonly present: readonly Contender[];
	readonly absent: readonly string[];
	/** Of the peers that are installed, by their names here. */
	readonly versions: Readonly<Record<string, string>>;
}

export const contenders: readonly Contender[] = [dagswarm, ideal, naive, pGraph, asyncAuto, effect, mastra, langgraph];

export async function findRoster(): Promise<Roster> {
	const present: Contender[] = [];
	const absent: string[] = [];
	const versions: Record<string, string> = {};
	for (const contender of contenders) {
		const version = contender.library === undefined ? undefined : await installedVersion(contender.library);
		if (contender.library !== undefined && version === undefined) absent.push(contender.name);
		else present.push(contender);
		if (version !== undefined) versions[contender.name] = version;
	}
	return { present, absent, versions };
}
