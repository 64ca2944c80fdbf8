import { type PaletteOptions, palette } from "dagswarm";
import { expect, test } from "vitest";
import { attemptInfo, runInfo } from "./samples.js";

const KNOWN = ["plan", "search-web", "search-files", "write"];

function shown(options: PaletteOptions, agent: string, caller?: string, known = KNOWN): readonly string[] {
	const run = runInfo("r", caller === undefined ? {} : { caller });
	return palette(options).tools({ ...attemptInfo("n", agent), run, known });
}

test("an agent may call what its name or the longest beginning of it allows, in the order of what is known", () => {
	const allow = { "*": ["write"], "search-*": ["search-files", "plan"], "search-web": "*" } as const;
	expect(shown({ allow }, "plan")).toEqual(["write"]);
	expect(shown({ allow }, "search-files")).toEqual(["plan", "search-files"]);
	expect(shown({ allow }, "search-web")).toEqual(KNOWN);
	expect(shown({ allow: { plan: ["search-*"] } }, "plan")).toEqual(["search-web", "search-files"]);
});

test("an agent that no rule is about may call nothing", () => {
	expect(shown({ allow: { plan: "*" } }, "write")).toEqual([]);
	expect(shown({ allow: { plan: "*" } }, "planner")).toEqual([]);
	expect(shown({ allow: { __proto__: null, plan: "*" } as never }, "constructor")).toEqual([]);
});

test("what is denied is denied by every rule that is about the agent", () => {
	const options: PaletteOptions = {
		allow: { "*": "*" },
		deny: { "*": ["plan"], "wr*": ["search-*"], write: ["write"] },
	};
	expect(shown(options, "plan")).toEqual(["search-web", "search-files", "write"]);
	expect(shown(options, "write")).toEqual([]);
	expect(shown({ allow: { "*": "*" }, deny: { write: "*" } }, "write")).toEqual([]);
});

test("a caller's runs may call at most what the caller may", () => {
	const options: PaletteOptions = {
		allow: { "*": ["search-*", "write"] },
		callers: { "guest*": ["search-web", "plan"], "guest-2": [] },
	};
	expect(shown(options, "plan", "guest-1")).toEqual(["search-web"]);
	expect(shown(options, "plan", "guest-2")).toEqual([]);
	expect(shown(options, "plan", "anna")).toEqual(["search-web", "search-files", "write"]);
	expect(shown(options, "plan")).toEqual(["search-web", "search-files", "write"]);
	expect(shown({ ...options, callers: { "*": [] } }, "plan")).toEqual([]);
});

test("what is allowed and not there is not shown", () => {
	expect(shown({ allow: { "*": ["fly", "write"] } }, "plan")).toEqual(["write"]);
	expect(shown({ allow: { "*": "*" } }, "plan", undefined, [])).toEqual([]);
});
