import { type Actor, createActor, type InspectionEvent } from "xstate";
import { type RunStatus, type RunTrigger, runMachine } from "./core/lifecycle.js";
import type { GraphActor } from "./graph/actor.js";
import type { RunEvent } from "./graph/types.js";

/** Takes what XState's inspection reports of a run's lifecycle. */
export type Inspect = (event: InspectionEvent) => void;

const ENDS: Readonly<Record<string, RunTrigger>> = {
	completed: "COMPLETE",
	failed: "FAIL",
	stalled: "STALL",
	cancelled: "CANCEL",
	timed_out: "TIME_OUT",
	budget_exceeded: "EXHAUST",
};

/** What leads to where a run may stand that was taken over. */
const STANDS: Partial<Record<RunStatus, RunTrigger>> = { waiting: "WAIT", paused: "PAUSE", stopping: "STOP" };

/**
 * An XState actor that follows a run's events, for inspection and visualisation. It decides nothing:
 * there is one writer.
 */
export class RunFollower {
	readonly actor: Actor<typeof runMachine>;

	constructor(graph: GraphActor, inspect: Inspect) {
		const isolated: Inspect = (event) => {
			try {
				inspect(event);
			} catch (error) {
				graph.report(error, "inspect");
			}
		};
		this.actor = createActor(runMachine, { id: graph.state.run, inspect: isolated });
		this.actor.start();
		// The run has started by the time somebody can follow it.
		this.#send("START");
		if (graph.state.ended) this.#send(ENDS[graph.state.status]);
		else this.#send(STANDS[graph.state.status]);
		graph.subscribe((events) => {
			for (const event of events) this.#send(this.#triggerOf(event));
		});
	}

	#triggerOf(event: RunEvent): RunTrigger | undefined {
		switch (event.type) {
			case "run.waiting":
				return "WAIT";
			case "run.paused":
				return "PAUSE";
			case "run.resumed":
				return this.actor.getSnapshot().value === "paused" ? "RESUME" : "CONTINUE";
			case "run.stopping":
				return "STOP";
			case "run.ended":
				return ENDS[event.status];
			default:
				return undefined;
		}
	}

	#send(trigger: RunTrigger | undefined): void {
		if (trigger !== undefined) this.actor.send({ type: trigger });
	}
}
