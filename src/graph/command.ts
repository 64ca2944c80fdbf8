import type { ErrorInfo } from "../core/errors.js";
import type { Usage } from "../core/usage.js";
import type { TimerKind } from "./batch.js";
import type { AgentVersions, Lease, NodeSpec, StagedPatch, Wait, Wake } from "./types.js";

/** Anything asked of the graph actor. Plain data: the same commands with the same stamps give the same events. */
export type Command =
	| { readonly type: "mutate"; readonly patch: StagedPatch; readonly key?: string }
	/** With an error the attempt fails before it begins. */
	| { readonly type: "claim"; readonly n: number; readonly error?: ErrorInfo }
	| {
			readonly type: "complete";
			readonly lease: Lease;
			readonly output: unknown;
			readonly patch?: StagedPatch;
			readonly memo?: true;
	  }
	| { readonly type: "fail"; readonly lease: Lease; readonly error: ErrorInfo }
	| { readonly type: "commit"; readonly lease: Lease; readonly patch: StagedPatch }
	| { readonly type: "park"; readonly lease: Lease; readonly wait: Wait }
	| { readonly type: "timer"; readonly node: string; readonly kind: TimerKind; readonly fence: number }
	| { readonly type: "signal"; readonly name: string; readonly payload?: unknown; readonly node?: string }
	| {
			readonly type: "answer";
			readonly node: string;
			readonly wake: Extract<Wake, { kind: "approved" | "rejected" }>;
			/** Only to the question of this name, and to the one that has been there since then. */
			readonly name?: string;
			readonly since?: number;
	  }
	| { readonly type: "cancel"; readonly status: "cancelled" | "timed_out"; readonly reason: string }
	| { readonly type: "pause" }
	| { readonly type: "resume" }
	| { readonly type: "close" }
	| { readonly type: "step"; readonly lease: Lease; readonly name: string; readonly value: unknown }
	/** The run goes on in this process, which is the epoch's writer. */
	| {
			readonly type: "recover";
			readonly epoch: number;
			readonly versions: AgentVersions | undefined;
			readonly timed: boolean;
			/** Agents whose open nodes wait for a person before they run. */
			readonly ask: readonly string[];
	  }
	| { readonly type: "charge"; readonly node: string; readonly attempt: number; readonly usage: Usage }
	| { readonly type: "steer"; readonly node: string; readonly payload: unknown }
	| { readonly type: "emit"; readonly lease: Lease; readonly index: number; readonly value: unknown }
	| { readonly type: "kill"; readonly node: string; readonly reason: string }
	/** The attempt may take until then. */
	| { readonly type: "extend"; readonly lease: Lease; readonly until: number }
	/** The run that a node had called is over. */
	| {
			readonly type: "child";
			readonly node: string;
			readonly run: string;
			readonly wake: Extract<Wake, { kind: "child" }>;
	  }
	| {
			readonly type: "portFailed";
			readonly port: string;
			readonly message: string;
			/** Whether it ends the run. */
			readonly fail: boolean;
			readonly node?: string;
	  }
	/** The budget is used up; `abort`: what runs is told to stop. */
	| { readonly type: "exhaust"; readonly reason: string; readonly abort: boolean }
	/** The process lets go of the run: what runs will run again elsewhere. */
	| { readonly type: "interrupt" };

/** Adds a replanning node where a run would end stalled. */
export type StallPlan = NodeSpec & {
	/** How often; 1 to 1,000, default 1. */
	readonly times?: number;
};
