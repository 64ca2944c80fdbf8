import type { NodeId, RunId } from "../core/ids.js";
import { emptyUsage, type Usage } from "../core/usage.js";
import type { RunName } from "./budget-limit.js";

/** The measures that there are, numbered: a node's sums are then a few numbers in a row, and there may be a million nodes. */
export class MeasureNames {
	readonly #names: string[] = [];
	readonly #numbers = new Map<string, number>();

	numberOf(measure: string): number {
		const known = this.#numbers.get(measure);
		if (known !== undefined) return known;
		this.#numbers.set(measure, this.#names.length);
		return this.#names.push(measure) - 1;
	}

	nameOf(number: number): string {
		// Only numbers that were given are asked for.
		return this.#names[number] as string;
	}
}

/** A usage that is added to, for reports: what decides are accounts, whose sums do not drift. */
export class UsageSum {
	readonly #names: MeasureNames;
	readonly #sums: number[] = [];

	constructor(names: MeasureNames) {
		this.#names = names;
	}

	add(usage: Usage): this {
		for (const [measure, amount = 0] of Object.entries(usage)) {
			if (amount === 0) continue;
			const number = this.#names.numberOf(measure);
			while (this.#sums.length <= number) this.#sums.push(0);
			this.#sums[number] = (this.#sums[number] ?? 0) + amount;
		}
		return this;
	}

	get value(): Usage {
		const usage = emptyUsage();
		for (const [number, amount] of this.#sums.entries()) if (amount > 0) usage[this.#names.nameOf(number)] = amount;
		return usage;
	}
}

/** What a node has used, by the agent that it runs. */
export interface NodeBook {
	readonly agent: string;
	readonly used: UsageSum;
}

/** The books of one run. */
export class RunBook {
	/** This process works on it. */
	isOpen = false;
	/** It is over for good: kept for as long as there are books of runs that its nodes called. */
	hasEnded = false;
	/** Runs that its nodes called, and that have books. */
	children = 0;
	/** What its own nodes have used. */
	readonly used: UsageSum;
	/** What runs have used that its nodes called and that have no books any more. */
	readonly usedBelow: UsageSum;
	readonly nodes = new Map<NodeId, NodeBook>();

	constructor(
		public name: RunName,
		/** The book of the run that called it. */
		readonly parent: RunBook | undefined,
		private readonly measures: MeasureNames,
	) {
		this.used = new UsageSum(measures);
		this.usedBelow = new UsageSum(measures);
	}

	node(id: NodeId, agent: string): NodeBook {
		let book = this.nodes.get(id);
		if (book === undefined) {
			book = { agent, used: new UsageSum(this.measures) };
			this.nodes.set(id, book);
		}
		return book;
	}
}

/** A run's name without whatever else the host has told: metadata may be large. */
function nameOnly({ run, ancestors, calledBy, caller, channel }: RunName): RunName {
	return {
		run,
		ancestors,
		...(calledBy !== undefined && { calledBy }),
		...(caller !== undefined && { caller }),
		...(channel !== undefined && { channel }),
	};
}

/** Runs that are in nobody's hands are kept so many; the oldest are forgotten. */
const MAX_AWAY = 10_000;

/** The books of all runs that have not ended, and of those above them. */
export class RunBooks {
	readonly #books = new Map<RunId, RunBook>();
	/** Those that no process was seen to work on since, the longest ago first. */
	readonly #away = new Set<RunBook>();
	readonly #measures = new MeasureNames();
	readonly #forgotten: (book: RunBook) => void;

	/** @param forgotten - called with each book that goes */
	constructor(forgotten: (book: RunBook) => void) {
		this.#forgotten = forgotten;
	}

	get(run: RunId): RunBook | undefined {
		return this.#books.get(run);
	}

	values(): Iterable<RunBook> {
		return this.#books.values();
	}

	/** A sum of its own. */
	sum(): UsageSum {
		return new UsageSum(this.#measures);
	}

	/** The book of a run that this process works on. */
	open(name: RunName): RunBook {
		const book = this.#enter(name);
		// It may have been known by the runs it called only, which do not say whom it is for.
		if (!book.isOpen) book.name = nameOnly(name);
		book.isOpen = true;
		book.hasEnded = false;
		this.#away.delete(book);
		return book;
	}

	/** The book of a run that this process does not work on, or not yet. */
	keep(name: RunName): RunBook {
		const book = this.#enter(name);
		if (!book.isOpen) this.#leave(book);
		return book;
	}

	/** This process works on a run no longer. */
	close(book: RunBook, ended: boolean): void {
		book.isOpen = false;
		book.hasEnded = ended;
		if (ended) this.#away.delete(book);
		else this.#leave(book);
		this.#forgetEnded(book);
	}

	#enter(name: RunName): RunBook {
		const { run, ancestors } = name;
		const known = this.#books.get(run);
		if (known !== undefined) return known;
		const [above, ...higher] = ancestors;
		// Whatever called it is there, too, though nobody has said so: the tree has no holes.
		const parent = above === undefined ? undefined : this.keep({ run: above, ancestors: higher });
		const book = new RunBook(nameOnly(name), parent, this.#measures);
		if (parent !== undefined) parent.children++;
		this.#books.set(run, book);
		return book;
	}

	#leave(book: RunBook): void {
		this.#away.delete(book);
		this.#away.add(book);
		if (this.#away.size <= MAX_AWAY) return;
		for (const oldest of this.#away) {
			if (oldest.children > 0) continue;
			oldest.hasEnded = true;
			this.#away.delete(oldest);
			this.#forgetEnded(oldest);
			return;
		}
	}

	#forgetEnded(book: RunBook): void {
		for (let last: RunBook | undefined = book; last?.hasEnded === true && last.children === 0; last = last.parent) {
			this.#books.delete(last.name.run);
			this.#forgotten(last);
			if (last.parent === undefined) continue;
			last.parent.children--;
			last.parent.usedBelow.add(last.used.value);
			last.parent.usedBelow.add(last.usedBelow.value);
		}
	}
}
