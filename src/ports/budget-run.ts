import type { NodeId, RunId } from "../core/ids.js";
import { RunningSum } from "../core/running-sum.js";
import { emptyUsage, type Usage } from "../core/usage.js";
import type { RunName } from "./budget-limit.js";

/** A usage that much is added to, without drift. */
export class UsageSum {
	readonly #sums = new Map<string, RunningSum>();

	add(usage: Usage): void {
		for (const [measure, amount] of Object.entries(usage)) {
			if (amount === undefined || amount === 0) continue;
			let sum = this.#sums.get(measure);
			if (sum === undefined) {
				sum = new RunningSum();
				this.#sums.set(measure, sum);
			}
			sum.add(amount);
		}
	}

	get value(): Usage {
		const usage = emptyUsage();
		for (const [measure, { value }] of this.#sums) usage[measure] = value;
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
	readonly used = new UsageSum();
	/** What runs have used that its nodes called and that have no books any more. */
	readonly usedBelow = new UsageSum();
	readonly nodes = new Map<NodeId, NodeBook>();

	constructor(
		public name: RunName,
		/** The book of the run that called it. */
		readonly parent: RunBook | undefined,
	) {}

	node(id: NodeId, agent: string): NodeBook {
		let book = this.nodes.get(id);
		if (book === undefined) {
			book = { agent, used: new UsageSum() };
			this.nodes.set(id, book);
		}
		return book;
	}
}

/** A run's name without whatever else the host has told: metadata may be large. */
export function nameOnly({ run, ancestors, caller, channel }: RunName): RunName {
	return { run, ancestors, ...(caller !== undefined && { caller }), ...(channel !== undefined && { channel }) };
}

/** Runs that are in nobody's hands are kept so many; the oldest are forgotten. */
const MAX_AWAY = 10_000;

/** The books of all runs that have not ended, and of those above them. */
export class RunBooks {
	readonly #books = new Map<RunId, RunBook>();
	/** Those that no process was seen to work on since, the longest ago first. */
	readonly #away = new Set<RunBook>();
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
		const book = new RunBook(nameOnly(name), parent);
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
