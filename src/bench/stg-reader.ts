import { SwarmError } from "../core/errors.js";
import { chunksOf, MOST_TASKS, nameOf, type ReadWorkflowOptions, type WorkflowSource } from "./source.js";
import { linesOf } from "./text-lines.js";
import { invalid, numberTasks, type Workflow, type WorkflowTask } from "./workflow.js";

/** What the reader of STG files takes. */
export interface ReadStgOptions extends ReadWorkflowOptions {
	/** How many milliseconds a unit of time is, above 0; default 1000. */
	readonly unitMs?: number;
}

/**
 * Reads a graph of the Standard Task Graph Set (Tobita and Kasahara, "A standard task graph set for fair
 * evaluation of multiprocessor scheduling algorithms", J. Scheduling 5, 2002), without communication
 * costs: the number of tasks, then a line `id time predecessors id id …` for each, a dummy entry before the first and a
 * dummy exit after the last, and comments behind `#`. Dummies that take no time are left out of the workflow.
 *
 * @param source - the path of a file, or its text or UTF-8 bytes in chunks
 * @throws SwarmError `INVALID_WORKFLOW`; `line` is the line that is wrong, from 1
 *
 * @example
 * ```ts
 * import { readStg } from "dagswarm/bench";
 *
 * const workflow = await readStg(["2\n0 0 0\n1 5 1 0\n2 3 1 1\n3 0 1 2\n# a comment\n"]);
 * workflow.tasks; // [{ id: "1", runtimeMs: 5000, dependsOn: [] }, { id: "2", runtimeMs: 3000, dependsOn: ["1"] }]
 * ```
 */
export async function readStg(source: WorkflowSource, options: ReadStgOptions = {}): Promise<Workflow> {
	const rows = new StgRows(options);
	let line = 0;
	for await (const lines of linesOf(chunksOf(source))) for (const text of lines) rows.read(text, ++line);
	return { name: options.name ?? nameOf(source), tasks: rows.finish(line) };
}

class StgRows {
	/** As the first line says; -1 before it. */
	#count = -1;
	readonly #times: number[] = [];
	readonly #predecessors: number[][] = [];
	readonly #lines: number[] = [];
	readonly #most: number;
	readonly #unitMs: number;

	constructor({ maxTasks = MOST_TASKS, unitMs = 1000 }: ReadStgOptions) {
		if (!Number.isInteger(maxTasks) || maxTasks < 1 || maxTasks > 50_000_000) {
			throw new SwarmError(
				"INVALID_OPTION",
				`maxTasks is ${String(maxTasks)}, not a whole number from 1 to 50,000,000`,
			);
		}
		if (!(unitMs > 0 && unitMs < Number.POSITIVE_INFINITY)) {
			throw new SwarmError("INVALID_OPTION", `unitMs is ${String(unitMs)}, not a number above 0`);
		}
		this.#most = maxTasks;
		this.#unitMs = unitMs;
	}

	read(text: string, line: number): void {
		const comment = text.indexOf("#");
		const content = (comment < 0 ? text : text.slice(0, comment)).trim();
		if (content === "") return;
		const fields = content.split(/\s+/);
		if (this.#count < 0) this.#readCount(fields, line);
		else this.#readTask(fields, line);
	}

	#readCount(fields: readonly string[], line: number): void {
		const [field = ""] = fields;
		if (fields.length !== 1) {
			throw invalid(`the first line holds the number of tasks alone, this one has ${fields.length} fields`, { line });
		}
		const count = whole(field, "the number of tasks", line);
		if (count === 0) throw invalid("there are no tasks", { line });
		if (count > this.#most) throw invalid(`there are more than ${this.#most} tasks`, { line });
		this.#count = count;
	}

	#readTask(fields: readonly string[], line: number): void {
		const expected = this.#times.length;
		if (expected > this.#count + 1) {
			throw invalid(`there are ${this.#count} tasks and two dummies, and this is one more`, { line });
		}
		if (fields.length < 3) {
			throw invalid(`a task has an id, a time and a number of predecessors, this one ${fields.length} fields`, {
				line,
			});
		}
		const id = whole(fields[0] as string, "the id", line);
		if (id < expected) throw invalid(`there are two tasks ${id}`, { line }, [String(id)]);
		if (id > expected) throw invalid(`this is task ${id}, and ${expected} comes next`, { line });
		const time = Number(fields[1]);
		if (!/^\d+(\.\d+)?$/.test(fields[1] as string) || !Number.isFinite(time * this.#unitMs)) {
			throw invalid(`the time of task ${id} is "${fields[1]}", not a number of at least 0`, { line }, [String(id)]);
		}
		const count = whole(fields[2] as string, "the number of predecessors", line);
		if (fields.length !== 3 + count) {
			throw invalid(`task ${id} has ${count} predecessors and lists ${fields.length - 3}`, { line }, [String(id)]);
		}
		this.#times.push(time * this.#unitMs);
		this.#predecessors.push(fields.slice(3).map((field) => this.#predecessor(field, id, line)));
		this.#lines.push(line);
	}

	#predecessor(field: string, id: number, line: number): number {
		const before = whole(field, "a predecessor", line);
		if (before <= this.#count + 1) return before;
		throw invalid(`task ${id} has the predecessor ${before}, which is no task`, { line }, [String(id), field]);
	}

	/** @param line - the last of the file */
	finish(line: number): WorkflowTask[] {
		if (this.#count < 0) throw invalid("the number of tasks is missing", { line: Math.max(line, 1) });
		const missing = this.#count + 2 - this.#times.length;
		if (missing > 0) {
			const rows = `${this.#count} tasks and two dummies`;
			throw invalid(`the file breaks off: of ${rows} ${missing} are missing`, { line: Math.max(line, 1) });
		}
		if ((this.#predecessors[0] as number[]).length > 0) {
			throw invalid("the entry, task 0, has predecessors", { line: this.#lines[0] as number }, ["0"]);
		}
		return this.#tasks();
	}

	#tasks(): WorkflowTask[] {
		const last = this.#count + 1;
		const isDummy = (id: number): boolean => (id === 0 || id === last) && this.#times[id] === 0;
		// Without the entry the places of all that follow are one less.
		const shift = isDummy(0) ? 1 : 0;
		const tasks: WorkflowTask[] = [];
		const from: number[] = [];
		const to: number[] = [];
		for (let id = 0; id <= last; id++) {
			const before = this.#predecessors[id] as number[];
			// What waits for the exit would wait for all.
			if (id !== last && before.includes(last)) this.#refuseExit(id);
			if (isDummy(id)) continue;
			const dependsOn = [...new Set(before)].filter((other) => !isDummy(other));
			for (const other of dependsOn) {
				from.push(other - shift);
				to.push(id - shift);
			}
			tasks.push({ id: String(id), runtimeMs: this.#times[id] as number, dependsOn: dependsOn.map(String) });
		}
		numberTasks(tasks, from, to, (task) => ({ line: this.#lines[task + shift] as number }));
		return tasks;
	}

	#refuseExit(id: number): never {
		throw invalid(`task ${id} waits for the exit`, { line: this.#lines[id] as number }, [String(id)]);
	}
}

function whole(field: string, what: string, line: number): number {
	const value = Number(field);
	if (/^\d+$/.test(field) && Number.isSafeInteger(value)) return value;
	throw invalid(`${what} is "${field}", not a whole number`, { line });
}
