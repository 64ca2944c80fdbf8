import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileAudit, verifyAudit } from "dagswarm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runsOf, SEED } from "../random.js";
import { infoOf, KEY, logOf, STATS } from "./fixture.js";

/*
 * Mistake 21 of others: fields that were not framed, so that bytes could move between them unseen; a run's id that was not
 * authenticated; a cut-off tail that still verified; a file that was written anew for each record.
 */

let directory: string;
let file: string;
let sound: Buffer;
let other: Buffer;

beforeAll(async () => {
	directory = mkdtempSync(join(tmpdir(), "dagswarm-tampering-"));
	file = join(directory, "r.jsonl");
	const audit = fileAudit({ directory, key: KEY, maxFieldBytes: 256 });
	for (const run of ["r", "s"]) {
		const recorder = await audit.startRun(infoOf(run, { metadata: { caller: "Ada" } }));
		for (let index = 0; index < 6; index++) await recorder?.record(logOf(`a${index}`, { ä: [index, null, "b"] }));
		await recorder?.record(logOf("long", "x".repeat(300)));
		await recorder?.record({ at: 3, kind: "event", seq: 1, type: "run.created", data: { seed: 1 } });
		await recorder?.close(STATS);
	}
	sound = await readFile(file);
	other = await readFile(join(directory, "s.jsonl"));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What is said of a changed file. */
async function verdictOn(content: Uint8Array | string): Promise<Awaited<ReturnType<typeof verifyAudit>>> {
	await writeFile(file, content);
	try {
		return await verifyAudit(file, KEY);
	} finally {
		await writeFile(file, sound);
	}
}

const linesOf = (content: Buffer): string[] => content.toString().split(/(?<=\n)/);

/** The number of the line that a byte is in. */
const lineAt = (offset: number): number => sound.subarray(0, offset).filter((byte) => byte === 10).length + 1;

const numbers = fc.integer({ min: 0, max: 1_000_000 });

async function hold<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>): Promise<void> {
	await fc.assert(fc.asyncProperty(arbitrary, check), { seed: SEED, numRuns: runsOf(150) });
}

describe("of a sealed file", () => {
	test("it is sound as it was written", async () => {
		expect(await verdictOn(sound)).toMatchObject({ ok: true, records: 10, sealed: true });
	});

	test("a byte that is another one is found in its record", async () => {
		await hold(fc.tuple(numbers, fc.integer({ min: 1, max: 255 })), async ([place, change]) => {
			const offset = place % sound.length;
			const content = Buffer.from(sound);
			content[offset] = (content[offset] ?? 0) ^ change;
			expect(await verdictOn(content)).toMatchObject({ ok: false, record: lineAt(offset) });
		});
	});

	test("a byte more or less is found in its record", async () => {
		await hold(fc.tuple(numbers, fc.option(fc.integer({ min: 0, max: 255 }))), async ([place, byte]) => {
			const offset = place % sound.length;
			const [before, after] = [sound.subarray(0, offset), sound.subarray(byte === null ? offset + 1 : offset)];
			const content = Buffer.concat([before, ...(byte === null ? [] : [Buffer.from([byte])]), after]);
			expect(await verdictOn(content)).toMatchObject({ ok: false, record: firstChange(content) });
		});
	});

	test("a file that is cut off anywhere is found where it ends", async () => {
		await hold(numbers, async (place) => {
			const offset = place % sound.length;
			expect(await verdictOn(sound.subarray(0, offset))).toMatchObject({ ok: false, record: lineAt(offset) });
		});
	});

	test("records that are moved, repeated, taken out, or put in from elsewhere are found at the first of them", async () => {
		const lines = linesOf(sound);
		const foreign = linesOf(other);
		const changes = {
			swap: (list: string[], i: number, j: number) => {
				[list[i], list[j]] = [list[j] ?? "", list[i] ?? ""];
			},
			repeat: (list: string[], i: number, j: number) => list.splice(j, 0, list[i] ?? ""),
			remove: (list: string[], i: number) => list.splice(i, 1),
			replace: (list: string[], i: number) => list.splice(i, 1, foreign[i] ?? ""),
			insert: (list: string[], i: number, j: number) => list.splice(i, 0, foreign[j] ?? ""),
		};
		const indices = fc.integer({ min: 0, max: lines.length - 1 });
		const cases = fc.record({
			change: fc.constantFrom(...(Object.keys(changes) as (keyof typeof changes)[])),
			i: indices,
			j: indices,
		});
		await hold(cases, async ({ change, i, j }) => {
			const changed = [...lines];
			changes[change](changed, i, j);
			const content = Buffer.from(changed.join(""));
			if (content.equals(sound)) return;
			expect(await verdictOn(content)).toMatchObject({ ok: false, record: firstChange(content) });
		});
	});

	test("a record written in another way is found, though it says the same", async () => {
		const ways: ((line: string) => string)[] = [
			(line) => line.replace('"at":', '"at": '),
			(line) => line.replace("}\n", "} \n"),
			(line) => line.replace("\n", "\r\n"),
			(line) => line.replace('"agent"', '"\\u0061gent"'),
			(line) => line.replace('"at":2,', '"at":2.0,'),
			(line) => line.replace('"at":2,', '"at":3,"at":2,'),
			(line) => line.replace(/("agent":"writer"),("attempt":1)/, "$2,$1"),
			(line) => line.replace('"fields":{', '"elided":{},"fields":{'),
			(line) => `\ufeff${line}`,
			(line) => line.replace(/"mac":"(\w+)"/, (_, mac: string) => `"mac":"${mac.toUpperCase()}"`),
		];
		for (const way of ways) {
			const lines = linesOf(sound);
			lines[3] = way(lines[3] ?? "");
			expect(lines.join("")).not.toBe(sound.toString());
			expect(await verdictOn(lines.join(""))).toMatchObject({ ok: false, record: 4 });
		}
	});

	test("bytes that move from one field to the next are found", async () => {
		const moves: [string, string][] = [
			['"message":"a2","node":"a"', '"message":"a","node":"2a"'],
			['"agent":"writer","attempt":1', '"agent":"write","attempt":1'],
			['2,null,"b"]},"message":"a2"', '2,null]},"message":"a2b"'],
		];
		for (const [from, to] of moves) {
			const lines = linesOf(sound);
			lines[3] = lines[3]?.replace(from, to) ?? "";
			expect(lines[3]).toContain(to);
			expect(await verdictOn(lines.join(""))).toMatchObject({ ok: false, record: 4 });
		}
	});

	test("the file of another run in its place is found", async () => {
		expect(await verdictOn(other)).toMatchObject({ ok: false });
	});

	test("a line without an end takes no more memory than a record may have", async () => {
		const endless = Buffer.concat([sound.subarray(0, sound.indexOf(10) + 1), Buffer.alloc(40 * 1024 * 1024, 120)]);
		expect(await verdictOn(endless)).toMatchObject({ ok: false, record: 2, reason: /longer than any/ });
	});

	test("any other head is found", async () => {
		const head = await readFile(`${file}.head`);
		const check = async (content: Uint8Array | string): Promise<void> => {
			await writeFile(`${file}.head`, content);
			expect(await verifyAudit(file, KEY)).toMatchObject({ ok: false, record: 0 });
		};
		await hold(fc.tuple(numbers, fc.integer({ min: 1, max: 255 })), async ([place, change]) => {
			const content = Buffer.from(head);
			content[place % head.length] = (content[place % head.length] ?? 0) ^ change;
			await check(content);
		});
		for (const wrong of ["", "null", "{}", `${head} `, await readFile(join(directory, "s.jsonl.head"))])
			await check(wrong);
		await writeFile(`${file}.head`, head);
	});
});

/** The number of the first line that is another one, or not there. */
function firstChange(content: Buffer): number {
	const [was, is] = [linesOf(sound), content.toString("latin1").split(/(?<=\n)/)];
	const index = was.findIndex((line, i) => Buffer.from(line).toString("latin1") !== is[i]);
	return (index < 0 ? was.length : index) + 1;
}
