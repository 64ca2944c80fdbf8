import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { filesUnder, isNode, parse, read, root, type SyntaxNode } from "./source.js";

/** A fenced block of TypeScript in a document or in a doc comment. */
interface Block {
	readonly name: string;
	readonly code: string;
	/** Marked `no-run`: its types are checked, it is not executed. */
	readonly noRun: boolean;
}

function blocksIn(path: string): Block[] {
	// Inside doc comments every line starts with an asterisk.
	const margin = path.endsWith(".ts") ? /^\s*\* ?/ : /^/;
	const found: Block[] = [];
	let open: { readonly line: number; readonly indent: number; readonly noRun: boolean; code: string[] } | undefined;
	for (const [index, raw] of read(path).split("\n").entries()) {
		if (!margin.test(raw)) continue;
		const text = raw.replace(margin, "");
		const fence = /^(\s*)```(.*)$/.exec(text);
		if (open === undefined) {
			const [language, ...flags] = fence?.[2]?.trim().split(/\s+/) ?? [];
			if (fence === null) continue;
			const indent = fence[1]?.length ?? 0;
			open = { line: index + 1, indent, noRun: language !== "ts" || flags.includes("no-run"), code: [] };
			if (language !== "ts") open.code.push(notTypeScript);
		} else if (fence !== null) {
			// As many empty lines as stand above it, so that every error names the line of the document.
			const code = "\n".repeat(open.line) + open.code.join("\n");
			if (open.code[0] !== notTypeScript) found.push({ name: `${path}:${open.line}`, code, noRun: open.noRun });
			open = undefined;
		} else {
			open.code.push(text.slice(open.indent));
		}
	}
	return found;
}

const notTypeScript = "\0";

const blocks = [
	...["README.md", "CONTRIBUTING.md"].filter((path) => filesUnder(".", /^[^/]+\.md$/).includes(path)),
	...filesUnder("docs", /\.md$/),
	...filesUnder("src", /\.ts$/),
].flatMap(blocksIn);

type Documented = { readonly value: unknown; readonly partial: boolean };

/**
 * The value that a comment such as `42`, `{ a: 1, … }` or `true, because …` starts with, or undefined
 * when it is prose.
 */
function documentedValue(comment: string): Documented | undefined {
	const whole = comment.replace(/,?\s*(…|\.\.\.)\s*}/g, " }");
	const ends = [...whole.matchAll(/[,;:.]? /g)].map((match) => match.index).reverse();
	for (const end of [whole.length, ...ends]) {
		const literal = literalOf(whole.slice(0, end));
		if (literal !== undefined) return { ...literal, partial: whole !== comment };
	}
	if (/^(["'[{\d]|-\d|(true|false|null|undefined)\b)/.test(comment)) {
		throw new Error(`the comment "// ${comment}" begins like a value and is none: write the value, or prose`);
	}
	return undefined;
}

function literalOf(text: string): { readonly value: unknown } | undefined {
	let statements: readonly SyntaxNode[];
	try {
		statements = parse(`(${text})`);
	} catch {
		return undefined;
	}
	const expression = statements[0]?.["expression"];
	const inner =
		isNode(expression) && expression.type === "ParenthesizedExpression" ? expression["expression"] : expression;
	return statements.length === 1 && isLiteral(inner) ? { value: new Function(`return (${text})`)() } : undefined;
}

function isLiteral(node: unknown): boolean {
	if (!isNode(node)) return false;
	switch (node.type) {
		case "Literal":
			return true;
		case "Identifier":
			return ["undefined", "NaN", "Infinity"].includes(String(node["name"]));
		case "UnaryExpression":
			return node["operator"] === "-" && isLiteral(node["argument"]);
		case "ArrayExpression":
			return (node["elements"] as unknown[]).every(isLiteral);
		case "ObjectExpression":
			return (node["properties"] as SyntaxNode[]).every((property) => isLiteral(property["value"]));
		default:
			return false;
	}
}

/**
 * The block with each top-level `expression; // value` (or `console.log(expression); // value`)
 * turned into a check of that value. Lines stay where they are.
 */
function withChecks(block: Block): { readonly code: string; readonly values: readonly Documented[] } {
	const values: Documented[] = [];
	let { code } = block;
	for (const statement of parse(code).toReversed()) {
		if (statement.type !== "ExpressionStatement" || !isNode(statement["expression"])) continue;
		const comment = /^[ \t]*\/\/[ \t]*(\S.*)$/m.exec(code.slice(statement.end).split("\n", 1)[0] ?? "")?.[1];
		const documented = comment === undefined ? undefined : documentedValue(comment.trim());
		if (documented === undefined) continue;
		const expression = loggedBy(statement["expression"]) ?? statement["expression"];
		const check = `;globalThis.${checkName}(${code.slice(expression.start, expression.end)}, ${values.length});`;
		code = code.slice(0, statement.start) + check + code.slice(statement.end);
		values.push(documented);
	}
	return { code, values };
}

function loggedBy(call: SyntaxNode): SyntaxNode | undefined {
	const { callee } = call;
	if (call.type !== "CallExpression" || !isNode(callee) || callee.type !== "MemberExpression") return undefined;
	if (!isNode(callee["object"]) || callee["object"]["name"] !== "console") return undefined;
	const [only, ...others] = call["arguments"] as SyntaxNode[];
	return others.length === 0 ? only : undefined;
}

const checkName = "__documentedValue";
let folder: string;

function write(block: Block, suffix: string, code: string): string {
	const path = join(folder, `${block.name.replace(/[^\w.]/g, "-")}${suffix}.ts`);
	writeFileSync(path, code);
	return path;
}

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "dagswarm-docs-"));
	symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
	writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
});

afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

describe("examples in README, docs and doc comments", () => {
	beforeEach(() => {
		for (const method of ["log", "info", "warn", "error"] as const) {
			vi.spyOn(console, method).mockImplementation(() => {});
		}
	});
	afterEach(() => {
		vi.restoreAllMocks();
		Reflect.deleteProperty(globalThis, checkName);
	});

	test("have correct types", async () => {
		for (const block of blocks) write(block, "", block.code);
		writeFileSync(
			join(folder, "tsconfig.json"),
			JSON.stringify({
				extends: join(root, "tsconfig.json"),
				compilerOptions: {
					paths: {
						dagswarm: [join(root, "src/index.ts")],
						"dagswarm/*": [join(root, "src/*/index.ts")],
					},
					rootDir: "/",
					typeRoots: [join(root, "node_modules/@types")],
					// A bare expression with its value beside it is what examples are made of.
					noUnusedLocals: false,
				},
				include: ["*.ts"],
			}),
		);
		const tsc = join(root, "node_modules/typescript/bin/tsc");
		const errors = await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
			cwd: folder,
		}).then(
			() => "",
			(error: { stdout: string }) => error.stdout,
		);
		expect(errors).toBe("");
	});

	test.each(blocks.filter((block) => !block.noRun))("$name runs as written", async (block) => {
		const { code, values } = withChecks(block);
		const checked = new Set<number>();
		Object.defineProperty(globalThis, checkName, {
			configurable: true,
			value: (actual: unknown, index: number) => {
				const documented = values[index];
				checked.add(index);
				if (documented?.partial) expect(actual).toMatchObject(documented.value as object);
				else expect(actual).toEqual(documented?.value);
			},
		});
		await import(/* @vite-ignore */ write(block, "-run", code));
		expect(checked.size).toBe(values.length);
	});
});

describe("the values that examples document", () => {
	test.each<[string, unknown]>([
		["42", 42],
		["-1.5", -1.5],
		["300_000", 300_000],
		['"CYCLE"', "CYCLE"],
		["true, also for another copy", true],
		["undefined: nobody has it", undefined],
		['[1, "a", null]', [1, "a", null]],
		["[1, 2] in this order", [1, 2]],
		['{ a: [{ "b-c": 1 }] }', { a: [{ "b-c": 1 }] }],
	])("%s", (comment, value) => {
		expect(documentedValue(comment)).toEqual({ value, partial: false });
	});

	test("may leave members out", () => {
		expect(documentedValue('{ status: "completed", … }')).toEqual({ value: { status: "completed" }, partial: true });
		expect(documentedValue("{ a: { b: 1, ... }, c: 2 }")).toEqual({ value: { a: { b: 1 }, c: 2 }, partial: true });
	});

	test.each(["starts the run", "see above: 42", "process.exit()", "a, b", "→ 42"])("not %s", (comment) => {
		expect(documentedValue(comment)).toBeUndefined();
	});

	test.each(["[1, 2", "{ a: run }", '"unfinished'])("nor, by mistake, %s", (comment) => {
		expect(() => documentedValue(comment)).toThrow("begins like a value");
	});

	test("are checked where they stand", () => {
		const code = 'const x = 1;\nx; // 1\nconsole.log(x); // 1\nawait f(); // prose\n{ x; // 2\n}\n"a"; // "a"';
		expect(withChecks({ name: "x", code, noRun: false }).code.split("\n")).toEqual([
			"const x = 1;",
			";globalThis.__documentedValue(x, 2); // 1",
			";globalThis.__documentedValue(x, 1); // 1",
			"await f(); // prose",
			"{ x; // 2",
			"}",
			';globalThis.__documentedValue("a", 0); // "a"',
		]);
	});
});
