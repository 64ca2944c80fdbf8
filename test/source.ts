import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vitest/node";

export const root = fileURLToPath(new URL("..", import.meta.url));

const generated = new Set(["node_modules", "dist", "coverage", "results", "output", ".git"]);

/** Files under a folder of the project, as paths from its root with forward slashes, sorted. */
export function filesUnder(folder: string, pattern: RegExp): string[] {
	const found: string[] = [];
	for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
		const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
		if (entry.isDirectory() && !generated.has(entry.name)) found.push(...filesUnder(path, pattern));
		else if (entry.isFile() && pattern.test(path)) found.push(path);
	}
	return found.sort();
}

export function read(path: string): string {
	return readFileSync(join(root, path), "utf8");
}

/** A node of the syntax tree (ESTree with TypeScript), as far as these tests care. */
export interface SyntaxNode {
	readonly type: string;
	readonly start: number;
	readonly end: number;
	readonly [property: string]: unknown;
}

/** The top-level statements of a TypeScript module. */
export function parse(code: string): readonly SyntaxNode[] {
	return parseAst(code, { lang: "ts", sourceType: "module" }).body as unknown as readonly SyntaxNode[];
}

/** Every node of a tree, parents first. */
export function* nodesOf(value: unknown): Generator<SyntaxNode> {
	if (typeof value !== "object" || value === null) return;
	if (isNode(value)) yield value;
	for (const part of Object.values(value)) yield* nodesOf(part);
}

export function isNode(value: unknown): value is SyntaxNode {
	return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}
