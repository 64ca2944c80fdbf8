import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isInRange } from "../../src/cli/package-facts.js";
import { root } from "../source.js";
import { dagswarm } from "./fake-world.js";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "cli-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const squares = join(root, "test/cli/projects/squares.ts");

test("finds nothing wrong where nothing is, and says what it has looked at", async () => {
	const store = { cwd: folder, storeFile: "sound.db" };
	expect((await dagswarm(["doctor"], store)).out).toContain("is not there yet");
	await dagswarm(["run", squares], store);
	const { code, out } = await dagswarm(["doctor", squares, "--json"], store);
	const { ok, checks } = JSON.parse(out) as {
		ok: boolean;
		checks: { name: string; status: string; message: string }[];
	};
	expect([code, ok]).toEqual([0, true]);
	expect(checks.filter(({ status }) => status === "problem")).toEqual([]);
	expect(checks.map(({ name }) => name)).toEqual([
		"dagswarm",
		"node",
		"sqlite",
		"typescript",
		"folder",
		"disk",
		"file system",
		"store",
		"soundness",
		"project",
	]);
	expect(checks.at(-1)?.message).toContain("2 agents, 0 triggers");
});

test("says what is wrong, what to do, and exits with 1", async () => {
	writeFileSync(join(folder, "damaged.db"), "this is no database".repeat(100));
	const { code, out } = await dagswarm(["doctor", "none.ts"], {
		cwd: folder,
		storeFile: "damaged.db",
		node: { version: "v20.1.0", typescript: false },
	});
	expect(code).toBe(1);
	expect(out).toMatch(/^✗ node: v20\.1\.0 is not in the range .*\n {4}use a newer Node/m);
	expect(out).toMatch(/^! typescript: /m);
	expect(out).toMatch(/^✗ store: JOURNAL_CORRUPT: .*\n {4}restore it from a backup/m);
	expect(out).toMatch(/^✗ project: INVALID_OPTION: there is no file .*\n {4}`dagswarm init`/m);
	expect((await dagswarm(["doctor", "--store", "no/where.db"], { cwd: folder })).out).toMatch(
		/^✗ folder: there is no/m,
	);
});

test("tells of runs that nobody has", async () => {
	const store = { cwd: folder, storeFile: "left.db" };
	await dagswarm(["run", join(root, "test/cli/projects/questions.ts")], store);
	const { code, out } = await dagswarm(["doctor"], store);
	expect(code).toBe(0);
	expect(out).toContain(
		"! runs: 1 run has not ended, and no process has them\n    go on with them: dagswarm resume --all",
	);
});

test.each([
	["v22.13.0", true],
	["v22.12.9", false],
	["v23.9.0", false],
	["v24.0.0", true],
	["v27.1.0", true],
])("%s is in the range of the package: %s", (version, isIn) => {
	expect(isInRange(version, "^22.13 || ^24 || >=26")).toBe(isIn);
});
