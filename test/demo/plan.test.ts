import { describe, expect, test } from "vitest";
import { parseLockFile } from "../../demo/lock-file.ts";
import { planOf } from "../../demo/plan.ts";
import { lockText } from "./fixture.ts";

const nothing = { absent: new Set<string>(), unlisted: [] };

function plan(packages: Readonly<Record<string, object>>) {
	return planOf("/app", parseLockFile(lockText(packages)), nothing);
}

describe("plan", () => {
	test("a node per package that waits for what it needs, and one that waits for all", () => {
		const { nodes, summary } = plan({
			"node_modules/a": { version: "1.0.0", dependencies: { b: "1" } },
			"node_modules/b": { version: "1.0.0" },
		});
		expect(nodes).toEqual([
			{
				id: "b@1.0.0",
				agent: "package",
				input: { project: "/app", members: [{ id: "b@1.0.0", name: "b", version: "1.0.0", path: "node_modules/b" }] },
				dependsOn: [],
				join: "settled",
			},
			{
				id: "a@1.0.0",
				agent: "package",
				input: { project: "/app", members: [{ id: "a@1.0.0", name: "a", version: "1.0.0", path: "node_modules/a" }] },
				dependsOn: ["b@1.0.0"],
				join: "settled",
			},
			{ id: "gather", agent: "gather", input: {}, dependsOn: ["b@1.0.0", "a@1.0.0"], join: "settled" },
		]);
		expect(summary).toMatchObject({ entries: 2, packages: 2, packageNodes: 2, edges: 1, cycles: [] });
	});

	test("packages that need each other share a node", () => {
		const { nodes, summary } = plan({
			"node_modules/a": { version: "1.0.0", dependencies: { b: "1" } },
			"node_modules/b": { version: "1.0.0", dependencies: { a: "1", c: "1" } },
			"node_modules/c": { version: "1.0.0" },
			"node_modules/d": { version: "1.0.0", dependencies: { b: "1" } },
		});
		expect(nodes.map(({ id, dependsOn }) => [id, dependsOn])).toEqual([
			["c@1.0.0", []],
			["a@1.0.0 & 1 more", ["c@1.0.0"]],
			["d@1.0.0", ["a@1.0.0 & 1 more"]],
			["gather", ["c@1.0.0", "a@1.0.0 & 1 more", "d@1.0.0"]],
		]);
		expect(summary.cycles).toEqual([["a@1.0.0", "b@1.0.0"]]);
	});

	test("a workspace does not count the workspaces inside it", () => {
		const { nodes } = plan({
			w: { version: "1.0.0" },
			"w/inner": { version: "1.0.0" },
			"w/node_modules/a": { version: "1.0.0" },
			"w2/x": { version: "1.0.0" },
		});
		const outer = nodes.find(({ id }) => id === "w@1.0.0 at w")!;
		expect(outer.input).toMatchObject({ members: [{ path: "w", except: ["inner"] }] });
	});

	test("nothing installed is a plan of one node", () => {
		expect(plan({}).nodes.map(({ id }) => id)).toEqual(["gather"]);
	});
});
