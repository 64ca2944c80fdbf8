import {
	type AnyAgent,
	countingIds,
	createSwarm,
	type Join,
	type NodeSpec,
	type RunEvent,
	type RunHandle,
	type RunOutcome,
	type Swarm,
	VirtualClock,
} from "dagswarm";
import { foldProblem } from "../../src/testing/fold.js";
import { judgeTrace } from "../../src/testing/trace-oracle.js";
import { Census, cast, GRACE_MS, type Orders, reshaping } from "./behaviour.js";

export interface RawNode {
	readonly deps: readonly number[];
	readonly join: number;
	readonly policy: number;
	readonly limits: number;
	readonly plan: readonly number[];
}

export interface RawSimulation {
	readonly concurrency: number;
	readonly runs: readonly { readonly nodes: readonly RawNode[]; readonly options: number }[];
	/** What happens from outside, and at which turn of the event loop. */
	readonly meddling: readonly {
		readonly turn: number;
		readonly run: number;
		readonly kind: number;
		readonly arg: number;
	}[];
}

/** A run that has not ended after so many turns never will. */
const MAX_TURNS = 4_000;

const LIMITS = { x: 1, y: 2 };

interface Watched {
	readonly handle: RunHandle;
	readonly events: readonly RunEvent[];
	outcome?: RunOutcome;
	cancelled: boolean;
}

/** A swarm on a virtual clock, driven turn by turn until every run has ended. */
export class Simulation {
	readonly clock = new VirtualClock(1_000);
	readonly census: Census;
	readonly runs: Watched[] = [];
	readonly #journals = new Map<string, RunEvent[]>();
	readonly #swarm: Swarm;
	readonly #problems: string[] = [];

	constructor(readonly raw: RawSimulation) {
		this.census = new Census(this.clock, raw.concurrency, LIMITS);
		this.#swarm = createSwarm<AnyAgent>({
			agents: cast(this.census),
			concurrency: raw.concurrency,
			limits: LIMITS,
			clock: this.clock,
			ids: countingIds(),
			check: "full",
			grace: GRACE_MS,
			seed: 7,
			maxDepth: 4,
			journal: (run) => ({ append: (events) => void this.#journals.get(run)?.push(...events) }),
		});
	}

	async play(): Promise<void> {
		this.raw.runs.forEach((run, i) => {
			this.#start(`r${i}`, run.nodes, run.options);
		});
		let idle = 0;
		for (let turn = 0; turn < MAX_TURNS && this.runs.some(({ outcome }) => outcome === undefined); turn++) {
			// At turn 0 nothing has been called yet, and a request is not waited for: the next one may overtake it.
			for (const act of this.raw.meddling) {
				if (act.turn !== turn) continue;
				void this.#meddle(act);
				idle = 0;
			}
			await turned();
			// Timers go off one at a time, with a turn of the event loop between them.
			idle = this.clock.step() ? 0 : idle + 1;
			if (idle === 3) this.#checkAwake();
			if (idle > 3) this.#nudge(idle);
			if (idle > 40) break;
		}
		for (const { outcome, handle } of this.runs) {
			if (outcome !== undefined) continue;
			const stuck = [...handle.snapshot().nodes()].map(({ id }) => handle.explain(id));
			this.#problems.push(`${handle.id} is stuck, ${handle.snapshot().status}: ${JSON.stringify(stuck, undefined, 1)}`);
		}
	}

	#start(id: string, raw: readonly RawNode[], options: number): void {
		const events: RunEvent[] = [];
		this.#journals.set(id, events);
		const handle = this.#swarm.start(
			{ nodes: raw.map((node, i) => specOf(node, i)) },
			{
				runId: id,
				...(options % 7 === 6 && { open: true }),
				...(options % 11 === 10 && { deadline: 60 }),
				...(options % 5 === 4 && { concurrency: 1 }),
				...(options % 13 === 12 && { onStall: { agent: "work", input: { plan: [], limits: [], limited: false } } }),
			},
		);
		const watched: Watched = { handle, events, cancelled: false };
		this.runs.push(watched);
		void handle.result().then((outcome) => {
			watched.outcome = outcome;
		});
	}

	/** Nothing moves and no timer is set: then nothing may be ready, unless its run is paused. */
	#checkAwake(): void {
		if (!this.census.idle) return;
		for (const { handle } of this.runs) {
			const { status, counts } = handle.snapshot();
			if (status !== "paused" && counts.ready > 0)
				this.#problems.push(`${handle.id} sleeps, and ${counts.ready} are ready`);
		}
	}

	/** What a person does who waits and nothing happens: what was stopped by them goes on. */
	#nudge(idle: number): void {
		for (const { handle, outcome } of this.runs) {
			if (outcome !== undefined) continue;
			const { status } = handle.snapshot();
			if (status === "paused") handle.resume().catch(ignore);
			else if (idle > 6) handle.close().catch(ignore);
		}
	}

	async #meddle({ run, kind, arg }: RawSimulation["meddling"][number]): Promise<void> {
		const watched = this.runs[run % this.runs.length] as Watched;
		const { handle } = watched;
		const ids = [...handle.snapshot().nodes()].map(({ id }) => id);
		const pick = ids[arg % ids.length] ?? "nobody";
		const child: Orders = { plan: [arg % 200], limits: [], limited: false };
		// Refusals are part of it; they must only leave no trace.
		switch (kind % 10) {
			case 0:
				if (arg % 4 > 0) return;
				watched.cancelled = true;
				void handle.cancel("meddling");
				return;
			case 1:
				return handle.pause().catch(ignore);
			case 2:
				return handle.resume().catch(ignore);
			case 3:
				return handle.signal(`s${arg % 2}`, arg).catch(ignore);
			case 4:
				return handle.approve(pick).catch(ignore);
			case 5:
				return handle.reject(pick).catch(ignore);
			case 6:
				return handle
					.mutate([{ type: "addNode", node: { agent: "work", input: child, dependsOn: [pick] } }])
					.catch(ignore);
			default:
				return handle.mutate(reshaping(arg, pick, ids[(arg + kind) % ids.length] ?? "nobody")).catch(ignore);
		}
	}

	/** Everything that is not as it should be, in words. */
	problems(): string[] {
		const found = [...this.#problems, ...this.census.problems];
		for (const run of this.runs) {
			if (run.outcome === undefined) continue;
			found.push(...judgeTrace(run.events));
			const fold = foldProblem(run.events, run.handle.snapshot());
			if (fold !== undefined) found.push(fold);
			const status = statusProblem(run, run.outcome);
			if (status !== undefined) found.push(status);
		}
		if (found.length === 0 && this.#swarm.runs().length > 0) found.push("the swarm holds a run that has ended");
		return found;
	}

	story(): string {
		const lines = this.runs.flatMap(({ handle, events }) =>
			events.map((event) => `${handle.id} ${JSON.stringify(event, withoutStack)}`),
		);
		return lines.join("\n");
	}
}

function ignore(): void {}

/** A stack tells how the event loop came by, which is not the swarm's doing. */
function withoutStack(key: string, value: unknown): unknown {
	return key === "stack" ? undefined : value;
}

/** A turn of the event loop: all promises that can settle have settled. */
function turned(): Promise<void> {
	return new Promise((resolve) => {
		setImmediate(resolve);
	});
}

function specOf({ deps, join, policy, limits, plan }: RawNode, i: number): NodeSpec {
	const dependsOn = i === 0 ? [] : [...new Set(deps.map((dep) => `n${dep % i}`))];
	const joins: (Join | undefined)[] = [undefined, undefined, undefined, undefined, "any", "settled", "always"];
	if (dependsOn.length > 0) joins.push("failed", { atLeast: dependsOn.length });
	const chosen = joins[join % joins.length];
	const names = [[], [], [], ["x"], ["y"], ["x", "y"]][limits % 6] as string[];
	const limited = policy % 4 === 3;
	const orders: Orders = { plan, limits: names, limited };
	return {
		id: `n${i}`,
		agent: limits % 5 === 4 ? "prompt" : "work",
		input: orders,
		...(dependsOn.length > 0 && { dependsOn }),
		...(chosen !== undefined && { join: chosen }),
		...(limits % 7 === 6 && { priority: limits }),
		...(names.length > 0 && { limits: names }),
		...(policy % 3 === 2 && { retry: { maxAttempts: 3, delay: policy % 2 === 0 ? 0 : 15, jitter: 0.5 } }),
		...(limited && { timeout: policy % 8 === 7 ? { attempt: 25, total: 60 } : 30 }),
		...(policy % 10 === 9 && { onFailure: policy % 20 === 9 ? "block" : "failRun" }),
		...(policy % 17 === 16 && { speculative: policy % 2 === 0 ? "hold" : "eager" }),
		...(policy % 6 === 5 && { onPatchRejected: "complete" }),
	};
}

/** Whether a run ended as SEMANTICS 3 says. */
function statusProblem({ handle, events, cancelled }: Watched, outcome: RunOutcome): string | undefined {
	const nodes = [...handle.snapshot().nodes()];
	const last = events.at(-1);
	if (last?.type !== "run.ended" || last.status !== outcome.status)
		return `${handle.id} is ${outcome.status} (${outcome.reason}) after ${last?.type}`;
	const open = nodes.some(({ state }) => ["pending", "ready", "running", "waiting", "speculative"].includes(state));
	const waitedFor = new Set(nodes.flatMap(({ dependsOn }) => dependsOn));
	const sinks = nodes.filter(({ id }) => !waitedFor.has(id));
	const bad = sinks.some(({ state, skipped }) => state === "failed" || skipped?.cause === "failure");
	const stopped = events.some(({ type }) => type === "run.stopping");
	const due = stopped ? "failed" : open ? "stalled" : bad ? "failed" : "completed";
	const early = outcome.status === "cancelled" ? cancelled : outcome.status === "timed_out";
	if (!early && outcome.status !== due) return `${handle.id} is ${outcome.status} and not ${due}`;
	const outputs = sinks.filter(({ state }) => state === "completed").map(({ id }) => id);
	if (Object.keys(outcome.outputs).sort().join() !== outputs.sort().join())
		return `${handle.id} has outputs of ${Object.keys(outcome.outputs).join()} and not ${outputs.join()}`;
	return undefined;
}
