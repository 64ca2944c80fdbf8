import type { Planted } from "./planted.js";

/** What may be wrong with a service: its triggers, its occurrences, and who leads. */
export const plantedInService: readonly Planted[] = [
	{
		name: "what the leader writes does not name its fence",
		edits: [
			{
				file: "triggers/dispatcher.ts",
				find: "await pen.write({ lease: { name: LEADER, fence }, ...change });",
				replace: "await pen.write(change);",
			},
		],
		foundBy: { service: 50 },
	},
	{
		name: "the cursor is stored before the rows that it stands for",
		edits: [
			{
				file: "triggers/dispatcher.ts",
				find: "const keys = await this.#write({ add, triggers });",
				replace:
					"if ((await this.#write({ triggers })) === undefined) return false;\n\t\tconst keys = await this.#write({ add });",
			},
		],
		foundBy: { service: 50 },
	},
	{
		name: "an occurrence is put in the place of one that has its key",
		edits: [
			{
				file: "triggers/memory-occurrences.ts",
				find: "if (this.#rows.has(stored.key)) return false;",
				replace: "this.remove(stored.key);",
			},
		],
		foundBy: { store: 100 },
	},
	{
		name: "another attempt has the run of the first one",
		edits: [
			{
				file: "triggers/occurrence.ts",
				find: "return attempt <= 1 ? key :",
				replace: "return attempt <= 100 ? key :",
			},
		],
		foundBy: { service: 50 },
	},
	{
		name: "the end of an attempt that comes late is taken for that of the next one",
		edits: [{ file: "triggers/settler.ts", find: " || row.attempt !== attempt) return;", replace: ") return;" }],
		foundBy: { service: 150 },
	},
	{
		name: "who begins to lead counts the slots anew",
		edits: [
			{
				file: "triggers/trigger-record.ts",
				find: "if (canonicalJson(spec) === canonicalJson(record.spec)) return record;",
				replace:
					"if (canonicalJson(spec) === canonicalJson(record.spec)) return { ...record, createdAt: now, version: record.version + 1 };",
			},
		],
		foundBy: { service: 50 },
	},
	{
		name: "a trigger that goes on starts what came due while it was paused",
		edits: [
			{
				file: "triggers/trigger-record.ts",
				find: "const cursor = paused ? record.cursor : passed(record.spec, record.cursor, now);",
				replace: "const { cursor } = record;",
			},
		],
		foundBy: { service: 50 },
	},
	{
		name: "what waits for another attempt is not in the way",
		edits: [
			{
				file: "triggers/decisions.ts",
				find: 'let going = rows.filter(({ state }) => state !== "pending").length;',
				replace: 'let going = rows.filter(({ state }) => state === "running").length;',
			},
		],
		foundBy: { service: 50 },
	},
	{
		name: "a run that another process has is taken for one that failed",
		edits: [{ file: "triggers/run-desk.ts", find: '\t"RUN_BUSY",\n', replace: "" }],
		foundBy: { service: 50 },
	},
	{
		name: "a file that is again what it was has not changed",
		edits: [
			{
				file: "triggers/file-changes.ts",
				find: "slotOfChange({ ordinal, hash }: FileChange): string {",
				replace: "slotOfChange({ hash }: FileChange, ordinal = 0): string {",
			},
		],
		foundBy: { files: 100 },
	},
];
