import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { journalFiles } from "../journal/journal-file.js";
import { dagswarm } from "./fake-world.js";

const files = journalFiles();

/** Nothing is imported, so that it may stand anywhere. */
const MODULE = `
const double = { name: "double", run: async (n) => n * 2 };
const sum = { name: "sum", run: async (_, ctx) => Object.values(ctx.deps).reduce((a, b) => a + b, 0) };
export const agents = [double, sum];
export const graph = { nodes: [
	{ id: "a", agent: "double", input: 1 },
	{ id: "b", agent: "double", input: 2 },
	{ id: "sum", agent: "sum", dependsOn: ["a", "b"] },
] };
`;

async function forked() {
	const storeFile = files.next();
	const module = `${storeFile}.mjs`;
	writeFileSync(module, MODULE);
	const tell = (...args: string[]) => dagswarm(args, { storeFile });
	expect((await tell("run", module, "--id", "old")).code).toBe(0);
	return { module, tell };
}

const EDIT = JSON.stringify({ type: "updateNode", id: "b", changes: { input: 10 } });

describe("dagswarm fork", () => {
	test("runs what is changed, and what depends on it, in a new run", async () => {
		const { tell } = await forked();
		const { code, out } = await tell("fork", "old", "--edit", EDIT, "--id", "new");
		expect([code, out]).toEqual([0, expect.stringContaining("22")]);
		expect(JSON.parse((await tell("diff", "old", "new", "--json")).out)).toMatchObject({
			changed: [{ id: "b" }, { id: "sum", fields: [{ field: "output", before: 6, after: 22 }] }],
			unchanged: 1,
		});
		const shown = JSON.parse((await tell("show", "new", "--json")).out);
		expect(shown).toMatchObject({ forkedFrom: { run: "old" }, metadata: { "dagswarm.project": expect.any(String) } });
	});

	test("takes an event, nodes that run again, and an edit from a file", async () => {
		const { module, tell } = await forked();
		writeFileSync(`${module}.json`, `[${EDIT}]`);
		const args = ["--edit", `@${module}.json`, "--reset", "a", "--reset", "sum"];
		expect((await tell("fork", "@last", module, ...args, "--id", "new", "--at", "11")).code).toBe(0);
		expect(JSON.parse((await tell("show", "new", "--json")).out)).toMatchObject({
			status: "completed",
			forkedFrom: { run: "old", seq: 11 },
			nodes: [{ output: 2 }, { output: 20 }, { output: 22 }],
		});
	});

	test.each([
		[["fork", "old", "--edit", "{"], "INVALID_INPUT: --edit is no JSON"],
		[["fork", "old", "--edit", "@none.json"], "none.json cannot be read"],
		[["fork", "old", "--edit", '{"type":"paint"}'], "paint"],
		[["fork", "old", "--reset", "c"], "UNKNOWN_NODE"],
		[["fork", "old", "--at", "99"], "no event 99"],
		[["fork", "old", "none.mjs"], "none.mjs"],
		[["fork", "old", "--id", "old"], "RUN_EXISTS"],
	])("refuses %j", async (args, why) => {
		const { tell } = await forked();
		expect(await tell(...args)).toMatchObject({ code: 2, out: "", error: expect.stringContaining(why) });
	});
});
