import { describe, expect, test } from "vitest";
import { parseLockFile, readLockFile } from "../../demo/lock-file.ts";
import { folderWith, lockText } from "./fixture.ts";

describe("lock file", () => {
	test("gives entries in order, without the project itself", () => {
		const lock = parseLockFile(
			lockText({ "node_modules/b": { version: "2.0.0" }, "node_modules/@s/a": { version: "1.0.0" } }),
		);
		expect([...lock.entries.keys()]).toEqual(["node_modules/b", "node_modules/@s/a"]);
		expect(lock.entries.get("node_modules/@s/a")).toMatchObject({ name: "@s/a", version: "1.0.0", optional: false });
		expect(lock).toMatchObject({ name: "app", version: "1.0.0", lockfileVersion: 3 });
	});

	test("is read with CRLF line ends and a byte order mark", () => {
		const text = JSON.stringify(JSON.parse(lockText({ "node_modules/a": {} })), null, 2).replaceAll("\n", "\r\n");
		expect([...parseLockFile(`\ufeff${text}`).entries.keys()]).toEqual(["node_modules/a"]);
	});

	test("keeps the strongest kind of each need; optional overrides required, as in npm", () => {
		const lock = parseLockFile(
			lockText({
				"node_modules/a": {
					dependencies: { p: "1", o: "1", r: "1" },
					optionalDependencies: { o: "1" },
					peerDependencies: { p: "1", q: "1" },
					devDependencies: { d: "1" },
				},
			}),
		);
		const needs = lock.entries.get("node_modules/a")!.needs.map(({ name, kind }) => `${name} ${kind}`);
		expect(needs.sort()).toEqual(["o optional", "p required", "q peer", "r required"]);
	});

	test("takes development dependencies of workspaces only", () => {
		const lock = parseLockFile(lockText({ "packages/w": { name: "@app/w", devDependencies: { d: "1" } } }));
		expect(lock.entries.get("packages/w")).toMatchObject({ name: "@app/w", needs: [{ name: "d", kind: "required" }] });
	});

	test("knows links, one to the project itself included", () => {
		const lock = parseLockFile(
			lockText({ "node_modules/w": { resolved: "packages/w", link: true }, "node_modules/app": { link: true } }),
		);
		expect(lock.entries.get("node_modules/w")!.linksTo).toBe("packages/w");
		expect(lock.entries.get("node_modules/app")!.linksTo).toBe("");
	});

	test.each([
		["not JSON", "{ nope", /not valid JSON/],
		["a merge conflict", "<<<<<<< ours\n{}", /not valid JSON/],
		["no object", "[]", /does not hold an object/],
		["version 1", '{ "lockfileVersion": 1, "dependencies": {} }', /version 1.*2 or later/],
		["no version", '{ "dependencies": {} }', /no version/],
		["version 3 without packages", '{ "lockfileVersion": 3 }', /2 or later/],
		["an entry that is no object", lockText({ "node_modules/a": [] }), /node_modules\/a/],
	])("%s is refused in one line", (_, text, message) => {
		expect(() => parseLockFile(text)).toThrow(message);
		try {
			parseLockFile(text);
		} catch (error) {
			expect((error as Error).name).toBe("ProjectError");
			expect((error as Error).message).not.toContain("\n");
		}
	});

	test("says when there is none", async () => {
		await expect(readLockFile(await folderWith({}))).rejects.toThrow(/no package-lock.json/);
	});

	test("says when it cannot be read", async () => {
		await expect(readLockFile(await folderWith({ "package-lock.json/x": "" }))).rejects.toThrow(/EISDIR/);
	});
});
