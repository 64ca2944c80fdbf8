import * as promises from "node:fs/promises";
import {
	appendFile,
	copyFile,
	mkdir,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	truncate,
	writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { inspect } from "node:util";
import {
	type AuditRecord,
	type AuditRecorder,
	auditDigest,
	auditFileName,
	type FileAuditOptions,
	fileAudit,
	memoryAudit,
	readAudit,
	VirtualClock,
	verifyAudit,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { diskWith, failure, folder, infoOf, KEY, logOf, recordAll, STATS, watchedDisk } from "./fixture.js";

async function started(options: FileAuditOptions, run = "r", resumed = false): Promise<AuditRecorder> {
	const recorder = await fileAudit(options).startRun(infoOf(run, { resumed }));
	if (recorder === null) throw new Error("it is not recorded");
	return recorder;
}

async function recordsOf(file: string): Promise<AuditRecord[]> {
	return read(file, KEY);
}

async function read(file: string, key?: string): Promise<AuditRecord[]> {
	const records: AuditRecord[] = [];
	for await (const record of readAudit(file, key)) records.push(record);
	return records;
}

const kinds = async (file: string): Promise<string[]> => (await recordsOf(file)).map(({ kind }) => kind);

describe("a file audit", () => {
	test("keeps the records of a run, and seals them", async () => {
		const directory = folder();
		const clock = new VirtualClock(7);
		const recorder = await started({ directory, key: KEY, clock });
		await recordAll(recorder, ["one", "two"]);
		await recorder.close(STATS);
		const file = join(directory, "r.jsonl");
		const [first, one, , seal] = await recordsOf(file);
		expect(first).toMatchObject({ index: 1, at: 7, kind: "run", fields: { run: "r", resumed: false } });
		expect(one).toMatchObject({ index: 2, at: 2, kind: "log", fields: { message: "one", node: "a" } });
		expect(seal).toMatchObject({ index: 4, kind: "seal", fields: { stats: STATS } });
		const verdict = await verifyAudit(file, KEY);
		expect(verdict).toEqual({ ok: true, run: "r", records: 4, sealed: true, mac: seal?.mac, torn: 0 });
		expect((await readFile(file, "utf8")).split("\n")).toHaveLength(5);
	});

	test("gives every plain value back as it was", async () => {
		const directory = folder();
		const recorder = await started({ directory, key: KEY });
		const data = JSON.parse('{"__proto__":{"a":1},"toJSON":"x","2":0,"1":0,"b":{"$bytes":"no bytes"}}') as object;
		const values = {
			data,
			bytes: Buffer.from([0, 255]),
			half: "\ud800 \n\r\u2028\0",
			list: [[], {}, null, 1e300, "😀"],
		};
		await recorder.record(logOf("x", { ...values, none: undefined, zero: -0 }));
		await recorder.close(STATS);
		const file = join(directory, "r.jsonl");
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true });
		const back = (await recordsOf(file))[1]?.fields["data"] as Record<string, unknown>;
		expect(back).toEqual({ ...values, bytes: new Uint8Array([0, 255]), zero: 0 });
		expect(Object.keys(back["data"] as object)).toContain("__proto__");
	});

	test("records what an entry was when it was given", async () => {
		const directory = folder();
		const recorder = await started({ directory, key: KEY });
		const data = { state: "before" };
		const taken = recorder.record(logOf("x", data));
		data.state = "after";
		await taken;
		await recorder.close(STATS);
		expect((await recordsOf(join(directory, "r.jsonl")))[1]?.fields["data"]).toEqual({ state: "before" });
	});

	test("keeps of a long value its hash, which who has the value can compare", async () => {
		const directory = folder();
		const recorder = await started({ directory, key: KEY, maxFieldBytes: 256 });
		const long = "ä".repeat(128);
		await recorder.record(logOf("x".repeat(254), long));
		await recorder.close(STATS);
		const file = join(directory, "r.jsonl");
		const record = (await recordsOf(file))[1];
		expect(record?.fields["message"]).toHaveLength(254);
		expect(record?.fields["data"]).toBeUndefined();
		expect(record?.elided).toEqual({ data: auditDigest(long) });
		expect(auditDigest(long).bytes).toBe(258);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true });
		const forged = (await readFile(file, "utf8")).replace('"bytes":258', '"bytes":259');
		await writeFile(file, forged);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 2 });
	});

	test("may leave runs out", async () => {
		const directory = folder();
		const audit = fileAudit({ directory, key: KEY, only: ({ metadata }) => metadata["secret"] !== true });
		expect(await audit.startRun(infoOf("s", { metadata: { secret: true } }))).toBeNull();
		expect(await readdir(directory)).toEqual([]);
	});

	test("writes what has gathered at once, and syncs when it is to", async () => {
		for (const sync of ["close", "always"] as const) {
			const directory = folder();
			const { disk, calls } = watchedDisk();
			const recorder = await started({ directory, key: KEY, disk, sync });
			await Promise.all(Array.from({ length: 100 }, (_, index) => recorder.record(logOf(`${index}`))));
			await recorder.close(STATS);
			// The record of the run, all of these, and the seal, which may come in the same turn.
			expect(calls.filter((call) => call === "write r.jsonl").length).toBeLessThanOrEqual(3);
			const records = await recordsOf(join(directory, "r.jsonl"));
			expect(records.slice(1, -1).map(({ fields }) => fields["message"])).toEqual(
				Array.from({ length: 100 }, (_, index) => `${index}`),
			);
		}
	});

	test("has its records on the disk before a head says so: of each entry, or of the last", async () => {
		const directory = folder();
		const { disk, calls } = watchedDisk();
		const always = await started({ directory, key: KEY, disk, sync: "always" }, "a");
		calls.length = 0;
		await recordAll(always, ["one"]);
		const lasting = (file: string): string[] => [
			`write ${file}`,
			`sync ${file}`,
			`write ${file}.head`,
			`sync ${file}.head`,
			`rename ${file}.head`,
		];
		expect(calls).toEqual(lasting("a.jsonl"));
		const close = await started({ directory, key: KEY, disk }, "b");
		calls.length = 0;
		await close.close(STATS);
		expect(calls).toEqual([...lasting("b.jsonl"), `sync ${basename(directory)}`]);
		const third = await started({ directory, key: KEY, disk }, "c");
		await third.record(logOf("one"));
		expect(calls.filter((call) => call === "sync c.jsonl")).toEqual([]);
		await third.close(STATS);
	});

	test("lets who records wait while much has gathered, and loses nothing", async () => {
		const directory = folder();
		const recorder = await started({ directory, key: KEY });
		const text = "x".repeat(60_000);
		for (let index = 0; index < 60; index++) await recorder.record(logOf(text));
		await recorder.close(STATS);
		expect(await verifyAudit(join(directory, "r.jsonl"), KEY)).toMatchObject({ ok: true, records: 62 });
	});

	test("takes nothing that it cannot keep, and goes on", async () => {
		const directory = folder();
		const recorder = await started({ directory, key: KEY });
		const cycle: unknown[] = [];
		cycle.push(cycle);
		for (const entry of [
			logOf("x", cycle),
			logOf("x", () => {}),
			{ ...logOf("x"), at: Number.NaN },
			{ ...logOf("x"), kind: "seal" } as never,
			{ ...logOf("x"), "1": 1 } as never,
			null as never,
		])
			expect((await failure(() => recorder.record(entry)))["code"]).toBe("INVALID_INPUT");
		await recorder.close(STATS);
		expect((await failure(() => recorder.record(logOf("late"))))["code"]).toBe("ILLEGAL_STATE");
		const file = join(directory, "r.jsonl");
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true, records: 2 });
	});

	test("shows its key to nobody", async () => {
		const directory = folder();
		const audit = fileAudit({ directory, key: KEY });
		const recorder = await audit.startRun(infoOf("r"));
		await recorder?.close(STATS);
		const written = await readFile(join(directory, "r.jsonl"), "utf8");
		expect(inspect([audit, recorder], { depth: 9, showHidden: true }) + written).not.toContain(KEY);
	});

	test("refuses options that make no sense", async () => {
		const directory = folder();
		const wrong: Partial<Record<keyof FileAuditOptions, unknown>>[] = [
			{ key: "fifteen bytes.." },
			{ key: new Uint8Array(15) },
			{ key: `${KEY}\ud800` },
			{ key: 5 },
			{ directory: "" },
			{ sync: "never" },
			{ maxFieldBytes: 255 },
		];
		for (const option of wrong)
			expect((await failure(() => fileAudit({ directory, key: KEY, ...option } as never)))["code"]).toBe(
				"INVALID_OPTION",
			);
		expect((await failure(() => verifyAudit("x", "short")))["code"]).toBe("INVALID_OPTION");
	});
});

describe("names of audit files", () => {
	test("stay in the folder and are different for different ids, also without upper case", async () => {
		const directory = folder();
		const long = "x".repeat(10_000);
		const ids = [
			"a",
			"A",
			"../a",
			"..",
			".",
			"/etc/a",
			"a/b",
			"a\\b",
			"a\0b",
			"con",
			"CON",
			"nul.txt",
			long,
			`${long}y`,
		];
		const audit = fileAudit({ directory, key: KEY });
		for (const id of ids) await (await audit.startRun(infoOf(id)))?.close(STATS);
		const names = await readdir(directory);
		expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(2 * ids.length);
		for (const id of ids)
			expect(await verifyAudit(join(directory, auditFileName(id)), KEY)).toMatchObject({ ok: true, run: id });
	});

	test("an id that is too long is refused", async () => {
		const audit = fileAudit({ directory: folder(), key: KEY });
		expect((await failure(() => audit.startRun(infoOf("x".repeat(20_000)))))["code"]).toBe("INVALID_INPUT");
	});
});

describe("a run that goes on", () => {
	test("continues the chain of a process that died, and of one that let go of it", async () => {
		const directory = folder();
		const file = join(directory, "r.jsonl");
		const first = await started({ directory, key: KEY, sync: "always" });
		await recordAll(first, ["one"]);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 3, reason: /not sealed/ });
		expect(await verifyAudit(file, KEY, { sealed: false })).toMatchObject({ ok: true, records: 2, sealed: false });
		const second = await started({ directory, key: KEY }, "r", true);
		await second.close({ ...STATS, status: "suspended" });
		const third = await started({ directory, key: KEY }, "r", true);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 6, reason: /not sealed/ });
		await recordAll(third, ["two"]);
		await third.close(STATS);
		expect(await kinds(file)).toEqual(["run", "log", "resumed", "seal", "resumed", "log", "seal"]);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true, records: 7, sealed: true });
	});

	test("cuts off a record that was half written, and says so", async () => {
		const directory = folder();
		const file = join(directory, "r.jsonl");
		await recordAll(await started({ directory, key: KEY, sync: "always" }), ["one", "two"]);
		await appendFile(file, '{"index":4,"at"');
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 4, reason: /not whole/ });
		expect(await verifyAudit(file, KEY, { sealed: false })).toMatchObject({ ok: true, records: 3, torn: 15 });
		const next = await started({ directory, key: KEY }, "r", true);
		await next.close(STATS);
		expect(await kinds(file)).toEqual(["run", "log", "log", "torn", "resumed", "seal"]);
		expect((await recordsOf(file))[3]?.fields).toEqual({ bytes: 15 });
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true });
	});

	test("is not recorded where its file was tampered with, and nothing is written", async () => {
		const tamper: Record<string, (file: string) => Promise<void>> = {
			"cut off": async (file) => truncate(file, (await stat(file)).size - 5),
			"cut off by a record": async (file) => {
				const text = await readFile(file, "utf8");
				await writeFile(file, text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1));
			},
			edited: async (file) => writeFile(file, (await readFile(file, "utf8")).replace("one", "two")),
			emptied: async (file) => truncate(file, 0),
			"taken away": async (file) => rm(file),
			"without its head": async (file) => rm(`${file}.head`),
			"with another head": async (file) => writeFile(`${file}.head`, "{}"),
		};
		for (const [what, change] of Object.entries(tamper)) {
			const directory = folder();
			const file = join(directory, "r.jsonl");
			await recordAll(await started({ directory, key: KEY, sync: "always" }), ["one"]);
			await change(file);
			const state = async () => {
				const names = await readdir(directory);
				return Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), "utf8")]));
			};
			const before = await state();
			const error = await failure(() => started({ directory, key: KEY }, "r", true));
			expect([what, error["code"]]).toEqual([what, "AUDIT_TAMPERED"]);
			expect(await state()).toEqual(before);
		}
	});

	test("is not recorded with another key", async () => {
		const directory = folder();
		await recordAll(await started({ directory, key: KEY, sync: "always" }), ["one"]);
		const error = await failure(() => started({ directory, key: `${KEY}!` }, "r", true));
		expect(error["code"]).toBe("AUDIT_TAMPERED");
	});

	test("may be recorded from then on, which its file shows", async () => {
		const directory = folder();
		await (await started({ directory, key: KEY }, "r", true)).close(STATS);
		expect((await recordsOf(join(directory, "r.jsonl")))[0]?.fields["resumed"]).toBe(true);
	});
});

describe("a new run", () => {
	test("does not continue the sealed file of another one with its id", async () => {
		const directory = folder();
		await (await started({ directory, key: KEY })).close(STATS);
		expect((await failure(() => started({ directory, key: KEY })))["code"]).toBe("RUN_EXISTS");
	});

	test("continues an open file: its start may not have got into the journal", async () => {
		const directory = folder();
		await started({ directory, key: KEY });
		await (await started({ directory, key: KEY })).close(STATS);
		expect(await kinds(join(directory, "r.jsonl"))).toEqual(["run", "resumed", "seal"]);
	});

	test("begins again where the process died before there was a file, or a head", async () => {
		for (const deaths of [1, 2, 3]) {
			const directory = folder();
			let renames = 0;
			const disk = diskWith({
				rename: async (from, to) => {
					if (++renames >= deaths) throw new Error("the process dies");
					await rename(from, to);
				},
			});
			expect((await failure(() => started({ directory, key: KEY, disk })))["message"]).toBe("the process dies");
			await (await started({ directory, key: KEY })).close(STATS);
			expect(await verifyAudit(join(directory, "r.jsonl"), KEY)).toMatchObject({ ok: true });
		}
	});

	test("that nobody has closed is taken over, with what was recorded until then", async () => {
		const directory = folder();
		const audit = fileAudit({ directory, key: KEY });
		const first = await audit.startRun(infoOf("r"));
		await recordAll(first, ["one"]);
		const others = await Promise.all([1, 2].map(() => audit.startRun(infoOf("r", { resumed: true }))));
		for (const old of [first, others[0]]) {
			expect((await failure(() => old?.record(logOf("late"))))["code"]).toBe("FENCED");
			expect((await failure(() => old?.close(STATS)))["code"]).toBe("FENCED");
		}
		await recordAll(others[1] ?? null, ["two"]);
		await others[1]?.close(STATS);
		const file = join(directory, "r.jsonl");
		expect(await kinds(file)).toEqual(["run", "log", "resumed", "resumed", "log", "seal"]);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true });
		expect((await failure(() => audit.startRun(infoOf("r"))))["code"]).toBe("RUN_EXISTS");
	});
});

describe("a disk that fails", () => {
	test("makes the audit reject, and leaves no half record and no seal", async () => {
		const directory = folder();
		const file = join(directory, "r.jsonl");
		let full = false;
		const disk = diskWith({
			async open(...call) {
				const handle = await promises.open(...call);
				if (call[1] !== "r+") return handle;
				const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
				const half = async (lines: Buffer, from: number, length: number, at: number) => {
					if (!full) return write(lines, from, length, at);
					await write(lines, from, length >> 1, at);
					throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
				};
				return Object.assign(handle, { write: half });
			},
		});
		const recorder = await started({ directory, key: KEY, disk, sync: "always" });
		await recordAll(recorder, ["one"]);
		full = true;
		expect((await failure(() => recorder.record(logOf("two"))))["code"]).toBe("ENOSPC");
		full = false;
		expect((await failure(() => recorder.record(logOf("three"))))["code"]).toBe("ENOSPC");
		expect((await failure(() => recorder.close(STATS)))["code"]).toBe("ENOSPC");
		expect(await verifyAudit(file, KEY, { sealed: false })).toMatchObject({ ok: true, records: 2, torn: 0 });
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 3 });
		await (await started({ directory, key: KEY }, "r", true)).close(STATS);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true });
	});

	test("is noticed at close at the latest where nobody waits for the disk", async () => {
		const directory = folder();
		const disk = diskWith({
			rename: async (from, to) => {
				if ((await readFile(from, "utf8")).includes('"sealed":true')) throw new Error("no");
				await rename(from, to);
			},
		});
		const recorder = await started({ directory, key: KEY, disk });
		await recorder.record(logOf("one"));
		expect((await failure(() => recorder.close(STATS)))["message"]).toBe("no");
		expect(await verifyAudit(join(directory, "r.jsonl"), KEY)).toMatchObject({ ok: false });
	});

	test("may have a file where the folder should be, or a folder where the file should be", async () => {
		const directory = folder();
		await writeFile(join(directory, "file"), "");
		expect((await failure(() => started({ directory: join(directory, "file"), key: KEY })))["code"]).toBe("EEXIST");
		await mkdir(join(directory, "r.jsonl"));
		expect((await failure(() => started({ directory, key: KEY })))["code"]).toBeDefined();
	});

	test("says when somebody else writes to the file", async () => {
		const directory = folder();
		const file = join(directory, "r.jsonl");
		const recorder = await started({ directory, key: KEY, sync: "always" });
		await appendFile(file, "x");
		expect((await failure(() => recorder.record(logOf("one"))))["code"]).toBe("AUDIT_TAMPERED");
		expect((await readFile(file, "utf8")).endsWith("x")).toBe(true);
	});
});

describe("an older copy", () => {
	test("of a sealed file is found where its head is the newer one, or a later record is known", async () => {
		const directory = folder();
		const file = join(directory, "r.jsonl");
		await (await started({ directory, key: KEY })).close({ ...STATS, status: "suspended" });
		for (const path of [file, `${file}.head`]) await copyFile(path, `${path}.old`);
		await (await started({ directory, key: KEY }, "r", true)).close(STATS);
		const later = await verifyAudit(file, KEY);
		if (!later.ok) throw new Error(later.reason);
		expect(await verifyAudit(file, KEY, { since: later })).toEqual(later);
		await rename(`${file}.old`, file);
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 3, reason: /cut off/ });
		await rename(`${file}.head.old`, `${file}.head`);
		// Both are of the time when the run was suspended: only who knows better can tell.
		expect(await verifyAudit(file, KEY)).toMatchObject({ ok: true, records: 2 });
		expect(await verifyAudit(file, KEY, { since: later })).toMatchObject({ ok: false, record: 3 });
		expect(await verifyAudit(file, KEY, { since: { records: 2, mac: later.mac } })).toMatchObject({ record: 2 });
	});

	test("has another name than its run: it is verified where the run is named", async () => {
		const directory = folder();
		for (const run of ["a", "b"]) await (await started({ directory, key: KEY }, run)).close(STATS);
		for (const end of ["", ".head"]) {
			await rename(join(directory, `a.jsonl${end}`), join(directory, `c.jsonl${end}`));
			await rename(join(directory, `b.jsonl${end}`), join(directory, `a.jsonl${end}`));
		}
		const swapped = join(directory, "a.jsonl");
		expect(await verifyAudit(swapped, KEY)).toMatchObject({ ok: false, record: 1, reason: /of the run "b"/ });
		expect(await verifyAudit(join(directory, "c.jsonl"), KEY, { run: "a" })).toMatchObject({ ok: true, run: "a" });
		expect(await verifyAudit(swapped, KEY, { run: "a" })).toMatchObject({ ok: false, record: 1 });
		expect((await failure(() => started({ directory, key: KEY }, "a", true)))["code"]).toBe("AUDIT_TAMPERED");
	});
});

test("reading stops at what no record is, with a key at what was changed", async () => {
	const directory = folder();
	const file = join(directory, "r.jsonl");
	const recorder = await started({ directory, key: KEY });
	await recordAll(recorder, ["one"]);
	await recorder.close(STATS);
	await writeFile(file, (await readFile(file, "utf8")).replace("one", "two"));
	const plain = await read(file);
	expect(plain[1]?.fields["message"]).toBe("two");
	expect((await failure(() => recordsOf(file)))["code"]).toBe("AUDIT_TAMPERED");
	await appendFile(file, "nonsense\n");
	expect((await failure(() => read(file)))["code"]).toBe("AUDIT_TAMPERED");
	expect((await failure(() => read(join(directory, "none"))))["code"]).toBe("ENOENT");
	expect(await verifyAudit(join(directory, "none.jsonl"), KEY)).toMatchObject({ ok: false, record: 0 });
});

describe("a memory audit", () => {
	test("keeps entries as they were, bounded", async () => {
		const audit = memoryAudit({ only: ({ run }) => run !== "no", maxEntries: 2 });
		expect(audit.startRun(infoOf("no"))).toBeNull();
		const recorder = await audit.startRun(infoOf("r"));
		await recordAll(recorder, ["one", "two"]);
		expect((await failure(() => recorder?.record(logOf("three"))))["code"]).toBe("LIMIT_EXCEEDED");
		await recorder?.close(STATS);
		expect((await failure(() => recorder?.record(logOf("late"))))["code"]).toBe("ILLEGAL_STATE");
		expect(audit.runs.get("r")).toEqual({ info: infoOf("r"), entries: [logOf("one"), logOf("two")], stats: STATS });
	});
});
