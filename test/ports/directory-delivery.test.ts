import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Artifact, type Disk, directoryDelivery, parseDelivery } from "dagswarm";
import { describe, expect, test } from "vitest";
import { fails } from "../../src/testing/conformance/samples.js";
import { deliveryOf, diskWith, failure, folder, watchedDisk } from "./fixture.js";

const signal = new AbortController().signal;

const textArtifact = (name: string, content = name): Artifact => ({
	node: "a",
	name,
	contentType: "text/plain",
	content,
});

async function filesIn(directory: string): Promise<string[]> {
	const names = await readdir(directory, { recursive: true });
	const files = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).isFile()));
	return names.filter((_, index) => files[index]).sort();
}

describe("a delivery into a directory", () => {
	test("is a folder with the outcome and the artifacts", async () => {
		const directory = join(folder(), "made", "when", "needed");
		const artifacts = [
			textArtifact("report.md", "# ä"),
			{ node: "b", name: "x.png", contentType: "image/png", content: new Uint8Array([255]) },
		];
		const bytes = new Uint8Array([1]);
		await directoryDelivery({ directory }).deliver(deliveryOf({ outputs: { a: { bytes } }, artifacts }), signal);
		expect(await filesIn(directory)).toEqual(["r/artifacts/report.md", "r/artifacts/x.png", "r/outcome.json"]);
		expect(await readFile(join(directory, "r/artifacts/x.png"))).toEqual(Buffer.from([255]));
		const outcome = parseDelivery(await readFile(join(directory, "r/outcome.json")));
		expect(outcome).toMatchObject({ key: "r/1", run: "r", status: "completed", outputs: { a: { bytes } } });
		expect(outcome.artifacts).toEqual([
			{
				node: "a",
				name: "report.md",
				contentType: "text/plain",
				file: "artifacts/report.md",
				bytes: 4,
				sha256: createHash("sha256").update("# ä").digest("hex"),
			},
			expect.objectContaining({ node: "b", name: "x.png", file: "artifacts/x.png", bytes: 1 }),
		]);
	});

	test("gives artifacts names that are safe, different and nearly theirs", async () => {
		const directory = folder();
		const wanted: [string, string][] = [
			["report.md", "report.md"],
			["Report.md", "Report+2.md"],
			["REPORT.MD", "REPORT+3.MD"],
			["../../etc/passwd", "etc-passwd"],
			["/etc/passwd", "etc-passwd+2"],
			["C:\\boot.ini", "C-boot.ini"],
			["..", "unnamed"],
			["", "unnamed+2"],
			["con", "_con"],
			["NUL.txt", "_NUL.txt"],
			["a\0b\nc", "a-b-c"],
			["é", "é"],
			["e\u0301", "é+2"],
			["straße", "straße"],
			["STRASSE", "STRASSE+2"],
			[".hidden", "hidden"],
			["ends with.", "ends-with"],
			["\ud800", "unnamed+3"],
			[`${"x".repeat(300)}.md`, `${"x".repeat(117)}.md`],
			["語".repeat(200), "語".repeat(40)],
		];
		const artifacts = wanted.map(([name], index) => textArtifact(name, `${index}`));
		await directoryDelivery({ directory }).deliver(deliveryOf({ artifacts }), signal);
		const outcome = parseDelivery(await readFile(join(directory, "r/outcome.json")));
		expect(outcome.artifacts.map(({ name, file }) => [name, file])).toEqual(
			wanted.map(([name, file]) => [name, `artifacts/${file}`]),
		);
		for (const [index, { file }] of outcome.artifacts.entries())
			expect(await readFile(join(directory, "r", file ?? ""), "utf8")).toBe(`${index}`);
		expect(await filesIn(directory)).toHaveLength(wanted.length + 1);
	});

	test("of the same key changes nothing, of another one replaces the folder", async () => {
		const directory = folder();
		const port = directoryDelivery({ directory });
		await port.deliver(deliveryOf({ artifacts: [textArtifact("old")] }), signal);
		const before = await stat(join(directory, "r"));
		await port.deliver(deliveryOf({ attempt: 2, artifacts: [textArtifact("old")] }), signal);
		expect((await stat(join(directory, "r"))).ino).toBe(before.ino);
		await port.deliver(deliveryOf({ key: "r/2", artifacts: [textArtifact("new")] }), signal);
		expect(await filesIn(directory)).toEqual(["r/artifacts/new", "r/outcome.json"]);
	});

	test("is on the disk before it is in its place, file by file", async () => {
		const directory = folder();
		const { disk, calls } = watchedDisk();
		await directoryDelivery({ directory, disk }).deliver(deliveryOf({ artifacts: [textArtifact("a")] }), signal);
		const files = ["a", "outcome.json"].flatMap((name) => [`write ${name}`, `sync ${name}`]);
		expect(calls).toEqual([...files, "sync artifacts", "sync .r", "rename r", `sync ${basename(directory)}`]);
	});

	test("waits for an earlier try that is still at it", async () => {
		const directory = folder();
		const port = directoryDelivery({ directory });
		const keys = ["r/1", "r/1", "r/2", "r/3", "r/3"];
		await Promise.all(keys.map((key) => port.deliver(deliveryOf({ key, artifacts: [textArtifact(key)] }), signal)));
		expect(await filesIn(directory)).toEqual(["r/artifacts/r-3", "r/outcome.json"]);
	});

	// Mistake 16 of others: writes that are not atomic.
	test("is there whole or not at all, wherever the disk fails, and a later try succeeds", async () => {
		const before = deliveryOf({ artifacts: [textArtifact("old")] });
		const after = deliveryOf({ key: "r/2", artifacts: [textArtifact("new")] });
		for (let fault = 1; ; fault++) {
			const directory = folder();
			await directoryDelivery({ directory }).deliver(before, signal);
			let calls = 0;
			const faulty = Object.fromEntries(
				Object.entries(diskWith({})).map(([name, call]) => [
					name,
					(...given: unknown[]) => {
						if (++calls === fault) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
						return (call as (...given: unknown[]) => unknown)(...given);
					},
				]),
			);
			const disk = faulty as unknown as Disk;
			const failed = await fails(() => directoryDelivery({ directory, disk }).deliver(after, signal));
			const seen = (await filesIn(directory)).filter((name) => !name.startsWith("."));
			const whole = [
				["r/artifacts/old", "r/outcome.json"],
				["r/artifacts/new", "r/outcome.json"],
			];
			expect(whole).toContainEqual(seen);
			if (!failed) expect(calls).toBeLessThan(fault);
			await directoryDelivery({ directory }).deliver(after, signal);
			expect((await filesIn(directory)).filter((name) => !name.startsWith("."))).toEqual(whole[1]);
			if (!failed) break;
		}
	});

	test("ends where its time is over, and leaves no folder", async () => {
		const directory = folder();
		const controller = new AbortController();
		const disk = diskWith({
			rename: () => Promise.reject(new Error("it got too far")),
			mkdir: (async (path: string) => {
				controller.abort(new Error("time is over"));
				return mkdir(path, { recursive: true });
			}) as Disk["mkdir"],
		});
		const port = directoryDelivery({ directory, disk });
		expect((await failure(() => port.deliver(deliveryOf(), controller.signal)))["message"]).toBe("time is over");
		expect((await readdir(directory)).filter((name) => !name.startsWith("."))).toEqual([]);
	});

	test("replaces no folder of somebody else's, but one whose outcome cannot be read", async () => {
		const directory = folder();
		const port = directoryDelivery({ directory });
		await mkdir(join(directory, "r"));
		expect(await failure(() => port.deliver(deliveryOf(), signal))).toMatchObject({
			code: "PORT_FAILED",
			retryable: false,
		});
		await writeFile(join(directory, "r", "outcome.json"), "{");
		await port.deliver(deliveryOf(), signal);
		expect(parseDelivery(await readFile(join(directory, "r", "outcome.json"))).key).toBe("r/1");
	});

	test("rejects where there can be no folder", async () => {
		const directory = folder();
		await writeFile(join(directory, "file"), "");
		for (const place of ["file", "file/inner"]) {
			const port = directoryDelivery({ directory: join(directory, place) });
			expect((await failure(() => port.deliver(deliveryOf(), signal)))["code"]).toMatch(/ENOTDIR|EEXIST/);
		}
		await rename(join(directory, "file"), join(directory, "r"));
		const error = await failure(() => directoryDelivery({ directory }).deliver(deliveryOf(), signal));
		expect(error["code"]).toBe("ENOTDIR");
		expect((await failure(() => directoryDelivery({ directory: "" })))["code"]).toBe("INVALID_OPTION");
	});
});
