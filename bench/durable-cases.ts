import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure, sweep } from "./measure.ts";
import { completedIn } from "./outcome.ts";
import {
	type AnyAgent,
	createSwarm,
	type Durability,
	defineAgent,
	type Journal,
	memoryJournal,
	sqliteJournal,
} from "./product.ts";
import { layered, load, type Spec } from "./workloads.ts";

/** A way to keep a run, and a graph to try it with. */
export interface DurableCase {
	readonly name: string;
	readonly journal?: "memory" | "sqlite";
	readonly durability?: Durability;
	readonly concurrency: number;
	readonly specs: (nodes: number) => readonly Spec[];
	/** Waits for the disk again and again: such cases take their turns apart from those that a processor can do. */
	readonly slow?: boolean;
	/** So much of the size that was asked for is enough where each hop waits. */
	readonly share?: number;
	/** What each node puts out; nothing where it is left out. */
	readonly output?: () => unknown;
}

const strict = { journal: "sqlite", durability: "strict" } as const;
const relaxed = { journal: "sqlite", durability: "relaxed" } as const;
const small = (): unknown => ({ topic: "bees", parts: 3, score: 0.75 });

export const durableCases = {
	memory: { name: "no journal", concurrency: 8, specs: (nodes) => layered(nodes) },
	kept: { name: "memory journal", journal: "memory", concurrency: 8, specs: (nodes) => layered(nodes) },
	relaxed: { name: "SQLite relaxed", ...relaxed, concurrency: 8, specs: (nodes) => layered(nodes) },
	strict: { name: "SQLite strict", ...strict, slow: true, concurrency: 8, specs: (nodes) => layered(nodes) },
	strict512: {
		name: "strict, layers of 32",
		...strict,
		slow: true,
		concurrency: 512,
		specs: (nodes) => layered(nodes),
	},
	wide512: { name: "strict, layers of 512", ...strict, concurrency: 512, specs: (nodes) => layered(nodes, 512) },
	chain: {
		name: "strict, a chain",
		...strict,
		slow: true,
		concurrency: 8,
		share: 1 / 20,
		specs: (nodes) => load("chain", nodes).specs,
	},
	independent: {
		name: "strict, independent",
		...strict,
		slow: true,
		concurrency: 8,
		share: 1 / 4,
		specs: (nodes) => load("independent", nodes).specs,
	},
	outputs: {
		name: "relaxed, small outputs",
		...relaxed,
		concurrency: 8,
		output: small,
		specs: (nodes) => layered(nodes),
	},
	strictOutputs: {
		name: "strict, small outputs",
		...strict,
		slow: true,
		concurrency: 8,
		share: 1 / 4,
		output: small,
		specs: (nodes) => layered(nodes),
	},
} as const satisfies Readonly<Record<string, DurableCase>>;

export type DurableCaseName = keyof typeof durableCases;

/** What one run has used. */
export interface DurableSample {
	/** Microseconds. */
	readonly wall: number;
	readonly cpu: number;
	readonly events: number;
	readonly commits: number;
	/** Microseconds of wall time in the journal's `append`: making text of events, writing, and waiting for the disk. */
	readonly append: number;
	/** Characters that were written as records. */
	readonly text: number;
	/** Of the file when it is closed. */
	readonly bytes: number;
}

/** Runs a case once. The file is opened before the clock starts and closed when it has stopped. */
export async function runDurably(name: DurableCaseName, nodes: number): Promise<DurableSample> {
	const one: DurableCase = durableCases[name];
	const specs = one.specs(nodes);
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-bench-"));
	try {
		const file = join(folder, "runs.db");
		const journal = journalOf(one, file);
		const written = journal === undefined ? nothing() : counted(journal);
		sweep();
		let events = 0;
		const used = await measure(async () => {
			events = await run(one, specs, journal);
		});
		await journal?.close();
		const bytes = one.journal === "sqlite" ? statSync(file).size : 0;
		return { ...used, events, ...written, bytes };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function journalOf({ journal }: DurableCase, file: string): Journal | undefined {
	if (journal === "memory") return memoryJournal();
	return journal === "sqlite" ? sqliteJournal(file) : undefined;
}

/** What a journal was given. */
interface Written {
	commits: number;
	append: number;
	text: number;
}

function nothing(): Written {
	return { commits: 0, append: 0, text: 0 };
}

/** Counts what is written, from outside of the journal. */
function counted(journal: Journal): Written {
	const written = nothing();
	const append = journal.append.bind(journal);
	journal.append = (entries, options) => {
		written.commits++;
		const started = performance.now();
		const answer = append(weighed(entries, written), options);
		written.append += (performance.now() - started) * 1000;
		return answer;
	};
	return written;
}

function* weighed(entries: Parameters<Journal["append"]>[0], written: Written) {
	for (const entry of entries) {
		for (const { body } of entry.records) written.text += body.length;
		yield entry;
	}
}

async function run(one: DurableCase, specs: readonly Spec[], journal: Journal | undefined): Promise<number> {
	const { concurrency, durability, output } = one;
	let calls = 0;
	const noop = defineAgent({
		name: "noop",
		run: async () => {
			calls++;
			return output?.();
		},
	});
	const agents: readonly AnyAgent[] = [noop];
	const swarm = createSwarm({
		agents,
		concurrency,
		...(journal !== undefined && { journal }),
		...(durability !== undefined && { durability }),
	});
	const outcome = await swarm.start({ nodes: specs }).result();
	await swarm.close();
	const { events } = outcome.stats;
	if (calls !== specs.length || completedIn(outcome) !== specs.length || events < 3 * specs.length)
		throw new Error(`${one.name}: ${calls} of ${specs.length} nodes ran, ${events} events`);
	return events;
}
