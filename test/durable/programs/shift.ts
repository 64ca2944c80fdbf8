import { createInterface } from "node:readline";
import {
	type AgentContext,
	type AnyAgent,
	type Clock,
	createSwarm,
	type Durability,
	type Duration,
	defineAgent,
	type NodeSpec,
	type ResumePolicy,
	type RunHandle,
	SwarmError,
	sqliteJournal,
	systemClock,
} from "dagswarm";
import { effectsFile } from "./effects.js";
import { die } from "./kills.js";

/** What this process is told by its argument; what follows it is told line by line. */
export interface ShiftTask {
	readonly file: string;
	readonly effects: string;
	readonly durability: Durability;
	readonly nodes: readonly NodeSpec[];
	/** How long a drain may take. */
	readonly within: Duration;
	/** Milliseconds by which this process's clock is ahead. */
	readonly clockShift?: number;
}

/*
 * A process that does what it is told on its input, and says on its output what came of it:
 *
 * - `start <run>` and `recover <run>`: `did …` or `refused CODE: message`, then `event <type> <node>` for each event,
 *   and `result <json>`
 * - `approve <run> <node>`, `reject <run> <node>`
 * - `go`: opens the gates at which agents wait
 * - `end`: ends the process with whatever it runs
 *
 * Told to end by a signal it drains, says `draining` and `drained`, and ends by itself.
 */
const { file, effects, durability, nodes, within, clockShift = 0 } = JSON.parse(process.argv[2] ?? "") as ShiftTask;
const note = effectsFile(effects);
const gates: (() => void)[] = [];
const handles = new Map<string, RunHandle>();

function agent(
	name: string,
	work: (input: unknown, ctx: AgentContext) => Promise<unknown>,
	onResume: ResumePolicy = "retry",
): AnyAgent {
	return defineAgent({
		name,
		onResume,
		run: async (input: unknown, ctx) => {
			note("start", ctx.nodeId, ctx.attempt, ctx.resumed ? ["resumed"] : []);
			say(`start ${ctx.nodeId} ${ctx.attempt}`);
			const output = await work(input, ctx);
			note("end", ctx.nodeId, ctx.attempt);
			return output;
		},
	});
}

const agents = [
	agent("work", async (input) => input),
	agent("gated", async (input) => {
		await new Promise<void>((open) => gates.push(open));
		return input;
	}),
	// Never returns, but where another process let go of it.
	agent("stubborn", (input, ctx) => (ctx.resumed ? Promise.resolve(input) : new Promise(() => {}))),
	agent("deadly", async () => die()),
	agent("careful", async () => die(), "fail"),
	agent("cautious", async (input, ctx) => (ctx.resumed ? input : die()), "ask"),
	agent("sleeper", async (input, ctx) => {
		await ctx.sleep(Number(input));
		return input;
	}),
];
/** That of a machine whose time is another one. */
const clock: Clock = {
	...systemClock,
	now: () => systemClock.now() + clockShift,
	set: (due, fire) => systemClock.set(due - clockShift, fire),
};
const journal = sqliteJournal(file);
const swarm = createSwarm({ agents, journal, durability, concurrency: 4, grace: 50, clock });

const orders: Readonly<Record<string, (run: string, node: string) => unknown>> = {
	start: (run) => follow(swarm.start({ nodes }, { runId: run })),
	recover: async (run) => follow(await swarm.recover(run)),
	approve: (run, node) => handles.get(run)?.approve(node, { by: "somebody" }),
	reject: (run, node) => handles.get(run)?.reject(node, { by: "somebody", reason: "no more" }),
	go: () => {
		for (const open of gates.splice(0)) open();
	},
	end: () => process.exit(0),
};

function follow(handle: RunHandle): void {
	handles.set(handle.id, handle);
	void read(handle);
	void handle.result().then((outcome) => {
		say(`result ${JSON.stringify(outcome)}`);
		// Nothing is left to be told: the process ends unless the library keeps it.
		if (swarm.runs().length === 0) input.close();
	});
}

async function read(handle: RunHandle): Promise<void> {
	try {
		for await (const event of handle.events()) say(`event ${event.type} ${"node" in event ? event.node : ""}`);
	} catch (error) {
		say(`events end with ${SwarmError.is(error) ? error.code : String(error)}`);
	}
}

async function obey(line: string): Promise<void> {
	const [order = "", run = "", node = ""] = line.split(" ");
	try {
		await orders[order]?.(run, node);
		say(`did ${line}`);
	} catch (error) {
		say(`refused ${SwarmError.is(error) ? `${error.code}: ${error.message}` : String(error)}`);
	}
}

function say(line: string): void {
	process.stdout.write(`${line}\n`);
}

const input = createInterface({ input: process.stdin });
// One after the other: an order may be about what the one before it did.
let obeyed = Promise.resolve();
input.on("line", (line) => {
	obeyed = obeyed.then(() => obey(line));
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
	process.once(signal, () => {
		void swarm.drain(within).then(() => {
			say("drained");
			input.close();
		});
		say("draining");
	});
}
say("there");
