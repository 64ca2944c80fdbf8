import { symlink } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, listFolder, measure, type Slice } from "../../demo/package-folder.ts";
import { folderWith } from "./fixture.ts";

const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`lib/f${i}.js`, "x".repeat(i)]));

describe("package folder", () => {
	test("counts files and bytes, hidden ones included", async () => {
		const folder = await folderWith({ "a.js": "123", ".hidden": "4", "lib/deep/b.js": "56", "lib/empty": "" });
		const { slices, files, more } = await listFolder(folder);
		expect({ files, more }).toEqual({ files: 4, more: false });
		expect(await measure(folder, slices)).toEqual({ files: 4, bytes: 6 });
	});

	test("leaves out its own node_modules, .git and folders that are packages of their own", async () => {
		const folder = await folderWith({
			"a.js": "1",
			"node_modules/b/b.js": "2",
			".git/HEAD": "3",
			"packages/w/c.js": "4",
			"test/node_modules/d.js": "5",
		});
		const { files } = await listFolder(folder, { except: new Set(["packages/w"]) });
		expect(files).toBe(2);
	});

	test("does not follow symbolic links", async () => {
		const folder = await folderWith({ "a/x.js": "12345" });
		await symlink(join(folder, "a"), join(folder, "loop"));
		await symlink("..", join(folder, "a", "up"));
		await symlink("nowhere", join(folder, "a", "dangling"));
		const { slices, files } = await listFolder(folder);
		expect(files).toBe(1);
		expect(await measure(folder, slices)).toEqual({ files: 1, bytes: 5 });
	});

	test("stops at its bound and says so", async () => {
		const folder = await folderWith(many);
		expect(await listFolder(folder, { maxEntries: 10 })).toMatchObject({ files: 9, more: true });
	});

	test("parts together are the whole", async () => {
		const folder = await folderWith({ ...many, "a.js": "xx", "z/b.js": "x" });
		const { slices, files } = await listFolder(folder);
		const whole = await measure(folder, slices);
		const parts = await Promise.all(cut(slices, 4).map((part) => measure(folder, part)));
		expect(parts).toHaveLength(Math.ceil(files / 4));
		expect(parts.reduce((sum, part) => sum + part.files, 0)).toBe(files);
		expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBe(whole.bytes);
	});

	test("a cut keeps every file once, in parts of the size asked for", () => {
		const folders = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 });
		fc.assert(
			fc.property(folders, fc.integer({ min: 1, max: 60 }), (counts, size) => {
				const slices = counts.map((to, index): Slice => ({ folder: `${index}`, from: 0, to }));
				const parts = cut(slices, size);
				const filesOf = (some: readonly Slice[]) =>
					some.flatMap(({ folder, from, to }) => {
						return Array.from({ length: to - from }, (_, i) => `${folder}/${from + i}`);
					});
				expect(parts.flatMap(filesOf)).toEqual(filesOf(slices));
				const sizes = parts.map((part) => filesOf(part).length);
				expect(sizes.slice(0, -1).every((files) => files === size)).toBe(true);
				expect(sizes.at(-1)).toBeLessThanOrEqual(size);
			}),
		);
	});

	test("stops when the run is cancelled", async () => {
		const folder = await folderWith(many);
		await expect(listFolder(folder, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
	});
});
