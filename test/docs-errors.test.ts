import { expect, test } from "vitest";
import { isNode, nodesOf, parse, read } from "./source.js";

/** The members of the union `ErrorCode`, read from its source: a type leaves nothing to look at when it runs. */
function declaredCodes(): string[] {
	const union = [...nodesOf(parse(read("src/core/errors.ts")))].find(
		(node) => node.type === "TSTypeAliasDeclaration" && isNode(node["id"]) && node["id"]["name"] === "ErrorCode",
	);
	return [...nodesOf(union)]
		.filter((node) => node.type === "TSLiteralType" && isNode(node["literal"]))
		.map((node) => String((node["literal"] as { value?: unknown }).value));
}

/** The first column of the table of codes. */
function documentedCodes(): string[] {
	return [...read("docs/errors.md").matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code = ""]) => code);
}

test("docs/errors.md has every error code once, in alphabetical order, and no other", () => {
	const declared = declaredCodes();
	expect(declared).toContain("CYCLE");
	expect(documentedCodes()).toEqual(declared.toSorted());
});
