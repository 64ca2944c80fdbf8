import type { ErrorInfo, Refusal } from "../core/errors.js";
import type { NodeId, RunId } from "../core/ids.js";
import type { RunStatus } from "../core/lifecycle.js";
import type { Plain } from "../core/plain.js";
import type { Usage } from "../core/usage.js";
import type {
	AbandonReason,
	FailurePolicy,
	Interruption,
	SkipCause,
	StoredSpec,
	Wait,
	Wake,
	WithheldOutcome,
} from "./types.js";

/** Versions of agents by their names, those that have one. */
export type AgentVersions = Readonly<Record<string, string>>;

/** What a run was started with and its journal remembers. */
export interface RunSettings {
	/** Whether agents or defaults set time limits. */
	readonly timed?: boolean;
	/** Whether waits are remembered, for an attempt that starts from the top in another process. */
	readonly durable?: boolean;
	readonly versions?: AgentVersions;
	/** The options of the run, as its swarm writes and reads them. */
	readonly options?: Readonly<Record<string, unknown>>;
}

interface Stamp {
	/** Rises by one from 1, without gaps. */
	readonly seq: number;
	/** The clock's milliseconds when it was decided. */
	readonly at: number;
}

/** A fact that happened, in the past tense. State is only a fold of these. */
export type RunEvent = Stamp & RunFact;

/** A {@link RunEvent} without its stamp. */
export type RunFact =
	| {
			readonly type: "run.created";
			readonly run: RunId;
			readonly epoch: number;
			readonly open: boolean;
			readonly metadata?: Readonly<Record<string, Plain>>;
			/** What the run needs to go on in another process. */
			readonly settings?: RunSettings;
			/** The run that this one was made from, and the last event of it that counts. */
			readonly forkedFrom?: { readonly run: RunId; readonly seq: number };
	  }
	| { readonly type: "run.started" }
	/** Another process has taken the run over, or the same one after its journal failed. */
	| {
			readonly type: "run.recovered";
			readonly epoch: number;
			readonly versions?: AgentVersions;
			readonly timed?: boolean;
			/** Agents of another major version: a person is asked before nodes that are there run with them. */
			readonly ask?: readonly string[];
	  }
	/** A run that was kept open ends as soon as nothing is left to do. */
	| { readonly type: "run.closed" }
	| { readonly type: "run.waiting" }
	| { readonly type: "run.paused" }
	| { readonly type: "run.resumed" }
	/** A signal that nobody waited for yet: it is kept. */
	| { readonly type: "run.signalled"; readonly name: string; readonly payload?: unknown; readonly for?: NodeId }
	/** Work stops because of a failure, a cancel or a deadline; what may still run after a failure does. */
	| { readonly type: "run.stopping"; readonly status: RunStatus; readonly reason?: string; readonly node?: NodeId }
	| { readonly type: "run.ended"; readonly status: RunStatus; readonly reason?: string }
	/** A port of the host threw, rejected or did not answer in time. */
	| {
			readonly type: "run.portFailed";
			readonly port: string;
			readonly message: string;
			/** The run ends by it. */
			readonly fail?: true;
			readonly for?: NodeId;
	  }
	| NodeFact
	| {
			readonly type: "edge.added";
			readonly from: NodeId;
			readonly to: NodeId;
			readonly alias?: readonly string[];
			/** The node whose patch it was; none for the caller of the run. */
			readonly by?: NodeId;
			readonly key?: string;
	  }
	| {
			readonly type: "edge.removed";
			readonly from: NodeId;
			readonly to: NodeId;
			readonly by?: NodeId;
			readonly key?: string;
	  }
	| { readonly type: "patch.rejected"; readonly node: NodeId; readonly attempt: number; readonly refusal: Refusal }
	/** A patch with a key that changed nothing. */
	| { readonly type: "patch.applied"; readonly key: string };

export type NodeFact =
	| {
			readonly type: "node.added";
			readonly node: NodeId;
			readonly spec: StoredSpec;
			readonly addedBy?: NodeId;
			readonly depth?: number;
			/** Added by an early commit of this attempt. */
			readonly early?: number;
			readonly key?: string;
	  }
	| {
			readonly type: "node.updated";
			readonly node: NodeId;
			readonly spec: StoredSpec;
			readonly by?: NodeId;
			readonly early?: number;
			readonly key?: string;
	  }
	| { readonly type: "node.started"; readonly node: NodeId; readonly attempt: number; readonly epoch: number }
	| { readonly type: "node.parked"; readonly node: NodeId; readonly attempt: number; readonly wait: Wait }
	| { readonly type: "node.woken"; readonly node: NodeId; readonly attempt: number; readonly wake: Wake }
	| {
			readonly type: "node.attemptFailed";
			readonly node: NodeId;
			readonly attempt: number;
			readonly error: ErrorInfo;
			readonly retryAt: number;
			/** It did not fail by itself, and costs no retry: its process died, or was shut down. */
			readonly interrupted?: Interruption;
	  }
	| {
			readonly type: "node.stepped";
			readonly node: NodeId;
			readonly attempt: number;
			readonly name: string;
			readonly value?: unknown;
	  }
	/** What an attempt has used, beside what it said before. */
	| { readonly type: "node.charged"; readonly node: NodeId; readonly attempt: number; readonly usage: Usage }
	/** A message to the node's agent. */
	| { readonly type: "node.steered"; readonly node: NodeId; readonly payload?: unknown }
	/** A part of an output, where it is to be kept. */
	| {
			readonly type: "node.emitted";
			readonly node: NodeId;
			readonly attempt: number;
			/** From 0, over all chunks of the attempt. */
			readonly index: number;
			readonly value?: unknown;
	  }
	| {
			readonly type: "node.completed";
			readonly node: NodeId;
			readonly attempt: number;
			readonly output: unknown;
			/** The output was remembered from an earlier call. */
			readonly memo?: true;
	  }
	| {
			readonly type: "node.failed";
			readonly node: NodeId;
			readonly attempt: number;
			readonly error: ErrorInfo;
			readonly onFailure?: FailurePolicy;
	  }
	| { readonly type: "node.skipped"; readonly node: NodeId; readonly cause: SkipCause; readonly root: NodeId }
	| {
			readonly type: "node.abandoned";
			readonly node: NodeId;
			readonly reason: AbandonReason;
			readonly by?: NodeId;
			readonly key?: string;
	  }
	| { readonly type: "node.cancelled"; readonly node: NodeId }
	| {
			readonly type: "node.speculated";
			readonly node: NodeId;
			readonly mode: "hold" | "eager";
			readonly outcome?: WithheldOutcome;
			readonly by?: NodeId;
			readonly key?: string;
	  }
	| { readonly type: "node.confirmed"; readonly node: NodeId; readonly by?: NodeId; readonly key?: string };

/** The fact of one type about a node. */
export type NodeFactOf<Type extends NodeFact["type"]> = Extract<NodeFact, { readonly type: Type }>;

/** Every type of event. */
export type RunEventType = RunEvent["type"];
