import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as promises from "node:fs/promises";
import { join } from "node:path";
import { type Disk, folderCheckpoints } from "dagswarm";
import { describe, expect, test } from "vitest";
import { diskWith } from "./fixture.js";
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
		["a node of another name", (text: string) => text.replace('"node":"whole', '"node":"\\x')],
	])("is told of with the node's name, and nothing is skipped: %s (mistake 16)", async (_, change) => {
		const { files, load } = await saved("another", "whole");
		const file = files.find((path) => path.includes("whole")) ?? "";
		writeFileSync(file, change(readFileSync(file, "utf8")));
		await expect(load()).rejects.toMatchObject({
			code: "JOURNAL_CORRUPT",
			nodes: ["whole"],
			message: expect.stringContaining('the checkpoint of node "whole" of run "r"'),
		});
	});

	test("of a node whose name is no file's is told of with what can be read of it", async () => {
		const { files, load } = await saved("A/b");
		const [file = ""] = files;
		writeFileSync(file, readFileSync(file, "utf8").replace('"of"', '"if"'));
		await expect(load()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT", nodes: ["A/b"] });
		writeFileSync(file, '"node":"somebody else"');
		await expect(load()).rejects.toMatchObject({ nodes: [], message: expect.stringContaining(file) });
		expect(file).toContain("a-b");
	});

	test("is also a file that belongs elsewhere", async () => {
		const one = await saved("a");
		renameSync(one.files[0] ?? "", join(one.place, "b.checkpoint"));
		await expect(one.load()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT", nodes: ["b"] });
		const other = await saved("a");
		renameSync(other.place, join(other.directory, "s"));
		const store = await other.port.open(runInfo("s", { resumed: true }));
		await expect(store.load()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT", nodes: ["a"] });
	});

	test("is none where a process has died while it wrote: what was saved before is there", async () => {
		const { files, load, place } = await saved("a");
		writeFileSync(`${files[0]}.new`, "half of");
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
		writeFileSync(`${files[0]}.new`, "half of");
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

	test("tells who saved that it could not, keeps what was there, and saves again when it can (E10)", async () => {
		let isFull = false;
		const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });
		const disk = diskWith({
			mkdir: ((path, options) => (isFull ? Promise.reject(full) : promises.mkdir(path, options))) as Disk["mkdir"],
			rename: (from, to) => (isFull ? Promise.reject(full) : promises.rename(from, to)),
		});
		const store = await folderCheckpoints({ directory: folder(), disk }).open(runInfo("r"));
		isFull = true;
		await expect(store.save("a", 1)).rejects.toThrow("no space left");
		isFull = false;
		await store.save("a", 2);
		isFull = true;
		await expect(Promise.all([store.save("a", 3), store.save("b", 3)])).rejects.toThrow("no space left");
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
