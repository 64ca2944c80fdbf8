import type { ActiveRun } from "./active-run.js";
import type { Clock } from "./core/clock.js";
import type { NodeId, RunId } from "./core/ids.js";
import type { AnyAgent } from "./executor/agent.js";
import type { MemoStore } from "./executor/attempt.js";
import type { Executor } from "./executor/executor.js";
import type { NodeSpec, Patch, RunEvent } from "./graph/types.js";
import type { Journal } from "./journal/journal.js";
import type { JournalWriter } from "./journal/writer.js";
import type { CheckpointerStore } from "./ports/checkpointer.js";
import type { TakenOver } from "./recovery.js";
import type { CallHost } from "./run-calls.js";
import type { Limits } from "./scheduler/limits.js";
import type { Scheduler } from "./scheduler/scheduler.js";
import type { SwarmOptions } from "./swarm-options.js";

/** What a run shares with the others of its swarm. */
export interface SwarmParts {
	readonly options: SwarmOptions;
	readonly agents: ReadonlyMap<string, AnyAgent>;
	readonly clock: Clock;
	readonly limits: Limits;
	readonly executor: Executor;
	readonly scheduler: Scheduler;
	/** Where runs are kept, and who writes them there. */
	readonly journal: Journal | undefined;
	readonly writer: JournalWriter | undefined;
	/** Where runs that no journal keeps remember outputs. */
	readonly memos: MemoStore;
	/** What the calls of agents are carried out by. */
	readonly callHost: CallHost;
	/** The run has ended and its functions have returned. */
	readonly onEnd: (run: ActiveRun) => void;
}

/** How a run begins in this process. */
export interface Origin {
	readonly run: RunId;
	/** The graph of a run that is created. */
	readonly nodes?: readonly NodeSpec[];
	/** A run that goes on from its journal. */
	readonly taken?: TakenOver;
	/** The events that a fork begins with. */
	readonly history?: readonly RunEvent[];
	readonly edit?: Patch;
	/** Of a run that goes on, where the host keeps the progress of nodes itself. */
	readonly progress?: { readonly store: CheckpointerStore; readonly loaded: ReadonlyMap<NodeId, unknown> };
}
