import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { filesUnder, isNode, nodesOf, parse, read, root, type SyntaxNode } from "./source.js";

const sources = filesUnder("src", /\.ts$/);
const outside = ["demo", "examples", "bench"].flatMap((folder) => filesUnder(folder, /\.ts$/));
const modules = [...sources, ...outside];
const code = [...filesUnder(".", /\.[cm]?[jt]s$/), ...filesUnder(".ci", /./)];
const documents = filesUnder(".", /\.md$/);
const manifest = JSON.parse(read("package.json")) as {
	version: string;
	dependencies: Record<string, string>;
	peerDependencies: Record<string, string>;
};

const trees = new Map(modules.map((path) => [path, parse(read(path))]));

/**
 * What each folder of src/ may import: everything, or types only. A folder may always import itself;
 * the files directly in src/ (here `.`) compose the rest and may import everything.
 */
const layers: Readonly<Record<string, Readonly<Record<string, "all" | "types">>>> = {
	core: {},
	graph: { core: "all" },
	scheduler: { core: "all", graph: "all" },
	executor: { core: "all", graph: "types", ports: "types" },
	journal: { core: "all", graph: "types" },
	ports: { core: "all" },
	triggers: { core: "all", graph: "all", executor: "all", journal: "all", ports: "all", ".": "all" },
	testing: {
		core: "all",
		graph: "all",
		scheduler: "all",
		executor: "all",
		journal: "all",
		ports: "all",
		triggers: "all",
		".": "all",
	},
	bench: { core: "all", graph: "all", scheduler: "all", executor: "all", ".": "all" },
	cli: { core: "all", graph: "types", executor: "types", journal: "all", ports: "all", triggers: "all", ".": "all" },
};

describe("imports", () => {
	test("go one way", () => {
		const wrong: string[] = [];
		for (const path of sources) {
			const layer = layerOf(path);
			for (const { source, typeOnly, line } of importsOf(path)) {
				if (!source.startsWith(".")) continue;
				const target = layerOf(resolveLink(path, source));
				const allowed = layer === "." || target === layer ? "all" : layers[layer]?.[target];
				if (allowed === undefined) wrong.push(`${path}:${line} imports ${source}`);
				else if (allowed === "types" && !typeOnly) wrong.push(`${path}:${line} imports more than types from ${source}`);
			}
		}
		expect(wrong).toEqual([]);
	});

	test("name files with their extension, packages that are dependencies, and built-in modules as node:", () => {
		const known = (source: string, path: string): boolean => {
			if (source.startsWith(".")) return source.endsWith(".js");
			if (source.startsWith("node:")) return isBuiltin(source);
			const name = source.split("/", source.startsWith("@") ? 2 : 1).join("/");
			// An optional peer may be missing where the library itself is used: only the kit may ask for it.
			return name in manifest.dependencies || (name in manifest.peerDependencies && layerOf(path) === "testing");
		};
		const unknown = sources.flatMap((path) =>
			importsOf(path)
				.filter(({ source }) => !known(source, path))
				.map(({ source, line }) => `${path}:${line} imports ${source}`),
		);
		expect(unknown).toEqual([]);
	});

	test("of demo, examples and bench take nothing but types from inside the library", () => {
		const inward = outside.flatMap((path) =>
			importsOf(path)
				.filter(({ source, typeOnly }) => !typeOnly && /^(src|dist)\//.test(resolveLink(path, source)))
				.map(({ source, line }) => `${path}:${line} imports ${source}`),
		);
		expect(inward).toEqual([]);
	});
});

describe("code", () => {
	test("has no `any` without a lint exception that says why", () => {
		const excuse = /biome-ignore lint\/suspicious\/noExplicitAny: \S/;
		expect(
			offenders(modules, (node, path) => node.type === "TSAnyKeyword" && !excuse.test(linesAt(path, node.start).above)),
		).toEqual([]);
	});

	test("has no non-null assertion without a comment on its line or the one above", () => {
		const commented = (path: string, offset: number): boolean => {
			const { line, above } = linesAt(path, offset);
			return /\/\/|\*\//.test(line) || /^\s*(\/\/|\/?\*)/.test(above);
		};
		expect(
			offenders(sources, (node, path) => node.type === "TSNonNullExpression" && !commented(path, node.end)),
		).toEqual([]);
	});

	test("takes time, timers and randomness from the ports", () => {
		const ports = ["src/core/clock.ts", "src/core/ids.ts"];
		const globals = ["setTimeout", "setInterval", "setImmediate", "nanoid"];
		const members = ["Math.random", "Date.now", "performance.now", "process.hrtime", "crypto.randomUUID"];
		const name = (node: unknown): string => (isNode(node) ? String(node["name"]) : "");
		const impure = (node: SyntaxNode): boolean => {
			switch (node.type) {
				case "Identifier":
					return globals.includes(name(node));
				case "MemberExpression":
					return members.includes(`${name(node["object"])}.${name(node["property"])}`);
				case "CallExpression":
				case "NewExpression":
					return name(node["callee"]) === "Date" && (node["arguments"] as unknown[]).length === 0;
				default:
					return false;
			}
		};
		expect(
			offenders(
				sources.filter((path) => !ports.includes(path)),
				impure,
			),
		).toEqual([]);
	});

	test("switches no check off for a whole file", () => {
		expect(filesWith(code, /@ts-(ignore|nocheck)|biome-ignore-(all|start)/)).toEqual([]);
	});

	test("has no place for planted bugs: they are edits of a copy, never branches of what is shipped", () => {
		expect(filesWith(sources, /\b(canar(y|ies)|mutants?|planted)\b/i)).toEqual([]);
		// The one flag of golden traces, and where the command line meets its process.
		const excepted = ["src/testing/golden.ts", "src/cli/main.ts"];
		const environment = (node: SyntaxNode): boolean =>
			node.type === "MemberExpression" &&
			isNode(node["object"]) &&
			node["object"]["name"] === "process" &&
			isNode(node["property"]) &&
			["env", "argv", "execArgv"].includes(String(node["property"]["name"]));
		// Nothing that is shipped behaves in another way because of where it runs.
		expect(
			offenders(
				sources.filter((path) => !excepted.includes(path)),
				environment,
			),
		).toEqual([]);
	});

	test("numbers no parameters of SQL: Node 22 takes them for named ones, and refuses to bind them", () => {
		expect(filesWith(code, /\b(WHERE|VALUES|SET|BETWEEN|AND|LIMIT)\b[^\n`"]*\?\d/)).toEqual([]);
	});

	test("leaves nothing for later", () => {
		expect(filesWith([...code, ...documents], /\b(TODO|FIXME)\b/)).toEqual([]);
	});
});

describe("files", () => {
	test("are named after what is in them", () => {
		const vague = /(^|[/.-])(utils?|helpers?|managers?|misc|common)\.[cm]?[jt]s$/i;
		expect(code.filter((path) => vague.test(path))).toEqual([]);
	});

	test("can be read in one sitting: at most 400 lines", () => {
		const lengths = modules.map((path) => [path, read(path).split("\n").length - 1] as const);
		expect(lengths.filter(([, lines]) => lines > 400)).toEqual([]);
	});

	test("hold no path of the machine they were written on", () => {
		expect(filesWith([...code, ...documents], /(?<![\w.])\/(work|home|root|Users)\/\w/)).toEqual([]);
	});

	test("that lock packages name no registry", () => {
		const locks = filesUnder(".", /(^|\/)package-lock\.json$/);
		expect(locks).toContain("package-lock.json");
		expect(filesWith(locks, /"resolved":/)).toEqual([]);
	});
});

describe("documents", () => {
	test("link only to what is there", () => {
		const broken: string[] = [];
		for (const path of documents) {
			const prose = withoutBlocks(read(path)).replace(/`[^`\n]*`/g, "");
			for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
				if (/^[a-z]+:/i.test(target)) continue;
				const [file = "", anchor] = target.split("#");
				const linked = file === "" ? path : resolveLink(path, decodeURIComponent(file));
				const dead = anchor !== undefined && linked.endsWith(".md") && !anchorsOf(linked).has(anchor);
				if (!existsSync(join(root, linked)) || dead) broken.push(`${path} → ${target}`);
			}
		}
		expect(broken).toEqual([]);
	});

	test("have a changelog entry for what is next or for this version", () => {
		const headings = [...read("CHANGELOG.md").matchAll(/^## \[([^\]]+)\]/gm)].map(([, heading]) => heading);
		expect(headings.some((heading) => heading === "Unreleased" || heading === manifest.version)).toBe(true);
	});

	test("give every runtime dependency its reason", () => {
		const reasons = read("docs/dependencies.md");
		expect(Object.keys(manifest.dependencies).filter((name) => !reasons.includes(`\`${name}\``))).toEqual([]);
	});
});

interface Import {
	readonly source: string;
	readonly typeOnly: boolean;
	readonly line: number;
}

function importsOf(path: string): Import[] {
	const found: Import[] = [];
	for (const node of nodesOf(trees.get(path))) {
		if (!/^(Import(Declaration|Expression)|Export(Named|All)Declaration|TSImportType)$/.test(node.type)) continue;
		if (!isNode(node["source"])) continue;
		// A user's file, whose name nobody knows before.
		if (node.type === "ImportExpression" && node["source"].type !== "Literal") continue;
		const specifiers = Array.isArray(node["specifiers"]) ? (node["specifiers"] as SyntaxNode[]) : [];
		const kinds = specifiers.map((specifier) => specifier["importKind"] ?? specifier["exportKind"]);
		found.push({
			source: String(node["source"]["value"]),
			typeOnly:
				node.type === "TSImportType" ||
				node["importKind"] === "type" ||
				node["exportKind"] === "type" ||
				(kinds.length > 0 && kinds.every((kind) => kind === "type")),
			line: lineOf(path, node.start),
		});
	}
	return found;
}

function layerOf(path: string): string {
	const [, folder = "", ...rest] = path.split("/");
	return rest.length > 0 ? folder : ".";
}

function resolveLink(from: string, to: string): string {
	return normalize(join(dirname(from), to)).replaceAll("\\", "/");
}

function lineOf(path: string, offset: number): number {
	return read(path).slice(0, offset).split("\n").length;
}

function linesAt(path: string, offset: number): { readonly line: string; readonly above: string } {
	const lines = read(path).split("\n");
	const number = lineOf(path, offset);
	return { line: lines[number - 1] ?? "", above: lines[number - 2] ?? "" };
}

/** Where the syntax trees of these files have a node that is objected to, as `path:line`. */
function offenders(paths: readonly string[], objectionable: (node: SyntaxNode, path: string) => boolean): string[] {
	return paths.flatMap((path) =>
		[...nodesOf(trees.get(path))]
			.filter((node) => objectionable(node, path))
			.map((node) => `${path}:${lineOf(path, node.start)}`),
	);
}

/** The files whose text matches; not this one, which has to name what it looks for. */
function filesWith(paths: readonly string[], pattern: RegExp): string[] {
	return paths.filter((path) => path !== "test/tidy.test.ts" && pattern.test(read(path)));
}

/** Headings as GitHub turns them into anchors. */
function anchorsOf(path: string): Set<string> {
	const anchors = new Set<string>();
	for (const [, heading = ""] of withoutBlocks(read(path)).matchAll(/^#{1,6}\s+(.+)$/gm)) {
		const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
		const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
		let unique = anchor;
		for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
		anchors.add(unique);
	}
	return anchors;
}

function withoutBlocks(markdown: string): string {
	return markdown.replace(/^\s*(```+|~~~+)[\s\S]*?^\s*\1/gm, "");
}
