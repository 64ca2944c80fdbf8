import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, utimesSync } from "node:fs";
import { SwarmError, VirtualClock } from "dagswarm";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/core/checksum.js";
import { filesUnder, read } from "../source.js";
import { project, Watched, watched } from "./watched.js";

describe("what is there at first", () => {
	test("is the baseline: it is stored, and no change", async () => {
		const { cwd } = project({ "a.md": "A", "sub/b.md": "B" });
		const files = await watched({ paths: ["**/*.md"] }, cwd);
		expect(files.watch.isBaseline).toBe(true);
		expect(files.changes).toEqual([]);
		expect(files.offered).toBe(1);
		expect([...(files.manifest?.files.keys() ?? [])]).toEqual(["a.md", "sub/b.md"]);
		expect(files.manifest?.files.get("a.md")?.hash).toBe(sha256("A"));
	});

	test("of a service that comes back is compared with what was known: changes while down are found (mistake 29)", async () => {
		const { cwd, write, remove } = project({ "a.md": "A", "b.md": "B", "c.md": "C", "d.md": "D" });
		const files = await watched({ paths: ["*.md"] }, cwd);
		await files.stop();
		write("a.md", "A2");
		remove("b.md");
		write("e.md", "E");
		write("d.md", "D");
		await files.start({ paths: ["*.md"] }, cwd);
		expect(files.watch.isBaseline).toBe(false);
		expect(files.told).toEqual(["changed a.md", "deleted b.md", "added e.md"]);
		expect(files.changes.map(({ ordinal }) => ordinal)).toEqual([1, 2, 3]);
		await files.stop();
		await files.start({ paths: ["*.md"] }, cwd);
		expect(files.changes).toHaveLength(3);
		expect(files.offered).toBe(2);
	});

	test("finds a change that kept size and time while it was down", async () => {
		const { cwd, write, path } = project({ "a.md": "A" });
		utimesSync(path("a.md"), 1_000, 1_000);
		const files = await watched({ paths: ["a.md"] }, cwd);
		await files.stop();
		write("a.md", "B");
		utimesSync(path("a.md"), 1_000, 1_000);
		await files.start({ paths: ["a.md"] }, cwd);
		expect(files.told).toEqual(["changed a.md"]);
	});
});

describe("a change", () => {
	test("A → B → A are three, and a deletion is one (mistake 29)", async () => {
		const { cwd, write, remove } = project({ "a.md": "A" });
		const files = await watched({ paths: ["a.md"] }, cwd);
		for (const [index, content] of ["B", "A", "B"].entries()) {
			write("a.md", content);
			await files.until(({ changes }) => changes.length > index);
		}
		remove("a.md");
		await files.until(({ changes }) => changes.length > 3);
		expect(files.told).toEqual(["changed a.md", "changed a.md", "changed a.md", "deleted a.md"]);
		expect(files.changes.map(({ hash }) => hash)).toEqual([sha256("B"), sha256("A"), sha256("B"), undefined]);
		write("a.md", "A");
		await files.until(({ changes }) => changes.length > 4);
		expect(files.told.at(-1)).toBe("added a.md");
	});

	test("is none when a file is touched, or written with the same bytes", async () => {
		const { cwd, write, path } = project({ "a.md": "A", "b.md": "B" });
		const files = await watched({ paths: ["*.md"] }, cwd);
		utimesSync(path("a.md"), 1_000, 1_000);
		write("b.md", "B");
		write("c.md", "C");
		await files.until(({ changes }) => changes.length > 0);
		await files.watch.whenIdle();
		expect(files.told).toEqual(["added c.md"]);
	});

	test("is what a file is like when it was left alone: the last of a burst counts (mistake 29)", async () => {
		const { cwd, write, path } = project({ "a.md": "0" });
		const clock = new VirtualClock();
		const files = await watched({ paths: ["a.md"], settle: "1m" }, cwd, { clock });
		for (let i = 1; i <= 20; i++) {
			write("a.md", String(i));
			if (i === 1) await clock.whenSet();
		}
		clock.advance(30_000);
		expect(files.changes).toEqual([]);
		appendFileSync(path("a.md"), "!");
		const last = sha256("20!");
		// The system tells of the burst when it likes; whenever time goes on, what is told at last is the last state.
		while (files.changes.at(-1)?.hash !== last) {
			if (clock.pending === 0) await Promise.race([clock.whenSet(), files.until(({ changes }) => changes.length > 0)]);
			clock.advance(60_000);
		}
		expect(files.told).toEqual(["changed a.md"]);
	});

	test("by an editor that writes beside and renames is one", async () => {
		const { cwd, write, path } = project({ "a.md": "A" });
		const files = await watched({ paths: ["*.md"], settle: 50 }, cwd);
		write("a.md.tmp", "A2");
		renameSync(path("a.md.tmp"), path("a.md"));
		await files.until(({ changes }) => changes.length > 0);
		renameSync(path("a.md"), path("a.md~"));
		write("a.md", "A3");
		await files.until(({ changes }) => changes.length > 1);
		await files.watch.whenIdle();
		expect(files.told).toEqual(["changed a.md", "changed a.md"]);
		expect(files.changes[1]?.hash).toBe(sha256("A3"));
	});

	test("of a name is a deletion and an addition", async () => {
		const { cwd, path } = project({ "a.md": "A" });
		const files = await watched({ paths: ["*.md"] }, cwd);
		renameSync(path("a.md"), path("b.md"));
		await files.until(({ changes }) => changes.length > 1);
		expect(files.told.toSorted()).toEqual(["added b.md", "deleted a.md"]);
		expect(files.manifest?.change).toBe(2);
	});

	test("of many files at once is found of each", async () => {
		const names = Array.from({ length: 1_200 }, (_, index) => `n${index}.md`);
		const { cwd, write } = project();
		const files = await watched({ paths: ["*.md"] }, cwd);
		for (const name of names) write(name, name);
		await files.until(({ changes }) => changes.length >= names.length);
		await files.watch.whenIdle();
		expect(files.told.toSorted()).toEqual(names.map((name) => `added ${name}`).toSorted());
		expect(files.problems).toEqual([]);
	});

	test("of a file above the limit is seen by its size and time", async () => {
		const { cwd, write, path } = project({ "big.bin": "123456789" });
		const files = await watched({ paths: ["big.bin"], maxFileBytes: 4 }, cwd);
		utimesSync(path("big.bin"), 1_000, 1_000);
		await files.until(({ changes }) => changes.length > 0);
		truncateSync(path("big.bin"), 3);
		await files.until(({ changes }) => changes.length > 1);
		expect(files.changes.at(-1)).toMatchObject({ kind: "changed", size: 3, hash: sha256("123") });
		write("big.bin", "12");
		await files.until(({ changes }) => changes.at(-1)?.size === 2);
	});
});

describe("which files", () => {
	test("globs, what they ignore, and names with a dot", async () => {
		const { cwd, write } = project({ "src/a.ts": "", "src/lib/b.ts": "" });
		const files = await watched(
			{ paths: ["src/**/*.ts", ".github/**"], ignore: ["**/node_modules/**", "**/*.d.ts"] },
			cwd,
		);
		for (const name of ["other.ts", "src/a.js", "src/a.d.ts", "src/node_modules/x/c.ts", "src/.hidden.ts"])
			write(name, "1");
		write(".github/ci.yml", "1");
		write("src/lib/b.ts", "1");
		write("src/new/deep/c.ts", "1");
		await files.until(({ changes }) => changes.length > 2);
		await files.watch.whenIdle();
		expect(files.told.toSorted()).toEqual(["added .github/ci.yml", "added src/new/deep/c.ts", "changed src/lib/b.ts"]);
	});

	test("a folder is all below it, a path outside is a path as well", async () => {
		const { path, write } = project({ "in/a": "", "out/b": "" });
		const files = await watched({ paths: ["."], ignore: ["c"] }, path("in"));
		const outside = await watched({ paths: [path("out/b"), "../out/new.txt"] }, path("in"));
		write("in/x/y", "1");
		write("in/c/d", "1");
		await files.until(({ changes }) => changes.length > 0);
		write("out/b", "1");
		write("out/c", "1");
		write("out/new.txt", "1");
		await outside.until(({ changes }) => changes.length > 1);
		await files.watch.whenIdle();
		expect(files.told).toEqual(["added x/y"]);
		expect(outside.told.toSorted()).toEqual(["added ../out/new.txt", "changed ../out/b"]);
	});

	test("files and folders that are not there yet are noticed when they come", async () => {
		const { cwd, write } = project();
		const files = await watched({ paths: ["late/inbox/*.md", "later.txt"] }, cwd);
		expect(files.manifest?.files.size).toBe(0);
		write("late/inbox/a.md", "A");
		await files.until(({ told }) => told.includes("added late/inbox/a.md"));
		write("late/inbox/b.md", "B");
		await files.until(({ told }) => told.includes("added late/inbox/b.md"));
		write("later.txt", "");
		await files.until(({ told }) => told.includes("added later.txt"));
		expect(files.changes).toHaveLength(3);
	});

	test("a folder that is taken away and made again goes on being watched", async () => {
		const { cwd, path, write, remove } = project({ "in/a.md": "A" });
		const files = await watched({ paths: ["in"] }, cwd);
		// At once, so that nobody sees that it was not there.
		remove("in");
		mkdirSync(path("in"));
		write("in/b.md", "B");
		await files.until(({ told }) => told.includes("added in/b.md") && told.includes("deleted in/a.md"));
		write("in/b.md", "B2");
		await files.until(({ told }) => told.includes("changed in/b.md"));
		write("in/c.md", "C");
		await files.until(({ told }) => told.includes("added in/c.md"));
		remove("in");
		await files.until(({ told }) => told.includes("deleted in/c.md") && told.includes("deleted in/b.md"));
		expect(files.changes).toHaveLength(6);
	});

	test("so does it when two triggers watch it", async () => {
		const { cwd, path, write, remove } = project({ "in/sub/a.md": "A" });
		const all = [await watched({ paths: ["in"] }, cwd), await watched({ paths: ["in/**/*.md"], settle: 30 }, cwd)];
		const see = (what: string) => Promise.all(all.map((files) => files.until(({ told }) => told.includes(what))));
		remove("in");
		mkdirSync(path("in/sub"), { recursive: true });
		write("in/sub/b.md", "B");
		await see("added in/sub/b.md");
		write("in/sub/b.md", "B2");
		await see("changed in/sub/b.md");
		write("in/sub/c.md", "C");
		await see("added in/sub/c.md");
		remove("in/sub");
		mkdirSync(path("in/sub"));
		await see("deleted in/sub/c.md");
		write("in/sub/d.md", "D");
		await see("added in/sub/d.md");
	});

	test("a folder that is moved in or away comes or goes with its files", async () => {
		const { cwd, path, write } = project({ "aside/x/a.md": "A", "aside/x/y/b.md": "B", "in/z.md": "" });
		const files = await watched({ paths: ["in/**"] }, cwd);
		renameSync(path("aside/x"), path("in/x"));
		await files.until(({ changes }) => changes.length > 1);
		write("in/x/y/b.md", "B2");
		await files.until(({ changes }) => changes.length > 2);
		renameSync(path("in/x"), path("aside/x"));
		await files.until(({ changes }) => changes.length > 4);
		expect(files.told.slice(2)).toEqual(["changed in/x/y/b.md", "deleted in/x/a.md", "deleted in/x/y/b.md"]);
	});

	test("of links: circles have an end, and a folder with two ways to it counts once", async () => {
		const { cwd, path, write } = project({ "in/real/a.md": "A", "out/b.md": "B" });
		symlinkSync(path("in"), path("in/circle"));
		symlinkSync(path("in/real"), path("in/again"));
		symlinkSync(path("out"), path("in/far"));
		symlinkSync("itself", path("in/itself"));
		const files = await watched({ paths: ["in"] }, cwd);
		expect([...(files.manifest?.files.keys() ?? [])]).toEqual(["in/far/b.md", "in/real/a.md"]);
		write("in/real/a.md", "A2");
		write("out/b.md", "B2");
		await files.until(({ changes }) => changes.length > 1);
		await files.watch.whenIdle();
		expect(files.told.toSorted()).toEqual(["changed in/far/b.md", "changed in/real/a.md"]);
	});

	test("when all is gone with its folder nothing counts as deleted", async () => {
		const { path, write } = project({ "disk/a.md": "A", "disk/b.md": "B" });
		const files = await watched({ paths: ["*.md"] }, path("disk"));
		renameSync(path("disk"), path("away"));
		await files.until(({ problems }) => problems.length > 0);
		expect(files.problems[0]).toMatchObject({ code: "PORT_FAILED", message: expect.stringContaining("is not there") });
		await files.stop();
		await files.start({ paths: ["*.md"] }, path("disk"));
		write("away/a.md", "A2");
		renameSync(path("away"), path("disk"));
		await files.until(({ changes }) => changes.length > 0);
		expect(files.told).toEqual(["changed a.md"]);
	});

	test.each([
		["no path", { paths: [] }],
		["an empty one", { paths: [""] }],
		["a negated one", { paths: ["!a"] }],
		["a relative folder", { paths: ["a"], cwd: "b" }],
		["a settle of hours", { paths: ["a"], settle: "2h" }],
		["no files", { paths: ["a"], maxFiles: 0 }],
		["half a byte", { paths: ["a"], maxFileBytes: 0.5 }],
	] as const)("are refused when they are none: %s", async (_, schedule) => {
		await expect(new Watched().start(schedule, project().cwd)).rejects.toMatchObject({ code: "INVALID_OPTION" });
	});
});

describe("what goes wrong", () => {
	test("a change that was not stored is offered again, and only then known (mistake 29)", async () => {
		const { cwd, write } = project({ "a.md": "A" });
		const files = await watched({ paths: ["a.md"] }, cwd);
		let failures = 2;
		files.beforeStore = () => {
			if (failures-- > 0) throw new Error("the disk is full");
		};
		write("a.md", "B");
		await files.until(({ changes }) => changes.length > 0);
		await files.watch.whenIdle();
		expect(files.offered).toBe(4);
		expect(files.changes).toMatchObject([{ ordinal: 1, path: "a.md", kind: "changed" }]);
		expect(files.problems).toMatchObject([
			{ code: "PORT_FAILED", message: expect.stringContaining("the disk is full") },
		]);
	});

	test("one that never was is found by the next service", async () => {
		const { cwd, write } = project({ "a.md": "A" });
		const files = await watched({ paths: ["a.md"] }, cwd);
		files.beforeStore = () => {
			throw new SwarmError("FENCED", "another one leads");
		};
		write("a.md", "B");
		await files.until(({ problems }) => problems.length > 0);
		await files.watch.whenIdle();
		expect(files.watch.isOver).toBe(true);
		expect(files.problems).toMatchObject([{ code: "FENCED" }]);
		files.beforeStore = () => {};
		await files.start({ paths: ["a.md"] }, cwd);
		expect(files.changes).toMatchObject([{ ordinal: 1, hash: sha256("B") }]);
	});

	test("more files than are allowed are refused, none of them is watched", async () => {
		const { cwd, write } = project({ "a.md": "A", "b.md": "B" });
		const start = new Watched().start({ paths: ["*.md"], maxFiles: 1 }, cwd);
		await expect(start).rejects.toMatchObject({ code: "LIMIT_EXCEEDED", hint: expect.stringContaining("maxFiles") });
		const files = await watched({ paths: ["*.md"], maxFiles: 2 }, cwd);
		write("c.md", "C");
		await files.until(({ problems }) => problems.length > 0);
		expect(files.problems).toMatchObject([{ code: "LIMIT_EXCEEDED" }]);
		expect(files.watch.isOver).toBe(true);
		expect(files.changes).toEqual([]);
	});

	test("a file that cannot be read is told of once, the others go on", async () => {
		const { cwd, path, write } = project({ "b.md": "B" });
		// A link that no system can follow, whoever asks.
		symlinkSync("x".repeat(300), path("a.md"));
		const files = await watched({ paths: ["*.md"] }, cwd);
		write("b.md", "B2");
		await files.until(({ changes }) => changes.length > 0);
		await files.stop();
		expect(files.told).toEqual(["changed b.md"]);
		const ofFile = files.problems.filter(({ message }) => message.includes("a.md cannot be read"));
		expect(ofFile).toMatchObject([{ code: "PORT_FAILED", hint: expect.stringContaining("ignore it") }]);
	});

	test("nobody without file triggers loads the watcher", () => {
		const loads = filesUnder("src", /\.ts$/).filter((path) => /from "chokidar"|require\("chokidar"/.test(read(path)));
		expect(loads).toEqual([]);
	});

	test("what is closed leaves nothing that keeps the process alive", async () => {
		const watches = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("FSEvent")).length;
		const { cwd, write } = project({ "a/b.md": "", "c.md": "" });
		const before = watches();
		const files = await watched({ paths: ["."] }, cwd);
		write("a/d.md", "");
		await files.until(({ changes }) => changes.length > 0);
		expect(watches()).toBeGreaterThan(before);
		await files.stop();
		// The event loop lets go of handles in its own turns.
		while (watches() > before) await new Promise(setImmediate);
	});

	test("closed while it looks, nothing comes any more", async () => {
		const { cwd, write } = project(
			Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}.md`, "x".repeat(100_000)])),
		);
		const files = await watched({ paths: ["*.md"], settle: 0 }, cwd);
		for (let i = 0; i < 50; i++) write(`${i}.md`, "y".repeat(100_000));
		const idle = files.watch.whenIdle();
		const closing = files.stop();
		expect(files.watch.isOver).toBe(true);
		await Promise.all([idle, closing, files.watch.whenIdle(), files.stop()]);
		expect(files.changes).toEqual([]);
	});

	test("called off while it starts, it is closed", async () => {
		const { cwd } = project({ "a.md": "A" });
		const controller = new AbortController();
		const files = new Watched();
		const starting = files.start({ paths: ["a.md"] }, cwd, { signal: controller.signal });
		controller.abort();
		await expect(starting).rejects.toMatchObject({ code: "CANCELLED" });
		await expect(files.start({ paths: ["a.md"] }, cwd, { signal: controller.signal })).rejects.toMatchObject({
			code: "CANCELLED",
		});
		expect(files.offered).toBe(0);
	});
});
