import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { figure } from "./gauge.ts";
import { measure, type Sample, type Summary, settle, summarise, sweep } from "./measure.ts";
import { createService, createSwarm, defineAgent, memoryStore, type Store, sqliteStore } from "./product.ts";
import { printTable } from "./table.ts";

/** Handed in at a time, by callers that wait for the disk. */
const TOGETHER = 50;
const WARM_UPS = 1;
/** What an idle service has to look after. */
const IDLE_TRIGGERS = 1_000;
const IDLE_MS = 2_000;

interface ServiceCase {
	readonly name: string;
	readonly kind: "memory" | "sqlite";
	readonly put: "fire" | "submit";
}

const cases: readonly ServiceCase[] = [
	{ name: "memory, fired", kind: "memory", put: "fire" },
	{ name: "SQLite, fired", kind: "sqlite", put: "fire" },
	{ name: "SQLite, submitted", kind: "sqlite", put: "submit" },
];

export interface ServiceRow {
	readonly case: string;
	/** Microseconds for each occurrence, from the call to its end on the disk. */
	readonly cost: Summary;
}

export interface ServiceFigures {
	readonly occurrences: number;
	readonly rows: readonly ServiceRow[];
	/** Milliseconds of CPU a second: of a process that leads a thousand triggers which are not due, and of one that stands by. */
	readonly idle: { readonly leading: number; readonly standby: number } | undefined;
}

/** Lets a service start occurrences of one node that does nothing, in turns. */
export async function measureService(options: {
	readonly occurrences: number;
	readonly rounds: number;
	readonly idle: boolean;
}): Promise<ServiceFigures> {
	const { occurrences, rounds } = options;
	const samples = cases.map((): Sample[] => []);
	await settle();
	for (let round = 0; round < WARM_UPS + rounds; round++) {
		for (const [at, each] of cases.entries()) {
			sweep();
			samples[at]!.push(await withStore(each.kind, (store) => startAll(each, store, occurrences)));
		}
	}
	const rows = cases.map(({ name }, at) => ({ case: name, cost: summarise(samples[at]!.slice(-rounds), occurrences) }));
	return { occurrences, rows, idle: options.idle ? await idleCost() : undefined };
}

async function withStore<Value>(kind: ServiceCase["kind"], use: (store: Store) => Promise<Value>): Promise<Value> {
	if (kind === "memory") return use(memoryStore());
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-bench-"));
	const store = sqliteStore(join(folder, "service.db"));
	try {
		return await use(store);
	} finally {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	}
}

const work = defineAgent({ name: "work", run: async () => "done" });

async function startAll({ put }: ServiceCase, store: Store, count: number): Promise<Sample> {
	const swarm = createSwarm({ agents: [work], journal: store.journal, concurrency: TOGETHER });
	const triggers = [
		{ id: "t", on: { kind: "manual" }, start: "work", overlap: "allow", maxRunning: 10_000, history: 10_000 },
	] as const;
	const service = createService({ store, swarm, triggers });
	await service.start();
	const sample = await measure(async () => {
		for (let from = 0; from < count; from += TOGETHER) {
			const putting = Array.from({ length: Math.min(TOGETHER, count - from) }, (_, i) =>
				put === "fire" ? service.fire("t", { key: `k${from + i}` }) : service.submit("work", { key: `k${from + i}` }),
			);
			await Promise.all(putting);
		}
		// Waiting for each by itself would be measured, too.
		while ((await service.counts()).completed !== count) await delay(5);
	});
	await service.stop();
	return sample;
}

/** What nothing costs: a second of a leader with triggers that are due in an hour, and of a process that stands by. */
async function idleCost(): Promise<NonNullable<ServiceFigures["idle"]>> {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-bench-"));
	const file = join(folder, "service.db");
	const stores = [sqliteStore(file), sqliteStore(file)];
	const triggers = Array.from({ length: IDLE_TRIGGERS }, (_, i) => ({ id: `t${i}`, on: "1h", start: "work" }));
	const [leading, standby] = stores.map((store) =>
		createService({ store, swarm: createSwarm({ agents: [work], journal: store.journal }), triggers }),
	);
	await leading?.start();
	await calm();
	const one = await measure(() => delay(IDLE_MS));
	await standby?.start();
	await calm();
	const both = await measure(() => delay(IDLE_MS));
	await standby?.stop();
	await leading?.stop();
	for (const store of stores) await store.close();
	rmSync(folder, { recursive: true, force: true });
	return { leading: one.cpu / IDLE_MS, standby: Math.max(0, both.cpu - one.cpu) / IDLE_MS };
}

/** What starting, and the cases before, have left behind is not what idling costs. */
async function calm(): Promise<void> {
	await settle();
	await delay(IDLE_MS);
}

export function printService({ occurrences, rows, idle }: ServiceFigures): void {
	const cells = rows.map(({ case: name, cost }) => [
		name,
		figure(cost.best),
		figure(cost.median),
		figure(cost.wall),
		figure(1_000_000 / cost.wall),
	]);
	const heading = `a service, ${occurrences} occurrences of one node: CPU µs/occurrence`;
	printTable(heading, ["store", "best", "median", "wall", "a second"], cells);
	if (idle === undefined) return;
	const { leading, standby } = idle;
	console.log(
		`\nidle, with ${IDLE_TRIGGERS} triggers: CPU ms a second: ${figure(leading)} leading, ${figure(standby)} standing by`,
	);
}
