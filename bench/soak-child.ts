import { appendFileSync } from "node:fs";
import { importBuilt } from "./built.ts";
import type { AnyAgent } from "./product.ts";

/** What a process of the soak is told when it begins. */
export interface SoakTask {
	readonly file: string;
	readonly effects: string;
	readonly triggers: number;
	readonly intervalMs: number;
	readonly leaseMs: number;
	/** Nothing is due from then on; milliseconds since the Unix epoch. */
	readonly endAt: number;
}

/** What it says of itself. */
export type SoakNote =
	| { readonly kind: "status"; readonly leading: boolean; readonly cpuMs: number }
	| { readonly kind: "error"; readonly text: string };

/** What an agent did, as seen from outside of the library. */
export interface SoakEffect {
	readonly key: string;
	readonly run: string;
	readonly attempt: number;
	readonly pid: number;
	readonly at: number;
}

const STATUS_MS = 500;
const HISTORY = 10_000;

process.once("message", (task: SoakTask) => {
	void serve(task);
});

async function serve({ file, effects, triggers, intervalMs, leaseMs, endAt }: SoakTask): Promise<void> {
	const { createService, createSwarm, defineAgent, sqliteStore } =
		await importBuilt<typeof import("../src/index.js")>("index.js");
	const note: AnyAgent = defineAgent({
		name: "note",
		run: async ({ key }: { readonly key: string }, ctx) => {
			const effect: SoakEffect = { key, run: ctx.runId, attempt: ctx.attempt, pid: process.pid, at: Date.now() };
			// One write to a file that is only added to: processes do not mix their lines.
			appendFileSync(effects, `${JSON.stringify(effect)}\n`);
			return effect.at;
		},
	});
	const store = sqliteStore(file);
	const swarm = createSwarm({ agents: [note], journal: store.journal });
	const service = createService({
		store,
		swarm,
		lease: leaseMs,
		onError: (error) =>
			tell({ kind: "error", text: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
		onWarning: (text) => tell({ kind: "error", text }),
		triggers: Array.from({ length: triggers }, (_, at) => ({
			id: `t${at}`,
			on: { kind: "every", every: intervalMs, missed: "all", maxMissed: HISTORY },
			start: "note",
			overlap: "allow",
			maxRunning: HISTORY,
			history: HISTORY,
			endAt,
		})),
	});
	await service.start();
	const status = (): void => {
		const { user, system } = process.cpuUsage();
		tell({ kind: "status", leading: service.isLeading, cpuMs: (user + system) / 1_000 });
	};
	const telling = setInterval(status, STATUS_MS);
	process.once("SIGTERM", async () => {
		await service.stop();
		clearInterval(telling);
		status();
		await store.close();
		process.disconnect();
	});
	process.once("disconnect", () => process.exit());
}

function tell(note: SoakNote): void {
	// There is a channel: it is what the task came by.
	if (process.connected) process.send!(note);
}
