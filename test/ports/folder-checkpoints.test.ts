import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderCheckpoints } from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fileName, namedText } from "../../src/ports/file-name.js";
import { SEED } from "../random.js";
import { folders, runInfo } from "./samples.js";

const folder = folders();

/** A run with two nodes saved, and where. */
async function saved(...nodes: string[]) {
	const directory = folder();
	const port = folderCheckpoints({ directory });
	const store = await port.open(runInfo("r"));
	for (const node of nodes) await store.save(node, { of: node });
	await store.close?.(false);
	const place = join(directory, readdirSync(directory)[0] ?? "");
	const load = async () => (await folderCheckpoints({ directory }).open(runInfo("r", { resumed: true }))).load();
	return { directory, place, port, load, files: readdirSync(place).map((name) => join(place, name)) };
}

describe("damage", () => {
	test.each([
		["a byte that has changed", (text: string) => text.replace("{", "[")],
		["half of it", (text: string) => text.slice(0, text.length / 2)],
		["nothing", () => ""],
		["garbage", () => "\u0000".repeat(100)],
	])("is told of with the node's name, and nothing is skipped: %s (mistake 16)", async (_, change) => {
		const { files, load } = await saved("whole", "a/b");
		const file = files.find((path) => path.includes("a%2Fb")) ?? "";
		writeFileSync(file, change(readFileSync(file, "utf8")));
		await expect(load()).rejects.toMatchObject({
			code: "JOURNAL_CORRUPT",
			nodes: ["a/b"],
			message: expect.stringContaining('the checkpoint of node "a/b" of run "r"'),
		});
	});

	test("of a node with a long name is told of with the file's", async () => {
		const { files, load } = await saved("x".repeat(500));
		writeFileSync(files[0] ?? "", "");
		await expect(load()).rejects.toMatchObject({ nodes: [], message: expect.stringContaining(files[0] ?? "?") });
	});

	test("is also a file that belongs elsewhere", async () => {
		const one = await saved("a");
		renameSync(one.files[0] ?? "", join(one.place, `${fileName("b")}.checkpoint`));
		await expect(one.load()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT", nodes: ["b"] });
		const other = await saved("a");
		const foreign = join(other.directory, fileName("s"));
		renameSync(other.place, foreign);
		const store = await other.port.open(runInfo("s", { resumed: true }));
		await expect(store.load()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT", nodes: ["a"] });
	});

	test("is none where a process has died while it wrote: what was saved before is there", async () => {
		const { files, load, place } = await saved("a");
		writeFileSync(`${files[0]}.unfinished`, "half of");
		writeFileSync(join(place, "notes.txt"), "somebody else's");
		expect(await load()).toEqual(new Map([["a", { of: "a" }]]));
	});
});

describe("files", () => {
	test("are whole at any moment, however often they are written", async () => {
		const { port, files } = await saved("a");
		const store = await port.open(runInfo("r", { resumed: true }));
		const saves = Array.from({ length: 20 }, (_, page) => store.save("a", { page, text: "x".repeat(page * 1_000) }));
		let reads = 0;
		for (const save of saves) {
			await save;
			expect(readFileSync(files[0] ?? "", "utf8")).toMatch(/^[0-9a-f]{8}\{.*\}$/s);
			reads++;
		}
		expect(reads).toBe(20);
		expect(await store.load()).toMatchObject(new Map([["a", { page: 19 }]]));
	});

	test("go when a node has ended, and the folder when the run has (E6, R8)", async () => {
		const { port, place, directory } = await saved("a", "b");
		const store = await port.open(runInfo("r", { resumed: true }));
		await store.clear("a");
		expect(readdirSync(place)).toHaveLength(1);
		await store.close?.(true);
		expect(readdirSync(directory)).toEqual([]);
	});

	test("stay when the run is let go of, and are not made for a run that saves nothing (E6)", async () => {
		const { files, directory, port } = await saved("a");
		const idle = await port.open(runInfo("idle"));
		await idle.close?.(false);
		expect(readdirSync(directory)).toHaveLength(1);
		expect(readFileSync(files[0] ?? "", "utf8")).toContain('"of":"a"');
	});

	test("of a run that begins anew are gone, unfinished ones, too", async () => {
		const { place, port, files } = await saved("a");
		writeFileSync(`${files[0]}.unfinished`, "half of");
		await port.open(runInfo("r"));
		expect(() => readdirSync(place)).toThrow("ENOENT");
	});
});

describe("a store", () => {
	test("is closed for good, and the one before refuses when a run is opened again (mistake 35)", async () => {
		const port = folderCheckpoints({ directory: folder() });
		const first = await port.open(runInfo("r"));
		const pending = first.save("a", 1);
		const second = await port.open(runInfo("r", { resumed: true }));
		await pending;
		expect((await second.load()).get("a")).toBe(1);
		await expect(first.save("a", 2)).rejects.toMatchObject({ code: "ILLEGAL_STATE", nodes: ["a"] });
		await first.close?.(true);
		expect((await second.load()).get("a")).toBe(1);
		await second.close?.(true);
		await second.close?.(true);
		await expect(second.clear("a")).rejects.toMatchObject({ code: "ILLEGAL_STATE" });
	});

	test("refuses what is not plain data, and keeps what was there", async () => {
		const store = await folderCheckpoints({ directory: folder() }).open(runInfo("r"));
		await store.save("a", 1);
		await expect(store.save("a", { when: new Date(0) })).rejects.toMatchObject({
			code: "INVALID_INPUT",
			nodes: ["a"],
			path: "/when",
		});
		expect(await store.load()).toEqual(new Map([["a", 1]]));
	});

	test("tells who saved that it could not, and saves again when it can (E10)", async () => {
		const directory = folder();
		const store = await folderCheckpoints({ directory: join(directory, "deep") }).open(runInfo("r"));
		writeFileSync(directory, "a file where a folder should be");
		await expect(store.save("a", 1)).rejects.toThrow("ENOTDIR");
		rmSync(directory);
		await store.save("a", 2);
		expect(await store.load()).toEqual(new Map([["a", 2]]));
	});

	test("throws what the disk throws when it loads", async () => {
		const { files, load } = await saved("a");
		rmSync(files[0] ?? "");
		mkdirSync(files[0] ?? "");
		chmodSync(files[0] ?? "", 0o700);
		await expect(load()).rejects.toThrow("EISDIR");
	});
});

test("file names are safe, never the same for two texts, and tell the text where it is short", () => {
	const names = new Map<string, string>();
	const text = fc.oneof(
		fc.string({ unit: "binary", maxLength: 30 }),
		fc.string({
			unit: fc.constantFrom("a", "A", "/", "..", "%2F", "\u0000", "\ud800", "\udc00", "~", "*"),
			maxLength: 60,
		}),
	);
	fc.assert(
		fc.property(text, (value) => {
			const name = fileName(value);
			expect(name).toMatch(/^[A-Za-z0-9_.!~'()%-]*~[0-9a-f]{32}$/);
			expect(name.length).toBeLessThan(160);
			const folded = name.toLowerCase();
			expect(names.get(folded) ?? value).toBe(value);
			names.set(folded, value);
			expect([value, undefined]).toContain(namedText(name));
			if (value.length <= 13 && value.isWellFormed()) expect(namedText(name)).toBe(value);
		}),
		{ seed: SEED, numRuns: 150 },
	);
	expect(namedText("something else")).toBeUndefined();
	expect(namedText(`%~${"0".repeat(32)}`)).toBeUndefined();
});
