import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWfFormat, readWorkflow } from "dagswarm/bench";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chunksOf, legacy, tasks15, version15, withChange } from "./wfformat.js";

const read = (document: unknown) => readWfFormat([JSON.stringify(document)]);

describe("WfFormat 1.5", () => {
	test("is read with what a schedule needs of it", async () => {
		expect(await read(version15)).toEqual({ name: "héllo 🐝", tasks: tasks15 });
	});

	test("is read the same however it is cut, inside characters too, and spaced", async () => {
		const texts = [
			JSON.stringify(version15),
			JSON.stringify(version15, undefined, "\t"),
			`\ufeff${JSON.stringify(version15)}\n`,
		];
		const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 40 });
		await fc.assert(
			fc.asyncProperty(fc.constantFrom(...texts), cuts, async (text, places) => {
				expect((await readWfFormat(chunksOf(text, places))).tasks).toEqual(tasks15);
			}),
		);
		for (const text of texts)
			expect(
				(
					await readWfFormat(
						chunksOf(
							text,
							Array(9000)
								.fill(0)
								.map((_, i) => i),
						),
					)
				).tasks,
			).toEqual(tasks15);
		expect((await readWfFormat([...(texts[0] as string)])).tasks).toEqual(tasks15);
	});

	test("is known by its first character, after a byte order mark too", async () => {
		const bytes = Buffer.from(`\ufeff${JSON.stringify(version15)}`);
		for (const places of [[], [1], [2], [1, 2, 3]])
			expect((await readWorkflow(chunksOf(bytes.toString(), places))).tasks).toEqual(tasks15);
		expect((await readWorkflow([bytes])).tasks).toEqual(tasks15);
		expect((await readWorkflow([`\ufeff${JSON.stringify(version15)}`])).tasks).toEqual(tasks15);
	});

	test("has its version and its name anywhere in the file", async () => {
		const { workflow, schemaVersion } = version15;
		expect(await read({ workflow, other: [[], {}, [{}]], schemaVersion })).toEqual({
			name: "workflow",
			tasks: tasks15,
		});
		expect((await readWfFormat([JSON.stringify(version15)], { name: "mine" })).name).toBe("mine");
	});

	test("cut off anywhere is an error that says so", async () => {
		const text = JSON.stringify(version15);
		for (let end = 0; end < text.length; end++) {
			const error = await readWfFormat([text.slice(0, end)]).catch((reason: unknown) => reason);
			expect(error).toMatchObject({ code: "INVALID_WORKFLOW", message: expect.stringMatching(/^not JSON: /) });
		}
	});

	const tasks = "/workflow/specification/tasks";
	const executed = "/workflow/execution/tasks";
	test.each([
		["a version that cannot be read", "/schemaVersion", "1.2", "/schemaVersion"],
		["a version that is no text", "/schemaVersion", 1.5, "/schemaVersion"],
		["no version", "/schemaVersion", undefined, ""],
		["a name that is no text", "/name", 7, "/name"],
		["no workflow", "/workflow", undefined, tasks],
		["tasks that are no list", tasks, { a: 1 }, tasks],
		["no tasks", tasks, [], tasks],
		["a task that is no object", `${tasks}/1`, "b", `${tasks}/1`],
		["a task without an id or a name", `${tasks}/1`, { parents: [], children: [] }, `${tasks}/1`],
		["an id that is no text", `${tasks}/1/id`, 5, `${tasks}/1/id`],
		["a task that comes twice", `${tasks}/1/id`, "a", `${tasks}/1/id`],
		["a parent that is no task", `${tasks}/3/parents/1`, "z", `${tasks}/3/parents/1`],
		["a child that is no task", `${tasks}/0/children/1`, "z", `${tasks}/0/children/1`],
		["parents that are no list", `${tasks}/1/parents`, "a", `${tasks}/1/parents`],
		["a parent that is no text", `${tasks}/3/parents/0`, { id: "b" }, `${tasks}/3/parents/0`],
		["a parent that does not know its child", `${tasks}/0/children`, ["b"], `${tasks}/2/parents/0`],
		["a child that does not know its parent", `${tasks}/3/parents`, ["b"], `${tasks}/2/children/0`],
		["no execution", "/workflow/execution", undefined, "/workflow"],
		["a run time that is missing", `${executed}/3`, undefined, `${tasks}/1`],
		["a run time left out", `${executed}/3/runtimeInSeconds`, undefined, `${tasks}/1`],
		["a negative run time", `${executed}/3/runtimeInSeconds`, -1, `${executed}/3/runtimeInSeconds`],
		["a run time that is no number", `${executed}/3/runtimeInSeconds`, "2", `${executed}/3/runtimeInSeconds`],
		["a run time of null", `${executed}/3/runtimeInSeconds`, null, `${executed}/3/runtimeInSeconds`],
		["a task executed twice", `${executed}/3/id`, "a", `${executed}/3/id`],
		["a task executed that is not there", `${executed}/3/id`, "z", `${executed}/3/id`],
		["a priority that is no number", `${executed}/0/priority`, "high", `${executed}/0/priority`],
	])("with %s is refused with the path", async (_, pointer, value, path) => {
		const document = JSON.stringify(withChange(version15, pointer, value)).replace(",null]", "]");
		await expect(readWfFormat([document])).rejects.toMatchObject({ code: "INVALID_WORKFLOW", path });
	});

	test("with a cycle is refused with its path", async () => {
		const specified = ["a", "b", "c"].map((id, i, ids) => ({
			...{ name: "n", id },
			...{ parents: [ids[(i + 2) % 3]], children: [ids[(i + 1) % 3]] },
		}));
		const execution = { tasks: ["a", "b", "c"].map((id) => ({ id, runtimeInSeconds: 1 })) };
		const document = {
			name: "round",
			schemaVersion: "1.5",
			workflow: { specification: { tasks: specified }, execution },
		};
		const error = await read(document).catch((reason: unknown) => reason);
		expect(error).toMatchObject({ code: "INVALID_WORKFLOW", path: expect.stringMatching(/\/tasks\/\d$/) });
		const { nodes } = error as { readonly nodes: readonly string[] };
		expect(nodes).toHaveLength(4);
		expect(nodes[0]).toBe(nodes[3]);
		for (const [k, id] of nodes.slice(1).entries()) {
			expect(specified.find((task) => task.id === id)?.parents).toContain(nodes[k]);
		}
	});

	test.each([
		["a run time beyond all numbers", JSON.stringify(version15).replace(":1e1", ":1e999").replace(":10,", ":1e999,")],
		["something after the end", `${JSON.stringify(version15)} {}`],
		["a comma too many", '{"name":"a",}'],
		["two values in a row", '{"a":[1 2]}'],
		["a key that is no text", "{1:2}"],
		["a bracket that closes a brace", '{"a":1]'],
		["no JSON", "hello"],
		["a list", "[]"],
		["a number", "7"],
		["nothing", ""],
		["lists in lists without end", "[".repeat(100_000)],
	])("that is %s is refused", async (_, text) => {
		await expect(readWfFormat([text])).rejects.toMatchObject({ code: "INVALID_WORKFLOW" });
	});

	test("that is no UTF-8 is refused", async () => {
		const bytes = Uint8Array.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x7d]);
		await expect(readWfFormat([bytes])).rejects.toMatchObject({ code: "INVALID_WORKFLOW" });
	});

	test("with a text that does not end is refused before it has been read to its end", async () => {
		let read = 0;
		const endless = function* () {
			yield '{"description":"';
			for (; read < 1000; read++) yield "x".repeat(1 << 20);
		};
		await expect(readWfFormat(endless())).rejects.toMatchObject({ code: "INVALID_WORKFLOW", path: "/description" });
		expect(read).toBeLessThan(30);
	});

	test("with more tasks than are wanted is refused", async () => {
		const options = { maxTasks: 3 };
		await expect(readWfFormat([JSON.stringify(version15)], options)).rejects.toMatchObject({
			code: "INVALID_WORKFLOW",
			message: expect.stringContaining("more than 3 tasks"),
		});
		await expect(readWfFormat([], { maxTasks: 0 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
	});
});

describe("WfFormat 1.3 and 1.4", () => {
	const expected = [
		{ id: "ID1", name: "split_ID1", runtimeMs: 1000, dependsOn: [], priority: 5 },
		{ id: "ID2", name: "work_ID2", runtimeMs: 2500, dependsOn: ["ID1"] },
	];
	const split = { name: "split_ID1", id: "ID1", type: "compute", priority: 5 };
	const work = { name: "work_ID2", id: "ID2", type: "compute" };

	test.each([
		["1.3", "runtime"],
		["1.4", "runtimeInSeconds"],
	])("%s: tasks refer to each other by name or id, on one side or both", async (version, runtime) => {
		const one = { ...split, [runtime]: 1 };
		const two = { ...work, [runtime]: 2.5 };
		for (const [parents, children] of [
			[["split_ID1"], ["work_ID2"]],
			[["ID1"], undefined],
			[[], ["ID2"]],
			[undefined, ["work_ID2"]],
		]) {
			const document = legacy(version, [
				{ ...one, ...(children !== undefined && { children }) },
				{ ...two, ...(parents !== undefined && { parents }) },
			]);
			expect(await read(document)).toEqual({ name: "old", tasks: expected });
		}
	});

	test("a task without an id is known by its name", async () => {
		const document = legacy("1.3", [
			{ name: "x", runtime: 1 },
			{ name: "y", runtime: 2, parents: ["x"] },
		]);
		expect((await read(document)).tasks).toEqual([
			{ id: "x", name: "x", runtimeMs: 1000, dependsOn: [] },
			{ id: "y", name: "y", runtimeMs: 2000, dependsOn: ["x"] },
		]);
	});

	test("sides that contradict each other, and a name that several tasks have, are refused", async () => {
		const one = { ...split, runtime: 1 };
		const three = { name: "other", id: "ID3", runtime: 1, parents: ["ID2"] };
		const two = { ...work, runtime: 2, parents: [] };
		await expect(read(legacy("1.3", [{ ...one, children: ["ID2"] }, two, three]))).rejects.toMatchObject({
			code: "INVALID_WORKFLOW",
		});
		const twins = [
			{ ...one, name: "twin" },
			{ ...two, name: "twin" },
			{ ...three, parents: ["twin"] },
		];
		await expect(read(legacy("1.4", twins))).rejects.toMatchObject({
			code: "INVALID_WORKFLOW",
			path: "/workflow/tasks/2/parents/0",
		});
	});
});

describe("a file", () => {
	let folder: string;
	beforeAll(() => {
		folder = mkdtempSync(join(tmpdir(), "dagswarm-wfformat-"));
	});
	afterAll(() => rmSync(folder, { recursive: true, force: true }));

	test("is read by its path, whichever format it has", async () => {
		const { name: _, ...nameless } = version15;
		writeFileSync(join(folder, "trace.json"), ` \n${JSON.stringify(nameless)}`);
		writeFileSync(join(folder, "graph.stg"), "1\n0 0 0\n1 2 1 0\n2 0 1 1\n");
		expect(await readWorkflow(join(folder, "trace.json"))).toEqual({ name: "trace", tasks: tasks15 });
		expect(await readWorkflow(join(folder, "graph.stg"))).toEqual({
			name: "graph",
			tasks: [{ id: "1", runtimeMs: 2000, dependsOn: [] }],
		});
		expect(await readWorkflow([" ", "\n", '{"na', `me":"x",${JSON.stringify(nameless).slice(1)}`])).toMatchObject({
			name: "x",
		});
	});

	test("that cannot be read is refused with the cause", async () => {
		await expect(readWorkflow(join(folder, "missing.json"))).rejects.toMatchObject({
			code: "INVALID_WORKFLOW",
			cause: { code: "ENOENT" },
		});
	});
});
