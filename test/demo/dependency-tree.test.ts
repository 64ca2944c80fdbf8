import { describe, expect, test } from "vitest";
import { dependencyTree } from "../../demo/dependency-tree.ts";
import { parseLockFile } from "../../demo/lock-file.ts";
import { lockText } from "./fixture.ts";

function treeOf(packages: Readonly<Record<string, object>>, absent: readonly string[] = []) {
	const tree = dependencyTree(parseLockFile(lockText(packages)), new Set(absent));
	return { ...tree, needs: Object.fromEntries(tree.packages.map(({ id, needs }) => [id, needs])) };
}

describe("dependency tree", () => {
	test("resolves to the nearest version", () => {
		const { needs } = treeOf({
			"node_modules/a": { version: "1.0.0", dependencies: { c: "^2", b: "1" } },
			"node_modules/a/node_modules/b": { version: "1.0.0", dependencies: { c: "2" } },
			"node_modules/a/node_modules/c": { version: "2.0.0" },
			"node_modules/c": { version: "1.0.0" },
			"node_modules/d": { version: "1.0.0", dependencies: { c: "1" } },
		});
		expect(needs).toEqual({
			"a@1.0.0": ["c@2.0.0 in a", "b@1.0.0 in a"],
			"b@1.0.0 in a": ["c@2.0.0 in a"],
			"c@2.0.0 in a": [],
			"c@1.0.0": [],
			"d@1.0.0": ["c@1.0.0"],
		});
	});

	test("gives every place its own id, scoped names too", () => {
		const { packages } = treeOf({
			"node_modules/@s/a": { version: "1.0.0" },
			"node_modules/@s/a/node_modules/@s/b": { version: "1.0.0" },
			"node_modules/c/node_modules/@s/b": { version: "1.0.0" },
			"node_modules/@s/a/node_modules/c/node_modules/@s/b": { version: "1.0.0" },
			"packages/w": { name: "@s/w", version: "1.0.0" },
			"packages/w/node_modules/@s/b": { version: "1.0.0" },
			"packages/v": {},
		});
		expect(packages.map(({ id }) => id)).toEqual([
			"@s/a@1.0.0",
			"@s/b@1.0.0 in @s/a",
			"@s/b@1.0.0 in c",
			"@s/b@1.0.0 in @s/a > c",
			"@s/w@1.0.0 at packages/w",
			"@s/b@1.0.0 in packages/w",
			"v at packages/v",
		]);
	});

	test("optional and peer needs that are not there are no edges; required ones are noted", () => {
		const { needs, unlocked } = treeOf({
			"node_modules/a": {
				version: "1.0.0",
				dependencies: { gone: "1" },
				optionalDependencies: { opt: "1" },
				peerDependencies: { peer: "1", there: "1" },
			},
			"node_modules/there": { version: "3.0.0" },
		});
		expect(needs["a@1.0.0"]).toEqual(["there@3.0.0"]);
		expect(unlocked).toEqual([{ from: "a@1.0.0", name: "gone" }]);
	});

	test("what is absent is no package and no edge", () => {
		const { needs } = treeOf(
			{
				"node_modules/a": { version: "1.0.0", optionalDependencies: { native: "1" } },
				"node_modules/native": { version: "1.0.0", optional: true },
			},
			["node_modules/native"],
		);
		expect(needs).toEqual({ "a@1.0.0": [] });
	});

	test("follows links to workspaces and resolves upwards from them; a link to the project is no edge", () => {
		const { needs, links } = treeOf({
			"node_modules/w": { resolved: "packages/w", link: true },
			"node_modules/app": { resolved: "", link: true },
			"node_modules/beside": { resolved: "../beside", link: true },
			"node_modules/a": { version: "1.0.0", dependencies: { w: "*", beside: "*" } },
			"packages/w": { version: "0.1.0", dependencies: { a: "1", b: "1", app: "*" } },
			"packages/w/node_modules/b": { version: "2.0.0" },
			"../beside": { version: "0.2.0", dependencies: { a: "1" } },
		});
		expect(links).toBe(3);
		expect(needs).toEqual({
			"a@1.0.0": ["w@0.1.0 at packages/w", "beside@0.2.0 at ../beside"],
			"w@0.1.0 at packages/w": ["a@1.0.0", "b@2.0.0 in packages/w"],
			"b@2.0.0 in packages/w": [],
			"beside@0.2.0 at ../beside": ["a@1.0.0"],
		});
	});

	test("a package that needs itself has no edge to itself", () => {
		expect(treeOf({ "node_modules/a": { version: "1.0.0", peerDependencies: { a: "1" } } }).needs).toEqual({
			"a@1.0.0": [],
		});
	});
});
