import type { PaletteCaller, PalettePort } from "./palette.js";

/** Names, or beginnings of names that end with `*`; `"*"` is all. */
export type ToolNames = "*" | readonly string[];

/** Who may call what, by name. */
export interface PaletteOptions {
	/**
	 * By agent, or the beginning of its name with `*`: what it may call. Of several the longest counts; an agent that
	 * none is about may call nothing.
	 */
	readonly allow: Readonly<Record<string, ToolNames>>;
	/** What it may not call all the same. Here all count that are about an agent. */
	readonly deny?: Readonly<Record<string, ToolNames>>;
	/**
	 * By the `caller` of a run's metadata: what its agents may call at most. Of several the longest counts; a caller that
	 * none is about is not restricted, and `"*"` is about runs without a caller, too.
	 */
	readonly callers?: Readonly<Record<string, ToolNames>>;
}

/**
 * A palette by names: which agents and skills an agent may call as tools.
 *
 * @example
 * ```ts
 * import { palette } from "dagswarm";
 *
 * const tools = palette({ allow: { planner: "*", "*": ["search*"] }, deny: { "*": ["search-internal"] } });
 * const run = { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const known = ["planner", "search-web", "search-internal"];
 *
 * tools.tools({ run, node: "n", agent: "writer", attempt: 1, known }); // ["search-web"]
 * tools.tools({ run, node: "p", agent: "planner", attempt: 1, known }); // ["planner", "search-web"]
 * ```
 */
export function palette({ allow, deny = {}, callers = {} }: PaletteOptions): PalettePort {
	const allowed = Object.entries(allow);
	const denied = Object.entries(deny);
	const restricted = Object.entries(callers);
	return {
		tools({ run, agent, known }: PaletteCaller): readonly string[] {
			const may = longest(allowed, agent) ?? [];
			const mayAtMost = longest(restricted, run.caller ?? "") ?? "*";
			const mayNot = denied.filter(([pattern]) => matches(pattern, agent)).map(([, names]) => names);
			return known.filter(
				(name) => isAmong(may, name) && isAmong(mayAtMost, name) && !mayNot.some((names) => isAmong(names, name)),
			);
		},
	};
}

/** What the longest pattern that matches stands for; a whole name is longer than any beginning. */
function longest(
	rules: readonly (readonly [pattern: string, names: ToolNames])[],
	name: string,
): ToolNames | undefined {
	let best: readonly [pattern: string, names: ToolNames] | undefined;
	for (const rule of rules) {
		const [pattern] = rule;
		if (!matches(pattern, name)) continue;
		if (pattern === name) return rule[1];
		if (best === undefined || pattern.length > best[0].length) best = rule;
	}
	return best?.[1];
}

function isAmong(names: ToolNames, name: string): boolean {
	return names === "*" || names.some((pattern) => matches(pattern, name));
}

function matches(pattern: string, name: string): boolean {
	return pattern === name || (pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)));
}
