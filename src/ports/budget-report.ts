import { SwarmError } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import { nameOf } from "../core/plain.js";
import { checkUsage, type Usage } from "../core/usage.js";
import type { SavedAmount } from "./budget-account.js";
import { type BudgetLimit, isOfRun } from "./budget-limit.js";
import type { RunBook, RunBooks, UsageSum } from "./budget-run.js";

/** What was spent, and by whom. */
export interface BudgetReport {
	/** Each limit with whoever has used or reserved some of it, in the order in which the limits were given. */
	readonly limits: readonly LimitReport[];
	/** The runs that have not ended, below the one that called them. */
	readonly runs: readonly RunReport[];
}

/** A limit, and how much of it is gone. */
export interface LimitReport {
	readonly limit: BudgetLimit;
	readonly accounts: readonly AccountReport[];
}

/** What one spender has of a limit. */
export interface AccountReport {
	/** Of a limit per run, tree or node. */
	readonly run?: RunId;
	readonly node?: NodeId;
	/** The caller, channel or agent. */
	readonly name?: string;
	readonly used: number;
	readonly reserved: number;
	readonly limit: number;
}

/** What a run has used. */
export interface RunReport {
	readonly run: RunId;
	readonly caller?: string;
	readonly channel?: string;
	/** With the runs that its nodes called, those that have ended included. */
	readonly total: Usage;
	/** By its own nodes. */
	readonly used: Usage;
	readonly reserved: Usage;
	readonly nodes: readonly NodeReport[];
	readonly runs: readonly RunReport[];
}

/** What a node has used, in all its attempts. */
export interface NodeReport {
	readonly node: NodeId;
	readonly agent: string;
	readonly used: Usage;
	readonly reserved: Usage;
}

/** Whose an account is, by its key. */
export function accountName(limit: BudgetLimit, key: string): Pick<AccountReport, "run" | "node" | "name"> {
	if (limit.of === "all") return {};
	if (!isOfRun(limit)) return { name: key };
	if (limit.of !== "node") return { run: key };
	const [run, node] = JSON.parse(key) as [RunId, NodeId];
	return { run, node };
}

/** What is reserved in a run, by node. */
export type ReservedByRun = ReadonlyMap<RunId, ReadonlyMap<NodeId, UsageSum>>;

/** The reports of all runs, each below the one that called it. */
export function runReports(books: RunBooks, reserved: ReservedByRun): RunReport[] {
	const below = new Map<RunBook | undefined, RunBook[]>();
	for (const book of books.values()) {
		const siblings = below.get(book.parent);
		if (siblings === undefined) below.set(book.parent, [book]);
		else siblings.push(book);
	}
	const reportOf = (book: RunBook): RunReport => {
		const runs = (below.get(book) ?? []).map(reportOf);
		const total = books.sum();
		for (const part of [book.used.value, book.usedBelow.value, ...runs.map((run) => run.total)]) total.add(part);
		return { ...ownReport(book, reserved.get(book.name.run), books.sum()), total: total.value, runs };
	};
	return (below.get(undefined) ?? []).map(reportOf);
}

function ownReport(
	{ name: { run, caller, channel }, used, nodes }: RunBook,
	reservedBy: ReadonlyMap<NodeId, UsageSum> | undefined,
	reserved: UsageSum,
): Omit<RunReport, "total" | "runs"> {
	for (const sum of reservedBy?.values() ?? []) reserved.add(sum.value);
	return {
		run,
		...(caller !== undefined && { caller }),
		...(channel !== undefined && { channel }),
		used: used.value,
		reserved: reserved.value,
		nodes: [...nodes].map(([node, book]) => ({
			node,
			agent: book.agent,
			used: book.used.value,
			reserved: reservedBy?.get(node)?.value ?? {},
		})),
	};
}

/** The books as plain data, to be kept where the host keeps things. What was reserved is not part of it. */
export interface SavedBooks {
	readonly version: 1;
	/** How many reservations there were: ids are not used twice. */
	readonly reservations: number;
	readonly accounts: readonly {
		/** Which limit, whatever its height. */
		readonly limit: string;
		readonly key: string;
		readonly used: SavedAmount;
	}[];
	readonly runs: readonly SavedRun[];
}

/** A run that has not ended. */
export interface SavedRun {
	readonly run: RunId;
	readonly ancestors: readonly RunId[];
	readonly caller?: string;
	readonly channel?: string;
	readonly used: Usage;
	readonly usedBelow: Usage;
	readonly nodes: readonly { readonly node: NodeId; readonly agent: string; readonly used: Usage }[];
}

/** A run's books as plain data. */
export function savedRun({ name, used, usedBelow, nodes }: RunBook): SavedRun {
	return {
		...name,
		used: used.value,
		usedBelow: usedBelow.value,
		nodes: [...nodes].map(([node, book]) => ({ node, agent: book.agent, used: book.used.value })),
	};
}

/**
 * Refuses what {@link SavedBooks} are not: a host may have kept them for long, and anywhere.
 *
 * @throws SwarmError `INVALID_OPTION`
 */
export function checkSavedBooks(books: SavedBooks): void {
	if (typeof books !== "object" || books === null || books.version !== 1)
		throw notBooks(`they are ${nameOf(books)} of version ${nameOf((books as SavedBooks | null)?.version)}`);
	const { reservations, accounts, runs } = books;
	if (!Number.isSafeInteger(reservations) || !Array.isArray(accounts) || !Array.isArray(runs))
		throw notBooks("reservations, accounts or runs are missing");
	for (const { limit, key, used } of books.accounts) {
		const amounts: readonly unknown[] = Array.isArray(used) ? used.flat() : [used];
		if (typeof limit !== "string" || typeof key !== "string" || !amounts.every(Number.isFinite))
			throw notBooks(`the account "${String(key)}" of ${String(limit)} is malformed`);
	}
	for (const { run, ancestors, used, usedBelow, nodes } of books.runs) {
		if (typeof run !== "string" || !Array.isArray(ancestors) || !Array.isArray(nodes)) throw notBooks("a run is none");
		for (const usage of [used, usedBelow, ...nodes.map((node) => node.used as unknown)])
			checkUsage(usage, `what run "${run}" has used`);
	}
}

function notBooks(why: string): SwarmError {
	return new SwarmError("INVALID_OPTION", `the books to go on with are none: ${why}`, {
		hint: "hand over what snapshot() of a budgetLedger gave, as it was",
	});
}
