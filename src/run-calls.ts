import type { ActiveRun } from "./active-run.js";
import { type ChildWake, callEnd } from "./call-end.js";
import { CallGroup } from "./call-group.js";
import type { Timer } from "./core/clock.js";
import { errorInfo, SwarmError } from "./core/errors.js";
import type { NodeId, RunId } from "./core/ids.js";
import { isThenable } from "./core/thenable.js";
import type { Attempt } from "./executor/attempt.js";
import { type CallPort, type CallRequest, isMember, memberRun, type Tool } from "./executor/calls.js";
import { WAITING } from "./graph/node-table.js";
import type { RefusedCall, Wait } from "./graph/types.js";
import type { RunSummary } from "./journal/journal.js";
import type { RunHandle } from "./run.js";
import type { RunOptions } from "./run-settings.js";
import type { GraphSpec, ParentCall, RecoverOptions } from "./swarm-options.js";
import type { SwarmParts } from "./swarm-parts.js";
import type { Toolbox } from "./toolbox.js";

/** The swarm, as the calls of its runs need it. */
export interface CallHost {
	readonly toolbox: Toolbox;
	/** Calls of calls at most. */
	readonly maxDepth: number;
	/** Whether runs may still begin here. */
	readonly isOpen: boolean;
	/** A run that goes on here. */
	active(run: RunId): RunHandle | undefined;
	begin(run: RunId, graph: GraphSpec, options: RunOptions): RunHandle;
	/** Ends nothing: whoever has the parent may go on with it. */
	letGo(run: RunId): void;
	/** A run that the journal has: as it ended, or brought back. */
	recover(run: RunId, options: RecoverOptions): Promise<RunHandle>;
	/** Runs that go on here, and were called by a run. */
	calledBy(run: RunId): readonly RunHandle[];
}

/** How long it may take to find out that the process is gone in which a called run went on. */
const LOOK_AGAIN_MS = 15_000;

/** A call as the journal tells it: what was called with is in the child run. */
type Awaited = Pick<CallRequest, "run" | "node" | "name"> & {
	/** Of a call that was made together with others. */
	readonly ended?: (end: ChildWake) => void;
};

/** The runs that the nodes of one run have called, and wait for. */
export class RunCalls implements CallPort {
	readonly #parent: ActiveRun;
	readonly #parts: SwarmParts;
	readonly #host: CallHost;
	/** By the node that waits for them. */
	readonly #children = new Map<NodeId, Map<RunId, RunHandle>>();
	/** Calls whose runs go on in other processes, likewise. */
	readonly #elsewhere = new Map<NodeId, Map<RunId, Timer>>();

	#how: RecoverOptions = {};

	constructor(parent: ActiveRun, parts: SwarmParts, host: CallHost) {
		this.#parent = parent;
		this.#parts = parts;
		this.#host = host;
	}

	tools(attempt: Attempt): readonly Tool[] {
		return this.#host.toolbox.for(this.#palette(attempt));
	}

	admit(attempt: Attempt, name: string, input: unknown): unknown {
		const { toolbox, maxDepth } = this.#host;
		const { node } = attempt.lease;
		toolbox.assertAllowed(name, this.#palette(attempt));
		const depth = this.#parent.info.ancestors.length + 1;
		if (depth > maxDepth) {
			throw new SwarmError("LIMIT_EXCEEDED", `a call of "${name}" would be ${depth} calls deep`, {
				nodes: [node],
				hint: `maxCallDepth is ${maxDepth}`,
			});
		}
		return toolbox.admit(name, input, node);
	}

	/** What an attempt may call; undefined without a palette. A palette that fails is the host's fault: the run says so, too. */
	#palette({ lease, agent }: Attempt): readonly string[] | undefined {
		const palette = this.#parts.options.ports?.palette;
		const guard = palette && this.#parent.control?.guard("palette");
		if (palette === undefined || guard === undefined) return undefined;
		const { info: run } = this.#parent;
		const known = this.#host.toolbox.names;
		const caller = { run, node: lease.node, agent: agent.name, attempt: lease.attempt, known };
		const asked = guard.ask("tools", () => listOf(palette.tools(caller)));
		// A list is no promise: it was answered at once.
		if ("then" in asked) throw new SwarmError("INTERNAL", "a palette answers later");
		if (asked.ok) return asked.value;
		throw asked.error;
	}

	begin(call: CallRequest): void {
		void this.#seek(call, () => this.#start(call));
	}

	beginAll({ run, node }: Pick<CallRequest, "run" | "node">, calls: readonly (CallRequest | RefusedCall)[]): void {
		const group = this.#group(run, node, calls.length);
		for (const [i, call] of calls.entries()) {
			if ("error" in call) {
				group.refuse(call);
				continue;
			}
			const member = { ...call, ended: (end: ChildWake) => group.take(i, end) };
			void this.#seek(member, () => this.#start(member));
		}
	}

	#group(run: RunId, node: NodeId, size: number): CallGroup {
		return new CallGroup(size, (wake) => this.#wake({ run, node, name: "" }, wake));
	}

	/** The run goes on from its journal: what its nodes have called is found again. Resolves when all that can go on does. */
	async adopt(how: RecoverOptions): Promise<void> {
		this.#how = how;
		const { graph, run } = this.#parent.actor.state;
		for (const child of this.#host.calledBy(run))
			if (!this.awaits(child.parent?.node ?? "", child.id)) cancel(child, "nobody waits for it any more");
		const seeking: (void | Promise<void>)[] = [];
		for (const [n, { wait }] of graph.extras) {
			if (wait?.kind !== "child" || graph.nodes.state(n) !== WAITING) continue;
			for (const call of this.#awaitedBy(graph.id(n), wait)) {
				// Its process died before the call began: the attempt that follows calls again.
				seeking.push(this.#seek(call, () => this.#wake(call, { kind: "child", status: "lost" })));
			}
		}
		await Promise.all(seeking);
	}

	#awaitedBy(node: NodeId, { run, name, together, refused = [] }: Extract<Wait, { kind: "child" }>): Awaited[] {
		if (together === undefined) return [{ run, node, name }];
		const group = this.#group(run, node, together.length);
		for (const call of refused) group.refuse(call);
		const without = new Set(refused.map(({ index }) => index));
		return together.flatMap((each, i) =>
			without.has(i)
				? []
				: [{ run: memberRun(run, i), node, name: each, ended: (end: ChildWake) => group.take(i, end) }],
		);
	}

	/** Whether a node waits for a run. */
	awaits(node: NodeId, run: RunId): boolean {
		const { state, isOver } = this.#parent.actor;
		if (isOver) return false;
		const n = state.graph.index.get(node);
		if (n === undefined || state.graph.nodes.state(n) !== WAITING) return false;
		const wait = state.graph.extras.get(n)?.wait;
		if (wait?.kind !== "child") return false;
		const { together } = wait;
		return together === undefined ? wait.run === run : isMember(wait.run, together.length, run);
	}

	/** The attempt of a node is over: nobody waits for what it has called. */
	leave(node: NodeId): void {
		for (const timer of this.#elsewhere.get(node)?.values() ?? []) this.#parts.clock.clear(timer);
		this.#elsewhere.delete(node);
		const children = this.#children.get(node);
		if (children === undefined) return;
		this.#children.delete(node);
		for (const child of children.values())
			cancel(child, `the call of node "${node}" of run "${this.#parent.handle.id}" is over`);
	}

	/** The run is over in this process. */
	end(): void {
		const { journal } = this.#parts;
		const isLost = this.#parent.actor.poison !== undefined && journal !== undefined;
		// Where the process lets go of all runs, each sees to itself.
		if (isLost || !this.#host.isOpen) {
			if (this.#host.isOpen)
				for (const children of this.#children.values()) for (const run of children.keys()) this.#host.letGo(run);
			this.#children.clear();
		}
		for (const node of [...this.#children.keys(), ...this.#elsewhere.keys()]) this.leave(node);
	}

	/**
	 * Finds the run of a call, wherever it is.
	 *
	 * @param missing - it is not there at all
	 */
	#seek(call: Awaited, missing: () => void): void | Promise<void> {
		return this.#guarded(call, () => {
			const active = this.#host.active(call.run);
			if (active !== undefined) return this.#listen(call, active);
			const found = this.#parts.journal?.find(call.run);
			const go = (summary: RunSummary | undefined): void | Promise<void> =>
				summary === undefined ? missing() : this.#bringBack(call);
			if (!isThenable(found)) return go(found);
			return found.then((summary) => this.#guarded(call, () => go(summary)));
		});
	}

	/** What goes wrong on the way is how the call ends. */
	#guarded(call: Awaited, act: () => void | PromiseLike<void>): void | Promise<void> {
		if (!this.#host.isOpen || !this.awaits(call.node, call.run)) return undefined;
		try {
			const later = act();
			return later && Promise.resolve(later).catch((error) => this.#fail(call, error));
		} catch (error) {
			return this.#fail(call, error);
		}
	}

	#start(call: CallRequest & Awaited): void {
		const { state } = this.#parent.actor;
		const parent: ParentCall = {
			run: state.run,
			node: call.node,
			ancestors: this.#parent.info.ancestors,
		};
		const { budget, info } = this.#parent;
		const { metadata } = info;
		const graph = this.#host.toolbox.graphOf(call.name, call.input);
		// What an agent finds stored for it is what whoever started the first run had stored.
		this.#parent.scope.runInAsyncScope(() =>
			this.#listen(
				call,
				this.#host.begin(call.run, graph, { parent, metadata, ...(budget !== undefined && { budget }) }),
			),
		);
	}

	async #bringBack(call: Awaited): Promise<void> {
		let child: RunHandle;
		try {
			child = await this.#host.recover(call.run, this.#how);
		} catch (error) {
			if (!SwarmError.is(error) || error.code !== "RUN_BUSY") throw error;
			// It goes on in another process. Whether it has ended there, or that process has, is seen when looked at again.
			this.#lookAgain(call);
			return;
		}
		if (this.awaits(call.node, call.run)) await this.#guarded(call, () => this.#listen(call, child));
		else this.#leaveBrought(child);
	}

	/** While a run was brought back nobody has begun to listen to it: its caller is over by now. */
	#leaveBrought(child: RunHandle): void {
		const { handle, actor } = this.#parent;
		if (!this.#host.isOpen || child.parent?.run !== handle.id) return;
		if (actor.poison === undefined) cancel(child, "nobody waits for it any more");
		else this.#host.letGo(child.id);
	}

	#lookAgain(call: Awaited): void {
		const { clock } = this.#parts;
		const look = (): void => {
			this.#elsewhere.get(call.node)?.delete(call.run);
			void this.#guarded(call, () => this.#bringBack(call));
		};
		if (!this.awaits(call.node, call.run)) return;
		entry(this.#elsewhere, call.node).set(call.run, clock.set(clock.now() + LOOK_AGAIN_MS, look));
	}

	#listen(call: Awaited, child: RunHandle): void {
		const { parent } = child;
		if (parent?.run !== this.#parent.handle.id || parent.node !== call.node)
			throw new SwarmError("RUN_EXISTS", `the run "${call.run}" exists, and was not called by this node`);
		const children = entry(this.#children, call.node);
		children.set(call.run, child);
		void child.result().then((outcome) => {
			children.delete(call.run);
			if (children.size === 0 && this.#children.get(call.node) === children) this.#children.delete(call.node);
			// Its process has let go of it: it ends elsewhere.
			if (outcome.status !== "suspended") this.#wake(call, callEnd(call, child, outcome, this.#host.toolbox));
		});
	}

	#fail(call: Awaited, error: unknown): void {
		this.#wake(call, { kind: "child", status: "failed", error: errorInfo(error) });
	}

	#wake({ node, run, ended }: Awaited, wake: ChildWake): void {
		if (ended !== undefined) return ended(wake);
		this.#parent.actor.post({ type: "child", node, run, wake });
	}
}

/** @returns what stands under a key, made where it is missing */
function entry<Value>(maps: Map<NodeId, Map<RunId, Value>>, node: NodeId): Map<RunId, Value> {
	let map = maps.get(node);
	if (map === undefined) {
		map = new Map();
		maps.set(node, map);
	}
	return map;
}

function listOf(names: unknown): readonly string[] {
	if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
	throw new Error("it gave no list of names");
}

function cancel(child: RunHandle, reason: string): void {
	// It may have ended in the meantime.
	child.cancel(reason).catch(ignore);
}

function ignore(): void {}
