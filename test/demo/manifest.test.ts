import { describe, expect, test } from "vitest";
import { readManifest } from "../../demo/manifest.ts";
import { folderWith } from "./fixture.ts";

async function manifest(json: unknown, files: Readonly<Record<string, unknown>> = {}) {
	return readManifest(await folderWith({ "package.json": json, ...files }));
}

describe("manifest: licence", () => {
	test.each([
		[{ license: "MIT" }, "MIT"],
		[{ license: { type: "ISC", url: "x" } }, "ISC"],
		[{ licenses: [{ type: "MIT" }, { type: "Apache-2.0" }] }, "MIT OR Apache-2.0"],
		[{ license: "" }, "none stated"],
		[{ license: 7 }, "none stated"],
		[{}, "none stated"],
	])("%j is %s", async (json, licence) => {
		expect((await manifest(json)).licence).toBe(licence);
	});

	test("a file is pointed to where the manifest is silent", async () => {
		expect((await manifest({}, { "LICENCE.md": "" })).licence).toBe("see file LICENCE.md");
	});
});

describe("manifest: modules and types", () => {
	const index = { "index.js": "" };
	test.each([
		["a default main", {}, index, "cjs", false],
		["type module", { type: "module" }, index, "esm", false],
		["nothing to import", { bin: "cli.js" }, { "cli.js": "" }, "none", false],
		["types only", { types: "index.d.ts", main: "" }, { "index.d.ts": "" }, "none", true],
		["an .mjs main", { main: "a.mjs" }, { "a.mjs": "" }, "esm", false],
		["a main without extension", { main: "lib/a" }, { "lib/a.js": "" }, "cjs", false],
		["a main that is a folder", { main: "lib" }, { "lib/index.js": "" }, "cjs", false],
		["types beside main", { main: "lib/a.js" }, { "lib/a.js": "", "lib/a.d.ts": "" }, "cjs", true],
		["types beside an export", { exports: { ".": "./a.mjs" } }, { "a.d.mts": "" }, "esm", true],
		["module for bundlers", { main: "index.js", module: "esm/index.js" }, index, "dual", false],
		["exports of both", { exports: { import: "./a.mjs", require: "./a.cjs" } }, {}, "dual", false],
		["exports as text", { type: "module", exports: "./a.js" }, {}, "esm", false],
		["types in exports", { exports: { ".": { types: "./a.d.ts", default: "./a.js" } } }, {}, "cjs", true],
		["types of a version", { exports: { ".": { "types@>=5": "./a.d.ts", default: "./a.js" } } }, {}, "cjs", true],
		["only entries below", { exports: { "./a": "./a.mjs", "./package.json": "./package.json" } }, {}, "esm", false],
		["a pattern", { type: "module", exports: { "./*": "./dist/*.js" } }, {}, "esm", false],
		["fallbacks", { exports: [{ import: "./a.mjs" }, "./a.cjs"] }, {}, "dual", false],
		["a closed entry", { exports: null }, index, "cjs", false],
		["a native addon", { main: "a.node" }, { "a.node": "" }, "cjs", false],
		[
			"a build folder with a scope of its own",
			{ exports: { import: "./esm/a.js", require: "./cjs/a.js" } },
			{ "esm/package.json": { type: "module" } },
			"dual",
			false,
		],
	])("%s", async (_, json, files, modules, types) => {
		expect(await manifest(json, files)).toMatchObject({ modules, types });
	});

	test("a byte order mark and CRLF are tolerated", async () => {
		expect((await manifest('\ufeff{\r\n"license": "MIT"\r\n}')).licence).toBe("MIT");
	});

	test("exports nested without end are cut off", async () => {
		const deep = `${'{"a":'.repeat(5000)}"./a.mjs"${"}".repeat(5000)}`;
		expect((await manifest(`{ "exports": ${deep} }`)).modules).toBe("none");
	});

	test.each([
		["not JSON", "{ nope", /not valid JSON/],
		["no object", "3", /does not hold an object/],
	])("%s is an error", async (_, text, message) => {
		await expect(manifest(text)).rejects.toThrow(message);
	});

	test("none is an error", async () => {
		await expect(readManifest(await folderWith({}))).rejects.toThrow(/ENOENT/);
	});
});
