import type { ActiveRun } from "./active-run.js";
import type { RunId } from "./core/ids.js";
import type { Journal } from "./journal/journal.js";
import { fromJournal } from "./recovery.js";
import type { RunHandle } from "./run.js";
import type { CallHost } from "./run-calls.js";
import type { RunOptions } from "./run-settings.js";
import { checkStart } from "./swarm-checks.js";
import type { GraphSpec, ParentCall, RecoverOptions, SwarmOptions } from "./swarm-options.js";
import type { Origin } from "./swarm-parts.js";
import type { Toolbox } from "./toolbox.js";

const DEFAULT_CALL_DEPTH = 10;

/** A swarm from inside. */
export interface SwarmInside {
	readonly options: SwarmOptions;
	readonly runs: ReadonlyMap<RunId, ActiveRun>;
	/** Runs that are being taken over. */
	readonly recovering: ReadonlyMap<RunId, Promise<RunHandle>>;
	isOpen(): boolean;
	begin(origin: Origin, options: RunOptions): ActiveRun;
	recover(run: RunId, options: RecoverOptions): Promise<RunHandle>;
}

/** What the runs of a swarm need it for when their nodes call. */
export class SwarmCalls implements CallHost {
	readonly maxDepth: number;

	constructor(
		readonly toolbox: Toolbox,
		private readonly swarm: SwarmInside,
	) {
		this.maxDepth = swarm.options.maxCallDepth ?? DEFAULT_CALL_DEPTH;
	}

	get isOpen(): boolean {
		return this.swarm.isOpen();
	}

	active(run: RunId): RunHandle | undefined {
		return this.swarm.runs.get(run)?.handle;
	}

	calledBy(run: RunId): RunHandle[] {
		const called: RunHandle[] = [];
		for (const { finished, handle } of this.swarm.runs.values())
			if (!finished && handle.parent?.run === run) called.push(handle);
		return called;
	}

	begin(run: RunId, graph: GraphSpec, options: RunOptions): RunHandle {
		checkStart(graph, options);
		return this.swarm.begin({ run, nodes: graph.nodes }, options).handle;
	}

	recover(run: RunId, options: RecoverOptions): Promise<RunHandle> {
		return this.swarm.recovering.get(run) ?? this.swarm.recover(run, options);
	}

	letGo(run: RunId): void {
		void this.swarm.runs.get(run)?.letGo(0);
	}

	/** Whether the node that has called a run waits for it, as far as is known here. */
	async isAwaited(journal: Journal, caller: ParentCall, run: RunId): Promise<boolean> {
		const active = this.swarm.runs.get(caller.run);
		if (active !== undefined) return active.calls.awaits(caller.node, run);
		const summary = await fromJournal(() => journal.find(caller.run));
		return summary !== undefined && !summary.ended;
	}
}
