import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import {
	type AgentContext,
	createService,
	createSwarm,
	type Duration,
	defineAgent,
	SwarmError,
	sqliteStore,
} from "dagswarm";

/** What this process is told by its argument; what follows it is told line by line. */
export interface ServiceTask {
	readonly file: string;
	readonly effects: string;
	readonly lease: Duration;
	/** How long what runs may go on after the first signal. */
	readonly grace: Duration;
	/** So many triggers that start every `every` milliseconds until `endAt`. */
	readonly triggers: number;
	readonly every: number;
	readonly endAt: number;
	/** False: it only hands in. */
	readonly serves: boolean;
}

/*
 * A process of a service that does what it is told on its input, and says on its output what came of it:
 *
 * - `submit <key> <agent>` and `cancel <key>`: `did …` or `refused CODE: message`
 * - `go`: opens the gates at which agents wait
 * - `halt`: stops the process where it is, which holds nothing of the file at that moment
 *
 * Told to end by a signal it stops its service, and at once when it is told again; it says `stopping` and `stopped`, and ends
 * by itself.
 */
const { file, effects, lease, grace, triggers, every, endAt, serves } = JSON.parse(
	process.argv[2] ?? "",
) as ServiceTask;
const gates: (() => void)[] = [];

function note({ key }: { readonly key: string }, ctx: AgentContext): string {
	const effect = { key, run: ctx.runId, attempt: ctx.attempt, pid: process.pid, at: Date.now() };
	appendFileSync(effects, `${JSON.stringify(effect)}\n`);
	return key;
}

const store = sqliteStore(file);
const swarm = createSwarm({
	agents: [
		defineAgent({ name: "note", run: async (info: { readonly key: string }, ctx) => note(info, ctx) }),
		defineAgent({
			name: "gated",
			run: (info: { readonly key: string }, ctx) =>
				new Promise<string>((open, give) => {
					gates.push(() => open(info.key));
					ctx.signal.addEventListener("abort", () => give(ctx.signal.reason));
					note(info, ctx);
					say(`gated ${info.key}`);
				}),
		}),
	],
	journal: store.journal,
});
const service = createService({
	store,
	swarm,
	lease,
	triggers: Array.from({ length: triggers }, (_, at) => ({
		id: `t${at}`,
		on: { kind: "every", every, missed: "all", maxMissed: 10_000 },
		start: "note",
		overlap: "allow",
		history: 10_000,
		endAt,
	})),
	onError: (error) => say(`error ${String(error)}`),
	onWarning: (text) => say(`warning ${text}`),
});

const orders: Readonly<Record<string, (key: string, agent: string) => unknown>> = {
	submit: (key, agent) => service.submit(agent, { key }),
	cancel: (key) => service.cancel(key, "enough"),
	go: () => {
		for (const open of gates.splice(0)) open();
	},
	halt: () => process.kill(process.pid, "SIGSTOP"),
};

function say(line: string): void {
	process.stdout.write(`${line}\n`);
}

const input = createInterface({ input: process.stdin });
input.on("line", async (line) => {
	const [order = "", key = "", agent = ""] = line.split(" ");
	try {
		await orders[order]?.(key, agent);
		say(`did ${line}`);
	} catch (error) {
		say(`refused ${SwarmError.is(error) ? `${error.code}: ${error.message}` : String(error)}`);
	}
});

let isStopping = false;
process.on("SIGTERM", async () => {
	if (isStopping) return void service.abort();
	isStopping = true;
	say("stopping");
	await service.stop({ grace });
	await store.close();
	say("stopped");
	input.close();
});
if (serves) await service.start();
say("there");
