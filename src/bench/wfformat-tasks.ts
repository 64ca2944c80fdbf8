import { invalid, numberTasks, type WorkflowTask } from "./workflow.js";

/** Seconds in files have nine digits at most that mean anything. */
const NANOSECONDS = 1_000_000_000;

/** A longer program, or one of several lines, is a script and no name. */
const MOST_PROGRAM = 100;

/** A number for each id or name that a file mentions, before it is known what it stands for. */
export class MentionedIds {
	readonly #numbers = new Map<string, number>();
	readonly #ids: string[] = [];

	number(id: string): number {
		let number = this.#numbers.get(id);
		if (number === undefined) {
			number = this.#ids.length;
			this.#numbers.set(id, number);
			this.#ids.push(id);
		}
		return number;
	}

	id(number: number): string {
		// Numbers are given out here only.
		return this.#ids[number] as string;
	}
}

/** What all tasks name on one side, in columns: what task i names is from `first[i]` to before `first[i + 1]`. */
interface References {
	readonly member: "parents" | "children";
	readonly first: number[];
	/** Mentioned ids; once resolved, tasks. */
	targets: number[];
}

/**
 * The tasks of one list of a WfFormat file. What they refer to may come later, so references are resolved
 * when all are there.
 */
export class ListedTasks {
	/** Of each task its mentioned id. */
	readonly #ids: number[] = [];
	readonly #names: (string | undefined)[] = [];
	readonly #runtimes: (number | undefined)[] = [];
	readonly #priorities = new Map<number, number>();
	/** Of each task its program, as a mentioned text. */
	readonly #programs = new Map<number, number>();
	readonly #parents: References = { member: "parents", first: [0], targets: [] };
	readonly #children: References = { member: "children", first: [0], targets: [] };
	/** Of each mentioned id the task that has it. */
	readonly #byId: (number | undefined)[] = [];
	/** What each task depends on; decided by {@link link}. */
	#dependencies: References = this.#parents;

	/**
	 * @param path - where in the file the list is
	 * @param mentioned - shared by the lists of a file
	 * @param most - so many tasks at most
	 */
	constructor(
		readonly path: string,
		private readonly mentioned: MentionedIds,
		private readonly most: number,
	) {}

	get size(): number {
		return this.#ids.length;
	}

	/** Takes the next task of the list. */
	add(item: unknown, index: number): void {
		if (index >= this.most) throw invalid(`there are more than ${this.most} tasks`, { path: this.path });
		const at = (member: string) => ({ path: `${this.path}/${index}${member}` });
		if (typeof item !== "object" || item === null || Array.isArray(item)) throw invalid("a task is an object", at(""));
		const task = item as Readonly<Record<string, unknown>>;
		const name = this.#text(task["name"], "name", index);
		// Up to 1.4 a task may have a name only.
		const id = this.#text(task["id"], "id", index) ?? name;
		if (id === undefined) throw invalid("a task has an id", at(""));
		const number = this.mentioned.number(id);
		if (this.#byId[number] !== undefined) throw invalid(`there are two tasks "${id}"`, at("/id"), [id]);
		this.#byId[number] = index;
		this.#ids.push(number);
		this.#names.push(name);
		this.#runtimes.push(this.#seconds(task, id, index));
		const { priority } = task;
		if (typeof priority === "number" && Number.isFinite(priority)) this.#priorities.set(index, priority);
		else if (priority !== undefined) throw invalid("a priority is a number", at("/priority"), [id]);
		this.#takeProgram(task["command"], index);
		this.#refer(this.#parents, task["parents"], index);
		this.#refer(this.#children, task["children"], index);
	}

	/** The run times of 1.5 stand in a list of their own. */
	takeRuntimes(executed: ListedTasks): void {
		if (executed.size === 0) {
			throw invalid("the run times of the tasks are missing: there is no execution", { path: "/workflow" });
		}
		for (let i = 0; i < executed.size; i++) {
			const number = executed.#ids[i] as number;
			const index = this.#byId[number];
			if (index === undefined) {
				const id = this.mentioned.id(number);
				throw invalid(`"${id}" was executed and is not specified`, { path: `${executed.path}/${i}/id` }, [id]);
			}
			this.#runtimes[index] = executed.#runtimes[i];
			const program = executed.#programs.get(i);
			if (program !== undefined) this.#programs.set(index, program);
			const priority = executed.#priorities.get(i);
			if (priority !== undefined) this.#priorities.set(index, priority);
		}
	}

	/**
	 * Finds out what each task depends on.
	 *
	 * @param strict - `parents` and `children` must say the same; otherwise one of them may be left out
	 */
	link(strict: boolean): void {
		const byName = strict ? undefined : this.#tasksByName();
		for (const side of [this.#parents, this.#children]) this.#resolve(side, byName);
		const some = this.#parents.targets.length > 0;
		const both = strict || (some && this.#children.targets.length > 0);
		const turned = this.#turned(this.#children);
		if (both) {
			this.#compare(this.#parents, this.#children, turned);
			this.#compare(this.#children, this.#parents, this.#turned(this.#parents));
		}
		this.#dependencies = both || some ? this.#parents : turned;
	}

	/** @throws SwarmError `INVALID_WORKFLOW` when a run time is missing, or tasks wait for each other */
	toTasks(): WorkflowTask[] {
		const { first, targets } = this.#dependencies;
		const dependents: number[] = [];
		const tasks = this.#ids.map((number, i) => {
			const id = this.#id(i);
			const seconds = this.#runtimes[i];
			if (seconds === undefined) throw invalid(`the run time of task "${id}" is missing`, this.#place(i), [id]);
			const name = this.#names[i];
			const program = this.#programs.get(i);
			const priority = this.#priorities.get(i);
			const dependsOn: string[] = [];
			for (let e = first[i] as number; e < (first[i + 1] as number); e++) {
				dependsOn.push(this.#id(targets[e] as number));
				dependents.push(i);
			}
			return {
				id: this.mentioned.id(number),
				...(name !== undefined && { name }),
				...(program !== undefined && { program: this.mentioned.id(program) }),
				runtimeMs: Math.round(seconds * NANOSECONDS) / (NANOSECONDS / 1000),
				dependsOn: dependsOn.length < 2 ? dependsOn : [...new Set(dependsOn)],
				...(priority !== undefined && { priority }),
			};
		});
		numberTasks(tasks, targets, dependents, (task) => this.#place(task));
		return tasks;
	}

	#place(task: number): { readonly path: string } {
		return { path: `${this.path}/${task}` };
	}

	#id(task: number): string {
		return this.mentioned.id(this.#ids[task] as number);
	}

	#text(value: unknown, member: string, index: number): string | undefined {
		if (value === undefined || (typeof value === "string" && value !== "")) return value;
		throw invalid(`${member} is no string with a character in it`, { path: `${this.path}/${index}/${member}` });
	}

	#takeProgram(command: unknown, index: number): void {
		const { program } = (command ?? {}) as { readonly program?: unknown };
		if (typeof program !== "string" || program === "" || program.length > MOST_PROGRAM || program.includes("\n"))
			return;
		this.#programs.set(index, this.mentioned.number(program));
	}

	#seconds(task: Readonly<Record<string, unknown>>, id: string, index: number): number | undefined {
		const member = task["runtimeInSeconds"] === undefined ? "runtime" : "runtimeInSeconds";
		const value = task[member];
		if (value === undefined) return undefined;
		if (typeof value === "number" && value >= 0 && value * NANOSECONDS < Number.POSITIVE_INFINITY) return value;
		const shown = typeof value === "number" ? String(value) : JSON.stringify(value);
		const where = { path: `${this.path}/${index}/${member}` };
		throw invalid(`the run time of task "${id}" is ${shown}, not a number of at least 0`, where, [id]);
	}

	#refer({ member, first, targets }: References, list: unknown, index: number): void {
		if (list !== undefined && !Array.isArray(list)) {
			throw invalid(`${member} is no list`, { path: `${this.path}/${index}/${member}` });
		}
		for (let k = 0; k < (list?.length ?? 0); k++) {
			const id: unknown = list?.[k];
			if (typeof id !== "string" || id === "") {
				throw invalid("a task is named by its id", { path: `${this.path}/${index}/${member}/${k}` });
			}
			targets.push(this.mentioned.number(id));
		}
		first.push(targets.length);
	}

	/** Puts tasks in place of mentioned ids. */
	#resolve(side: References, byName: ReadonlyMap<number, number> | undefined): void {
		const { member, first, targets } = side;
		for (let i = 0; i < this.size; i++) {
			const start = first[i] as number;
			for (let e = start; e < (first[i + 1] as number); e++) {
				const number = targets[e] as number;
				const task = byName?.get(number) ?? this.#byId[number];
				if (task === undefined || task < 0) {
					const [id, other] = [this.#id(i), this.mentioned.id(number)];
					const problem = task === undefined ? "which is no task" : "a name that several tasks have";
					const where = { path: `${this.path}/${i}/${member}/${e - start}` };
					throw invalid(`task "${id}" names "${other}", ${problem}`, where, [id, other]);
				}
				targets[e] = task;
			}
		}
	}

	/** Up to 1.4 tasks are referred to by name; a name that several have, and that is no id, is marked with -1. */
	#tasksByName(): Map<number, number> {
		const byName = new Map<number, number>();
		for (const [i, name] of this.#names.entries()) {
			if (name === undefined) continue;
			const number = this.mentioned.number(name);
			byName.set(number, byName.has(number) ? (this.#byId[number] ?? -1) : i);
		}
		return byName;
	}

	/** The same edges, listed at their other end. */
	#turned({ member, first, targets }: References): References {
		const start = new Array<number>(this.size + 1).fill(0);
		for (const target of targets) start[target + 1] = (start[target + 1] as number) + 1;
		for (let i = 0; i < this.size; i++) start[i + 1] = (start[i + 1] as number) + (start[i] as number);
		const place = start.slice();
		const sources = new Array<number>(targets.length).fill(0);
		for (let i = 0; i < this.size; i++) {
			for (let e = first[i] as number; e < (first[i + 1] as number); e++) {
				const target = targets[e] as number;
				const at = place[target] as number;
				sources[at] = i;
				place[target] = at + 1;
			}
		}
		return { member, first: start, targets: sources };
	}

	/**
	 * Every task that one side names has to name it back on the other.
	 *
	 * @param back - the other side, turned
	 */
	#compare(side: References, other: References, back: References): void {
		const seen = new Int32Array(this.size).fill(-1);
		for (let i = 0; i < this.size; i++) {
			for (let e = back.first[i] as number; e < (back.first[i + 1] as number); e++) seen[back.targets[e] as number] = i;
			const start = side.first[i] as number;
			for (let e = start; e < (side.first[i + 1] as number); e++) {
				const target = side.targets[e] as number;
				if (seen[target] === i) continue;
				const [one, two] = [this.#id(i), this.#id(target)];
				throw invalid(
					`task "${one}" has "${two}" among its ${side.member}, and is not among the ${other.member} of "${two}"`,
					{ path: `${this.path}/${i}/${side.member}/${e - start}` },
					[one, two],
				);
			}
		}
	}
}
