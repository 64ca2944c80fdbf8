import type { Canary } from "./canary.js";
import type { Layer } from "./layers.js";

/** A canary, and the layers that are there to find it: each within so many cases. */
export interface Planted extends Canary {
	readonly foundBy: Partial<Record<Layer, number>>;
	/** It takes a process that dies, or ports. */
	readonly deaths?: true;
	readonly ports?: true;
}

export const planted: readonly Planted[] = [
	{
		name: "a node is ready too early",
		edits: [
			{
				file: "graph/frontier.ts",
				find: "const plainlyWaits = nodes.join(n) === JOIN_ALL && nodes.open(n) > 0 &&",
				replace: "const plainlyWaits = nodes.join(n) === JOIN_ALL && nodes.open(n) > 1 &&",
			},
			{
				file: "graph/frontier.ts",
				find: "return open + nodes.blockFailed(n) === 0 ? MET : UNMET;\n\t\t}\n\t\treturn judgeCounts",
				replace: "return open + nodes.blockFailed(n) <= 1 ? MET : UNMET;\n\t\t}\n\t\treturn judgeCounts",
			},
		],
		foundBy: { trace: 10 },
	},
	{
		name: "an outcome is taken with a stale lease",
		edits: [
			{
				file: "graph/fence.ts",
				find: "\t\tnodes.lease(n) === lease.seq &&\n\t\tnodes.attempt(n) === lease.attempt &&\n",
				replace: "",
			},
		],
		foundBy: { calls: 400 },
	},
	{
		name: "a counter is off by one after removeEdge",
		edits: [
			{
				file: "graph/graph.ts",
				find: "\t\tedges.count--;\n\t\tthis.version++;\n\t\tnodes.count(to, nodes.counterOf(from), -1);",
				replace: "\t\tedges.count--;\n\t\tthis.version++;",
			},
		],
		foundBy: { invariants: 100 },
	},
	{
		name: "a split strands the dependents",
		edits: [
			{
				file: "graph/surgery.ts",
				find: "const refusal = moveDependents(tx, n, parts);\n\tif (refusal",
				replace: "const refusal = undefined as Refusal | undefined;\n\tif (refusal",
			},
		],
		foundBy: { model: 400 },
	},
	{
		name: "a rejected patch is half applied",
		edits: [
			{
				file: "graph/transaction.ts",
				find: "for (let i = this.#undo.length - 1; i >= to.undo; i--) this.#undo[i]?.();",
				replace: "for (let i = this.#undo.length - 1; i > to.undo; i--) this.#undo[i]?.();",
			},
		],
		foundBy: { model: 400, invariants: 200 },
	},
	{
		name: "a wake-up is lost after a limit is given back",
		edits: [
			{
				file: "scheduler/limit-grant.ts",
				find: "for (const share of this.#shares) leaveProbe(share);\n\t\tfor (const key of this.#keys) key.settle();",
				replace: "for (const share of this.#shares) leaveProbe(share);",
			},
		],
		foundBy: { liveness: 200 },
	},
	{
		name: "the time that a window waits for passes, and wakes nobody",
		edits: [
			{
				file: "scheduler/limit-key.ts",
				find: "this.#timer = undefined;\n\t\tthis.settle();",
				replace: "this.#timer = undefined;",
			},
		],
		foundBy: { liveness: 100 },
	},
	{
		name: "the incremental order lets a cycle through",
		edits: [
			{
				file: "graph/topology.ts",
				find: "if (met !== undefined) return this.#path(met[0], met[1]);",
				replace: "if (met !== undefined && this.forward.length > 1) return this.#path(met[0], met[1]);",
			},
		],
		foundBy: { model: 400 },
	},
	{
		name: "a terminal state is left",
		edits: [
			{
				file: "core/lifecycle.ts",
				find: 'completed: { type: "final" },\n\t\tfailed: { type: "final" },\n\t\tskipped: { type: "final" },',
				replace:
					'completed: { on: { CANCEL: "cancelled" } },\n\t\tfailed: { type: "final" },\n\t\tskipped: { type: "final" },',
			},
			{
				file: "graph/consequences.ts",
				find: "if (graph.isTerminal(n) || !goes(n)) continue;",
				replace: "if ((graph.isTerminal(n) && graph.outputs.get(n) === undefined) || !goes(n)) continue;",
			},
		],
		foundBy: { trace: 200 },
	},
	{
		name: "an outcome that arrives twice counts twice",
		edits: [
			{
				file: "graph/fence.ts",
				find: "\t\tnodes.state(n) === RUNNING &&\n\t\tnodes.lease(n) === lease.seq &&",
				replace: "\t\t(nodes.state(n) !== RUNNING || nodes.lease(n) === lease.seq) &&",
			},
			{
				file: "core/lifecycle.ts",
				find: 'completed: { type: "final" },\n\t\tfailed: { type: "final" },\n\t\tskipped: { type: "final" },',
				replace:
					'completed: { on: { COMPLETE: "completed" } },\n\t\tfailed: { type: "final" },\n\t\tskipped: { type: "final" },',
			},
		],
		foundBy: { trace: 100 },
	},
	{
		name: "a timer goes on after a cancel",
		edits: [
			{
				file: "graph/consequences.ts",
				find: '\t\ttx.batch.effects.push({ type: "abort", lease: leaseOf(tx, n), code });\n\t}\n\tclearTimers(tx, n);',
				replace: '\t\ttx.batch.effects.push({ type: "abort", lease: leaseOf(tx, n), code });\n\t}',
			},
		],
		foundBy: { timers: 100 },
	},
	{
		name: "a stall is declared while a timer waits",
		edits: [
			{
				file: "graph/state.ts",
				find: "return this.count(RUNNING) + this.count(READY) + (counts[WAITING] as number) - this.awaiting;",
				replace: "return this.count(RUNNING) + this.count(READY) + 0 * (counts[WAITING] as number);",
			},
			// A node that wakes after the end would be claimed over and over.
			{
				file: "graph/actor.ts",
				find: "if (this.state.ended) this.log.close();",
				replace: "if (this.state.ended) this.#timers.clearAll();\n\t\tif (this.state.ended) this.log.close();",
			},
		],
		foundBy: { trace: 50 },
	},
	{
		name: "an event is left out of the journal",
		edits: [
			{
				file: "graph/actor.ts",
				find: "taken = journal.append(this.#batch.list());",
				replace: 'taken = journal.append(this.#batch.list().filter(({ type }) => type !== "node.woken"));',
			},
		],
		foundBy: { trace: 20, fold: 20 },
	},
	{
		name: "a function is called before its start is accepted",
		edits: [
			{
				file: "graph/actor.ts",
				find: "\t/** @returns false when it waits for the journal */\n\t#commit(): boolean {\n",
				replace:
					"\t#commit(): boolean {\n\t\tconst { effects } = this.#batch;\n\t\tfor (let i = 0; i < effects.length; i++) carryOut(effects.at(i), this, this.#host, this.#timers, false);\n\t\teffects.truncate(0);\n",
			},
		],
		foundBy: { calls: 5 },
	},
	{
		name: "a retry does not wait for the function that timed out",
		edits: [
			{
				file: "active-run.ts",
				find: "return this.#parts.executor.isReturned(this, node, free);",
				replace: "this.#parts.executor.isReturned(this, node, free);\n\t\treturn true;",
			},
		],
		foundBy: { calls: 200 },
	},
	{
		name: "a limit lets one too many through",
		edits: [
			{
				file: "scheduler/limit-key.ts",
				find: "if (this.used + (heeds ? this.#promised : 0) >= this.settings.concurrency) return false;",
				replace: "if (this.used + (heeds ? this.#promised : 0) > this.settings.concurrency) return false;",
			},
		],
		foundBy: { slots: 100 },
	},
	{
		name: "nodes are skipped for a failure that nobody had",
		edits: [
			{
				file: "graph/consequences.ts",
				find: "const failure = graph.nodes.failed(n) > 0;",
				replace: "const failure = graph.nodes.failed(n) >= 0;",
			},
		],
		foundBy: { model: 400 },
	},
	{
		name: "the fold knows less than the state",
		edits: [
			{
				file: "graph/apply.ts",
				find: "return applyUpdated(state, n, event.spec, event.early);",
				replace: "return;",
			},
		],
		foundBy: { fold: 200 },
	},
	{
		name: "effects leave before their events are on the disk",
		edits: [
			{
				file: "journal/run-journal.ts",
				find: 'if (durability === "strict") {',
				replace: 'if (durability === ("none" as string)) {',
			},
		],
		foundBy: { calls: 400 },
		deaths: true,
	},
	{
		name: "what ran when the process died is left as it was",
		edits: [
			{
				file: "graph/resume.ts",
				find: "if (graph.nodes.state(n) === RUNNING) resume(tx, n, rules);",
				replace: "",
			},
		],
		foundBy: { trace: 50, liveness: 50 },
		deaths: true,
	},
	{
		name: "timers are not set anew in the next process",
		edits: [{ file: "graph/resume.ts", find: "\t\tsetTimers(tx, n, rules);\n", replace: "" }],
		foundBy: { liveness: 400 },
		deaths: true,
	},
	{
		name: "a snapshot leaves out what has changed",
		edits: [
			{
				file: "graph/image.ts",
				find: "const numbers = Array.from(Int32Array.from(this.#noted.list).sort());",
				replace: "const numbers: number[] = [];",
			},
		],
		foundBy: { recovery: 400 },
		deaths: true,
	},
	{
		name: "a parked function that is gone is taken for one that waits",
		edits: [{ file: "graph/decide.ts", find: " && extras.lost !== true;", replace: ";" }],
		foundBy: { trace: 400 },
		deaths: true,
	},
	{
		name: "an answer that is no choice is taken",
		edits: [
			{
				file: "graph/questions.ts",
				find: 'how.kind !== "approved" || choices.includes(how.data as string)',
				replace: 'how.kind !== "approved" || choices.length > 0',
			},
		],
		foundBy: { model: 200 },
	},
	{
		name: "a budget checks, and does not reserve",
		edits: [{ file: "ports/budget-account.ts", find: "\t\tthis.#reserved.add(amount);\n\t}", replace: "\t}" }],
		foundBy: { books: 50 },
		ports: true,
	},
	{
		name: "what an attempt had reserved is not given back when it is over",
		edits: [{ file: "run-budget.ts", find: "\t\tthis.#settle(spending, true);\n", replace: "" }],
		foundBy: { books: 50 },
		ports: true,
	},
	{
		name: "a critic still watches what is over",
		edits: [
			{
				file: "run-critic.ts",
				find: "if (this.#over) return;\n\t\tthis.#over = true;\n\t\tif (this.#timer !== undefined) this.clock.clear(this.#timer);",
				replace: "if (this.#over) return;\n\t\tthis.#over = true;",
			},
		],
		foundBy: { timers: 50 },
		ports: true,
	},
	{
		name: "a node that goes on stands in the list of what waits",
		edits: [{ file: "graph/waiting.ts", find: "\tstate.parked.delete(n);\n", replace: "" }],
		foundBy: { invariants: 100 },
	},
];
