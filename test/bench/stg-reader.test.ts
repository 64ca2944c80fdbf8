import { readStg } from "dagswarm/bench";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunksOf } from "./wfformat.js";

const text = `         4
         0          0          0
         1          3          1          0
         2          5          1          1
         3          0          2          1          2
         4          2          2          2          3
         5          0          1          4
# Standard Task Graph Set – an example
#   Tasks : 4
`;

const tasks = [
	{ id: "1", runtimeMs: 3000, dependsOn: [] },
	{ id: "2", runtimeMs: 5000, dependsOn: ["1"] },
	{ id: "3", runtimeMs: 0, dependsOn: ["1", "2"] },
	{ id: "4", runtimeMs: 2000, dependsOn: ["2", "3"] },
];

describe("an STG file", () => {
	test("is read without its dummies and comments", async () => {
		expect(await readStg([text])).toEqual({ name: "workflow", tasks });
		const options = { name: "mine", unitMs: 1 };
		expect(await readStg(["1\r\n0 0 0\r\n\r\n1 7 1 0 # one\r\n2 0 1 1"], options)).toEqual({
			name: "mine",
			tasks: [{ id: "1", runtimeMs: 7, dependsOn: [] }],
		});
	});

	test("keeps a first or last task that takes time", async () => {
		expect((await readStg(["1\n0 1 0\n1 2 1 0\n2 3 1 1\n"], { unitMs: 1 })).tasks).toEqual([
			{ id: "0", runtimeMs: 1, dependsOn: [] },
			{ id: "1", runtimeMs: 2, dependsOn: ["0"] },
			{ id: "2", runtimeMs: 3, dependsOn: ["1"] },
		]);
	});

	test("is read the same however it is cut", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.nat({ max: 500 }), { maxLength: 60 }), async (cuts) => {
				expect((await readStg(chunksOf(text, cuts))).tasks).toEqual(tasks);
			}),
		);
	});

	test("cut off anywhere is an error with the line, or has lost nothing but what is not read", async () => {
		for (let end = 0; end < text.length; end++) {
			const result = await readStg([text.slice(0, end)]).catch((reason: unknown) => reason);
			if (result instanceof Error) {
				expect(result).toMatchObject({ code: "INVALID_WORKFLOW", line: expect.any(Number) });
				expect(result.message).toMatch(/^line \d+: /);
			} else expect(result).toMatchObject({ tasks });
		}
	});

	test.each([
		["a first line of two fields", "10 3\n", 1],
		["a count that is no number", "ten\n", 1],
		["a count of none", "0\n0 0 0\n1 0 1 0\n", 1],
		["a task out of its turn", "2\n0 0 0\n2 1 1 0\n", 3],
		["a task that comes twice", "2\n0 0 0\n1 1 1 0\n1 1 1 0\n", 4],
		["too few tasks", "2\n0 0 0\n1 1 1 0\n# end\n", 4],
		["a task too many", "1\n0 0 0\n1 1 1 0\n2 0 1 1\n3 0 1 2\n", 5],
		["a negative time", "1\n0 0 0\n1 -1 1 0\n2 0 1 1\n", 3],
		["a time that is no number", "1\n0 0 0\n1 x 1 0\n2 0 1 1\n", 3],
		["fewer predecessors than it says", "1\n0 0 0\n1 1 2 0\n2 0 1 1\n", 3],
		["more predecessors than it says", "1\n0 0 0\n1 1 0 0\n2 0 1 1\n", 3],
		["a predecessor that is no task", "1\n0 0 0\n1 1 1 9\n2 0 1 1\n", 3],
		["a predecessor that is no number", "1\n0 0 0\n1 1 1 -0\n2 0 1 1\n", 3],
		["a line that is too short", "1\n0 0 0\n1 1\n2 0 1 1\n", 3],
		["an entry that waits", "1\n0 0 1 1\n1 1 0\n2 0 1 1\n", 2],
		["a task that waits for the exit", "1\n0 0 0\n1 1 1 2\n2 0 0\n", 3],
		["tasks that wait for each other", "2\n0 0 0\n1 1 1 2\n2 1 1 1\n3 0 1 2\n", expect.any(Number)],
		["a task that waits for itself", "1\n0 0 0\n1 1 1 1\n2 0 1 1\n", 3],
	])("with %s is refused with the line", async (_, wrong, line) => {
		await expect(readStg([wrong])).rejects.toMatchObject({ code: "INVALID_WORKFLOW", line });
	});

	test("with a line that does not end is refused before it has been read to its end", async () => {
		let read = 0;
		const endless = function* () {
			yield "1\n0 0 0\n1 ";
			for (; read < 1000; read++) yield " ".repeat(1 << 20);
		};
		await expect(readStg(endless())).rejects.toMatchObject({ code: "INVALID_WORKFLOW", line: 3 });
		expect(read).toBeLessThan(80);
	});

	test.each([{ maxTasks: 3 }, { maxTasks: 0 }, { unitMs: 0 }, { unitMs: Number.NaN }])(
		"with %o is refused",
		async (options) => {
			const code = options.maxTasks === 3 ? "INVALID_WORKFLOW" : "INVALID_OPTION";
			await expect(readStg([text], options)).rejects.toMatchObject({ code });
		},
	);
});
