import { type AnyAgent, createSwarm, defineAgent, type NodeSpec, result, sqliteJournal, VirtualClock } from "dagswarm";
import { finish, pass } from "../swarm/fixture.js";
import { dagswarm } from "./fake-world.js";

/** When the sample runs begin: noon somewhere. */
const BEGIN = Date.UTC(2026, 10, 25, 12, 0, 0);

/** Agents that take a second of a clock that stands still else. */
export function sampleAgents(clock: VirtualClock) {
	const second = () => new Promise<void>((resolve) => clock.set(clock.now() + 1_000, resolve));
	const work = defineAgent({
		name: "work",
		run: async (input: unknown) => {
			await second();
			return { got: input ?? null };
		},
	});
	const load = defineAgent({
		name: "load",
		retry: { maxAttempts: 2, delay: 500 },
		run: async (): Promise<void> => {
			throw new Error("the disk\nis \u001b[31mfull", {
				cause: Object.assign(new Error("no space"), { code: "ENOSPC" }),
			});
		},
	});
	const review = defineAgent({
		name: "review",
		run: async (_: unknown, ctx) => ctx.requestApproval({ reason: "publish?", to: "editors", choices: ["yes", "no"] }),
	});
	const plan = defineAgent({
		name: "plan",
		run: async () => result("done", { nodes: [{ id: "planned", agent: "work" }] }),
	});
	const caller = defineAgent({ name: "caller", run: async (_: unknown, ctx) => ctx.call("work", 7) });
	return [work, load, review, plan, caller];
}

const ORDER: readonly NodeSpec[] = [
	{ id: "fetch", agent: "work", input: { url: "https://example.org" } },
	{ id: "check", agent: "work", dependsOn: ["fetch"] },
	{ id: "load", agent: "load", dependsOn: ["fetch", "check"] },
	{ id: "report", agent: "work", dependsOn: ["load", "check"] },
	{ id: "plan", agent: "plan" },
	{ id: "caller", agent: "caller", dependsOn: ["plan"] },
];

const NEWS: readonly NodeSpec[] = [
	{ id: "write", agent: "work" },
	{ id: "review", agent: "review", dependsOn: ["write"] },
	{ id: "publish", agent: "work", dependsOn: ["review"] },
];

/** A store with a run that failed (`order-7`, with one that it called), its fork, and one that waits and nobody has (`news-1`). */
export async function fillStore(file: string): Promise<VirtualClock> {
	const clock = new VirtualClock(BEGIN);
	const journal = sqliteJournal(file);
	const swarm = createSwarm<AnyAgent>({ agents: sampleAgents(clock), journal, clock });
	const metadata = { "dagswarm.project": "project.ts" };
	await finish(swarm.start({ nodes: ORDER }, { runId: "order-7", metadata }), clock);
	await finish(await swarm.fork("order-7", { runId: "order-8", reset: ["check"] }), clock);
	swarm.start({ nodes: NEWS }, { runId: "news-1" });
	await pass(clock, 60_000);
	const drained = swarm.drain(0);
	await pass(clock, 1_000);
	await drained;
	await journal.close();
	return clock;
}

/** Runs a command line on a store. */
export function onStore(file: string, clock: VirtualClock) {
	return (...args: string[]) => dagswarm(args, { clock, storeFile: file });
}

/** What a line of a report says, without the moments, which depend on where it is run. */
export function withoutTimes(text: string): string {
	return text.replaceAll(/\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?/g, "<day>").replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, "<time>");
}
