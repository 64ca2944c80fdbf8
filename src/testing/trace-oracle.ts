import type { NodeState, RunStatus } from "../core/lifecycle.js";
import type { Join, RunEvent, Wait } from "../graph/types.js";
import { type SlotBounds, SlotWatch } from "./slot-watch.js";

interface Traced {
	state: NodeState;
	join: Join;
	deps: Set<string>;
	attempt: number;
	started: boolean;
	/** The next start continues the attempt: it was parked. */
	parked: boolean;
	/** What it was parked for last. */
	wait: Wait | undefined;
	woken: boolean;
	eager: boolean;
	blocks: boolean;
	withheld: boolean;
	byFailure: boolean;
	completions: number;
	/** Its process died while it ran, and nothing was said of it since. */
	orphaned: boolean;
	/** Names of the steps that are recorded. */
	steps: Set<string> | undefined;
}

const TERMINAL = new Set<NodeState>(["completed", "failed", "skipped", "abandoned", "cancelled"]);

/**
 * Judges a run by its events alone, knowing nothing of the runtime's state: a state can look legal
 * although an outcome was taken with a stale lease. It remembers every lease that was granted and
 * says where numbers have gaps, a node starts before its join is satisfied or with a second lease, an
 * outcome counts twice or without a lease, a terminal state is left, an edge closes a cycle, work
 * starts in a pause or after the end, more runs than there are slots, a step is recorded twice, a
 * wait ends by what it was not for, a node goes on in a process that did not run it, or the run ends with
 * another status than its nodes tell.
 *
 * @param events - all events of one run, from the first
 * @param slots - with `concurrency` and `limits`: how much may run at a time
 * @returns what is wrong, each in one sentence; empty when nothing is
 *
 * @example
 * ```ts
 * import { GraphActor, type RunEvent } from "dagswarm";
 * import { judgeTrace } from "dagswarm/testing";
 *
 * const events: RunEvent[] = [];
 * const { handle } = GraphActor.create({
 *   nodes: [{ id: "a", agent: "work" }],
 *   journal: { append: (batch) => void events.push(...batch) },
 * });
 * const claimed = await handle.claim("a");
 * if (claimed.ok) await handle.complete(claimed.lease, 42);
 * judgeTrace(events); // []
 * ```
 */
export function judgeTrace(events: readonly RunEvent[], slots?: SlotBounds): string[] {
	const trace = new Trace();
	const watch = slots === undefined ? undefined : new SlotWatch(slots);
	for (const event of events) {
		trace.take(event);
		watch?.take("", event);
	}
	return watch === undefined ? trace.problems : [...trace.problems, ...watch.problems];
}

class Trace {
	readonly problems: string[] = [];
	readonly #nodes = new Map<string, Traced>();
	#seq = 0;
	#at = Number.NEGATIVE_INFINITY;
	#ended = false;
	#stopping: RunStatus | undefined;
	#paused = false;
	/** By a port that the run cannot do without. */
	#portFailed = false;
	#open = false;
	/** Of the process that writes; undefined where the trace does not tell. */
	#epoch: number | undefined;
	readonly #orphans = new Set<string>();
	readonly #keys = new Set<string>();

	take(event: RunEvent): void {
		if (event.seq !== this.#seq + 1) this.#wrong(event, `follows event ${this.#seq}`);
		if (event.at < this.#at) this.#wrong(event, "is stamped before the one it follows");
		if (this.#ended) this.#wrong(event, "comes after the end of the run");
		this.#seq = event.seq;
		this.#at = event.at;
		if (event.type === "patch.applied" && this.#keys.has(event.key))
			this.#wrong(event, `applies the key ${event.key} again`);
		if ("key" in event && event.key !== undefined) this.#keys.add(event.key);
		if (event.type.startsWith("run.")) this.#takeRun(event);
		else this.#takeNode(event);
	}

	#wrong(event: RunEvent, what: string): void {
		const node = "node" in event && event.node !== undefined ? ` of ${event.node}` : "";
		this.problems.push(`event ${event.seq} (${event.type}${node}) ${what}`);
	}

	#takeRun(event: RunEvent): void {
		if (event.type === "run.created") {
			this.#epoch = event.epoch;
			this.#open = event.open;
		}
		if (event.type === "run.closed") this.#open = false;
		if (event.type === "run.portFailed" && event.fail === true) this.#portFailed = true;
		if (event.type === "run.recovered") this.#recover(event);
		if (event.type === "run.paused") this.#paused = true;
		if (event.type === "run.resumed") this.#paused = false;
		if (event.type === "run.stopping") {
			this.#stopping = event.status;
			this.#paused = false;
		}
		if (event.type !== "run.ended") return;
		this.#ended = true;
		const states = [...this.#nodes.values()].map(({ state }) => state);
		if (states.includes("running")) this.#wrong(event, "ends a run in which a node runs");
		const over = states.every((state) => TERMINAL.has(state));
		const ended =
			event.status === "cancelled" || event.status === "timed_out" || (event.status === "failed" && this.#portFailed);
		if (ended) {
			if (!over) this.#wrong(event, `leaves open nodes as ${event.status}`);
			return;
		}
		if (states.includes("waiting")) this.#wrong(event, `ends a run as ${event.status} in which a node waits`);
		if (this.#open && this.#stopping === undefined) this.#wrong(event, "ends a run that is kept open");
		const due = this.#stopping ?? (over ? this.#verdict() : "stalled");
		if (event.status !== due) this.#wrong(event, `says ${event.status} of a run that has ${due}`);
	}

	/** Another process goes on: what ran is to be accounted for, and no function waits any more. */
	#recover(event: Extract<RunEvent, { type: "run.recovered" }>): void {
		if (event.epoch <= (this.#epoch ?? 0)) this.#wrong(event, `has epoch ${event.epoch} after ${this.#epoch}`);
		this.#epoch = event.epoch;
		for (const [id, node] of this.#nodes) {
			node.parked = false;
			if (node.state !== "running") continue;
			node.orphaned = true;
			this.#orphans.add(id);
		}
	}

	/** A run whose nodes have all ended has failed when one without dependents failed, or fell to a failure. */
	#verdict(): RunStatus {
		const waitedFor = new Set<string>();
		for (const { deps } of this.#nodes.values()) for (const id of deps) waitedFor.add(id);
		for (const [id, { byFailure, blocks }] of this.#nodes)
			if (!waitedFor.has(id) && (byFailure || blocks)) return "failed";
		return "completed";
	}

	#takeNode(event: RunEvent): void {
		if (event.type === "node.added") return this.#add(event);
		if (event.type === "edge.added" || event.type === "edge.removed") {
			const to = this.#find(event, event.to);
			const from = this.#find(event, event.from);
			if (to === undefined || from === undefined) return;
			// A node that is removed loses its edges whatever has become of its dependents.
			if (event.type === "edge.removed") return void to.deps.delete(event.from);
			if (to.started || TERMINAL.has(to.state))
				this.#wrong(event, `gives ${event.to} a dependency, and it is ${to.state}`);
			to.deps.add(event.from);
			if (this.#reaches(event.to, event.from, new Set())) this.#wrong(event, "closes a cycle");
			return;
		}
		if (!("node" in event) || event.node === undefined) return;
		const node = this.#find(event, event.node);
		if (node === undefined || event.type === "patch.rejected") return;
		// What a function that was told to stop has used counts, too.
		if (event.type === "node.charged")
			return void (node.started || this.#wrong(event, "is of a node that has not started"));
		if (TERMINAL.has(node.state)) this.#wrong(event, `happens to a node that is ${node.state}`);
		this.#account(event, event.node, node);
		this.#move(event, node);
	}

	/** What ran when its process died is interrupted, failed or asked about before anything else happens to it. */
	#account(event: RunEvent, id: string, node: Traced): void {
		const resume = event.type === "node.parked" && event.wait.kind === "approval" ? event.wait.resume : undefined;
		const crash = resume === "crash" || (event.type === "node.attemptFailed" && event.interrupted === "crash");
		if (crash && !node.orphaned) this.#wrong(event, "tells of a crash that was none");
		if (!node.orphaned) return;
		// Its own failure may be withheld, and that of another may end the whole run.
		const ends = event.type === "node.failed" || event.type === "node.cancelled" || event.type === "node.speculated";
		if (!crash && !ends) this.#wrong(event, "happens to a node whose process died");
		node.orphaned = false;
		this.#orphans.delete(id);
	}

	#add(event: Extract<RunEvent, { type: "node.added" }>): void {
		if (this.#nodes.has(event.node)) this.#wrong(event, "uses an id for the second time");
		const { spec } = event;
		const deps = new Set(Object.values(spec.dependsOn ?? []));
		for (const id of deps) this.#find(event, id);
		this.#nodes.set(event.node, {
			state: spec.speculative === "hold" ? "speculative" : "pending",
			join: spec.join ?? "all",
			deps,
			attempt: 0,
			started: false,
			parked: false,
			wait: undefined,
			woken: false,
			eager: spec.speculative === "eager",
			blocks: false,
			withheld: false,
			byFailure: false,
			completions: 0,
			orphaned: false,
			steps: undefined,
		});
	}

	#move(event: RunEvent, node: Traced): void {
		switch (event.type) {
			case "node.started":
				return this.#start(event, node);
			case "node.updated":
				if (node.started) this.#wrong(event, "updates a node that has started");
				node.join = event.spec.join ?? "all";
				return;
			case "node.completed":
				this.#outcome(event, node, event.attempt);
				if (++node.completions > 1) this.#wrong(event, "completes it again");
				node.state = "completed";
				return;
			case "node.failed":
				// A total time limit can end a node that waits, too.
				if (!node.started || event.attempt !== node.attempt) this.#wrong(event, "fails an attempt that is not its own");
				node.state = "failed";
				node.blocks = event.onFailure === "block";
				node.byFailure = !node.blocks;
				return;
			case "node.attemptFailed":
			case "node.parked":
				this.#outcome(event, node, event.attempt);
				node.state = "waiting";
				node.withheld = false;
				node.wait = event.type === "node.parked" ? event.wait : undefined;
				// A question from outside the attempt ends it.
				node.parked =
					event.type === "node.parked" && !(event.wait.kind === "approval" && event.wait.resume !== undefined);
				return;
			case "node.stepped":
				this.#outcome(event, node, event.attempt);
				node.steps ??= new Set();
				if (node.steps.has(event.name)) this.#wrong(event, `records the step ${event.name} again`);
				node.steps.add(event.name);
				return;
			case "node.steered":
				return;
			case "node.emitted":
				if (event.attempt !== node.attempt)
					this.#wrong(event, `is of attempt ${event.attempt}, and ${node.attempt} runs`);
				return;
			case "node.woken":
				if (node.state !== "waiting") this.#wrong(event, `wakes a node that is ${node.state}`);
				if (!endsWait(event, node.wait)) this.#wrong(event, "ends a wait by what it was not for");
				node.state = "ready";
				node.woken = true;
				return;
			case "node.speculated":
				if (event.outcome === undefined) {
					if (node.started) this.#wrong(event, "comes after it has started");
					node.eager = event.mode === "eager";
					node.state = event.mode === "hold" ? "speculative" : "pending";
					return;
				}
				if (!node.eager || !node.started) this.#wrong(event, "withholds the outcome of a node that is not eager");
				node.state = "speculative";
				node.withheld = true;
				return;
			case "node.confirmed":
				node.eager = false;
				if (node.state === "speculative" && !node.withheld) node.state = "pending";
				return;
			case "node.skipped":
				if (node.started) this.#wrong(event, "skips a node that has started");
				node.state = "skipped";
				node.byFailure = event.cause === "failure";
				return;
			case "node.abandoned":
				node.state = "abandoned";
				return;
			case "node.cancelled":
				node.state = "cancelled";
				return;
			default:
				this.#wrong(event, "is not about a node");
		}
	}

	#start(event: Extract<RunEvent, { type: "node.started" }>, node: Traced): void {
		if (node.state === "running") this.#wrong(event, "grants a second lease");
		if (this.#epoch !== undefined && event.epoch !== this.#epoch)
			this.#wrong(event, `has epoch ${event.epoch}, and the run ${this.#epoch}`);
		for (const id of this.#orphans) {
			this.#wrong(event, `comes before it is said what became of ${id}, whose process died`);
			this.#orphans.delete(id);
		}
		if (this.#paused) this.#wrong(event, "starts while the run is paused");
		// What ran when the budget was used up may end, with the waits that it makes.
		const ends = this.#stopping === "budget_exceeded" && node.parked;
		if (this.#stopping !== undefined && node.join !== "always" && !ends)
			this.#wrong(event, "starts after the run has failed");
		if (node.started ? !node.woken : node.state !== "pending" || !this.#isMet(node))
			this.#wrong(event, `starts a node that is not ready: ${node.state}, join ${JSON.stringify(node.join)}`);
		const next = node.parked ? node.attempt : node.attempt + 1;
		if (event.attempt !== next) this.#wrong(event, `is attempt ${event.attempt} and not ${next}`);
		node.state = "running";
		node.started = true;
		node.woken = false;
		node.parked = false;
		node.attempt = event.attempt;
	}

	/** An outcome counts with the live lease, or when one that was withheld is confirmed. */
	#outcome(event: RunEvent, node: Traced, attempt: number): void {
		const confirmed = node.withheld && !node.eager;
		if (node.state !== "running" && !confirmed) this.#wrong(event, `is an outcome of a node that is ${node.state}`);
		if (attempt !== node.attempt) this.#wrong(event, `is of attempt ${attempt}, and ${node.attempt} runs`);
	}

	#isMet(node: Traced): boolean {
		const deps = [...node.deps].map((id) => this.#nodes.get(id) as Traced);
		const ended = deps.every(({ state }) => TERMINAL.has(state));
		const ok = deps.filter(({ state }) => state === "completed").length;
		if (node.join === "all") return ok === deps.length;
		if (node.join === "settled" || node.join === "always") return ended;
		if (node.join === "failed") return deps.some(({ byFailure, blocks }) => byFailure || blocks);
		return ok >= Math.min(node.join === "any" ? 1 : node.join.atLeast, deps.length);
	}

	#reaches(from: string, to: string, seen: Set<string>): boolean {
		const open = [to];
		for (let id = open.pop(); id !== undefined; id = open.pop()) {
			if (id === from) return true;
			if (seen.has(id)) continue;
			seen.add(id);
			for (const dep of this.#nodes.get(id)?.deps ?? []) open.push(dep);
		}
		return false;
	}

	#find(event: RunEvent, id: string): Traced | undefined {
		const node = this.#nodes.get(id);
		if (node === undefined) this.#wrong(event, `names ${id}, which is not there`);
		return node;
	}
}

/** Whether a wait was for what has ended it. */
function endsWait({ wake, at }: Extract<RunEvent, { type: "node.woken" }>, wait: Wait | undefined): boolean {
	switch (wake.kind) {
		case "retry":
			return wait === undefined;
		case "timer":
			// A sleep that the runtime gives a name ends when what it is for is there.
			return wait?.kind === "sleep" && (wait.until <= at || wait.name !== undefined);
		case "expired":
			return wait !== undefined && wait.kind !== "sleep" && wait.until !== undefined && wait.until <= at;
		case "signal":
		case "child":
			return wait?.kind === wake.kind;
		case "approved":
			return wait?.kind === "approval" && (wait.choices?.includes(wake.data as string) ?? true);
		case "rejected":
			return wait?.kind === "approval";
	}
}
