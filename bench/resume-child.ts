import { type AnyAgent, createSwarm, defineAgent, sqliteJournal } from "./product.ts";
import { layered } from "./workloads.ts";

const RUN = "long";

const [what, file = "", size = "0"] = process.argv.slice(2);
console.log(JSON.stringify(what === "make" ? await make(Number(size)) : await recover(Number(size))));

/** Everything but one node, which waits, has ended when the process lets go of the run. */
async function make(nodes: number): Promise<{ readonly events: number }> {
	const { promise, resolve } = Promise.withResolvers<void>();
	const { swarm, journal } = open(resolve, nodes);
	const specs = [...layered(nodes), { id: "last", agent: "wait" }];
	const run = swarm.start({ nodes: specs }, { runId: RUN });
	await promise;
	await swarm.drain("1m");
	const outcome = await run.result();
	await journal.close();
	if (outcome.status !== "suspended") throw new Error(`the run to resume has ended ${outcome.status}`);
	return { events: outcome.stats.events };
}

async function recover(nodes: number): Promise<{ readonly wall: number; readonly opened: number }> {
	const started = performance.now();
	const { swarm, journal } = open(() => {}, nodes);
	const opened = performance.now();
	const run = await swarm.recover(RUN);
	const wall = performance.now() - opened;
	const { completed, waiting, ready } = run.snapshot().counts;
	await swarm.drain(0);
	await journal.close();
	if (completed !== nodes || waiting + ready !== 1)
		throw new Error(`${completed} of ${nodes} nodes have come back as completed`);
	return { wall: wall / 1000, opened: (opened - started) / 1000 };
}

function open(onAll: () => void, nodes: number) {
	let left = nodes;
	const noop = defineAgent({
		name: "noop",
		run: async () => {
			left--;
			if (left === 0) setImmediate(onAll);
		},
	});
	const wait = defineAgent({ name: "wait", run: (_: undefined, ctx) => ctx.waitForSignal("go") });
	const journal = sqliteJournal(file);
	const agents: readonly AnyAgent[] = [noop, wait];
	const swarm = createSwarm({
		agents,
		concurrency: 8,
		journal,
		durability: "relaxed",
		maxNodes: nodes + 1,
		maxPatchSize: nodes + 1,
	});
	return { swarm, journal };
}
