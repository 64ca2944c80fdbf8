import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { figure, type Gauges } from "./gauge.ts";
import { liveBytes, measure, type Sample, type Summary, settle, summarise, sweep } from "./measure.ts";
import { createSwarm, defineAgent, type RunHandle, toReadableStream } from "./product.ts";
import { printTable } from "./table.ts";

const NODES = 100;
const READERS = 3;
const WARM_UPS = 3;
/** What the goal asks for. */
const PER_SECOND = 10_000;
const LIMIT_US = 5;

/** Somebody who looks at a run; resolves when he has seen it end. */
type Watch = (run: RunHandle) => Promise<number>;

interface StreamingCase {
	readonly name: string;
	readonly watch: readonly Watch[];
	/** Milliseconds from one chunk of each node to the next; without it the next turn of the event loop. */
	readonly pace?: number;
	readonly progress?: boolean;
	/** Chunks that each of them sees. */
	readonly share: number;
	readonly limited?: boolean;
}

const threeTimes = (watch: Watch): Watch[] => Array.from({ length: READERS }, () => watch);
const chunks: Watch = (run) => count(run.chunks());
const pace = (NODES * 1000) / PER_SECOND;

const cases: readonly StreamingCase[] = [
	{ name: "nobody reads", watch: [], share: 0 },
	{ name: "1 reader", watch: [chunks], share: 1 },
	{ name: "3 readers", watch: threeTimes(chunks), share: 1, limited: true },
	{ name: "3 readers, 10,000 chunks/s", watch: threeTimes(chunks), share: 1, pace, limited: true },
	{
		name: "3 readers of one node each",
		watch: [nodeReader("n0"), nodeReader("n1"), nodeReader("n2")],
		share: 1 / NODES,
	},
	{
		name: "3 readers of events and chunks",
		watch: threeTimes((run) => count(run.stream({ types: ["chunk"] }))),
		share: 1,
	},
	{ name: "3 web streams", watch: threeTimes((run) => count(toReadableStream(run.chunks()))), share: 1 },
	{ name: "a view that shows progress", watch: [viewer], share: 0, progress: true },
];

function nodeReader(node: string): Watch {
	return (run) => count(run.chunks({ node }));
}

async function viewer(run: RunHandle): Promise<number> {
	let patches = 0;
	const off = run.view().onPatch((all) => {
		patches += all.length;
	});
	await run.result();
	off();
	if (patches < NODES) throw new Error(`the view had only ${patches} patches`);
	return 0;
}

async function count(items: AsyncIterable<unknown>): Promise<number> {
	let seen = 0;
	for await (const _ of items) seen++;
	return seen;
}

export interface StreamingRow {
	readonly case: string;
	/** Microseconds per chunk, everybody who reads included. */
	readonly cost: Summary;
	readonly limited: boolean;
}

export interface StreamingFigures {
	readonly chunks: number;
	readonly rows: readonly StreamingRow[];
	/** What a run holds after all chunks more than after the first ones, with readers that have stopped reading. */
	readonly heldBytes: number;
}

/** Lets a hundred nodes emit, with different readers, in turns. */
export async function measureStreaming(options: {
	readonly chunks: number;
	readonly rounds: number;
}): Promise<StreamingFigures> {
	const { rounds } = options;
	const perNode = Math.ceil(options.chunks / NODES);
	const samples = cases.map((): Sample[] => []);
	await settle();
	for (let round = 0; round < (perNode < 100 ? 1 : WARM_UPS) + rounds; round++) {
		for (const [at, each] of cases.entries()) {
			// A second of it is enough.
			const turns = each.pace === undefined ? perNode : Math.min(perNode, 1000 / each.pace);
			sweep();
			const sample = await measure(() => emitAll(each, turns));
			const perChunk = { cpu: sample.cpu / (turns * NODES), wall: sample.wall / (turns * NODES) };
			samples[at]!.push(perChunk);
		}
	}
	const rows = cases.map(({ name, limited }, at) => ({
		case: name,
		cost: summarise(samples[at]!.slice(-rounds), 1),
		limited: limited === true,
	}));
	return { chunks: perNode * NODES, rows, heldBytes: await heldBytes(perNode) };
}

type Emit = (chunk: unknown) => void;

/** Nodes that emit when they are told, and end when they are told. */
function chorus() {
	const emits: Emit[] = [];
	const end = Promise.withResolvers<void>();
	const agent = defineAgent({
		name: "speak",
		run: (_: undefined, ctx) => {
			emits.push((chunk) => ctx.emit(chunk));
			return end.promise;
		},
	});
	const swarm = createSwarm({ agents: [agent], concurrency: NODES });
	const run = swarm.start({ nodes: Array.from({ length: NODES }, (_, n) => ({ id: `n${n}`, agent: "speak" })) });
	return { run, swarm, emits, end: end.resolve };
}

async function emitAll({ watch, pace: ms, progress, share }: StreamingCase, turns: number): Promise<void> {
	const { run, swarm, emits, end } = chorus();
	const seen = watch.map((each) => each(run));
	while (emits.length < NODES) await turn();
	let due = performance.now();
	for (let i = 0; i < turns; i++) {
		for (const emit of emits) emit(progress === true ? { done: i, total: turns } : "token ");
		if (ms === undefined) await turn();
		else {
			due += ms;
			await delay(Math.max(0, due - performance.now()));
		}
	}
	end();
	for (const one of await Promise.all(seen)) {
		if (one !== turns * NODES * share) throw new Error(`a reader saw ${one} chunks of ${turns * NODES}`);
	}
	await run.result();
	await swarm.close();
}

/** What readers that have stopped cost the run that they read. */
async function heldBytes(perNode: number): Promise<number> {
	const { run, swarm, emits, end } = chorus();
	const stopped = Array.from({ length: READERS }, () => run.chunks({ onLag: "skip" }));
	while (emits.length < NODES) await turn();
	for (const emit of emits) emit("token ");
	for (const reader of stopped) await reader.next();
	const before = await liveBytes();
	for (let i = 0; i < perNode; i++) {
		for (const emit of emits) emit(`token ${i}`);
		await turn();
	}
	const held = (await liveBytes()) - before;
	end();
	await run.result();
	await swarm.close();
	return held;
}

export function printStreaming({ chunks: total, rows, heldBytes: held }: StreamingFigures, gauges: Gauges): void {
	const cells = rows.map(({ case: name, cost, limited }) => [
		name,
		figure(cost.best),
		figure(cost.median),
		figure(cost.wall),
		limited ? gauges.judge(`a chunk, ${name}`, cost.median, LIMIT_US, "µs") : "",
	]);
	const heading = `chunks of ${NODES} nodes: CPU µs/chunk, readers included`;
	printTable(heading, ["who reads", "best", "median", "wall", ""], cells);
	console.log(
		`\nkept after ${total.toLocaleString("en-US")} chunks, with ${READERS} readers that stopped: ${figure(held / 1e6)} MB`,
	);
}
