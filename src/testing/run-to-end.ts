import type { VirtualClock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import { isTerminal } from "../core/lifecycle.js";
import type { Snapshot } from "../graph/types.js";
import type { RunOutcome } from "../outcome.js";
import type { RunHandle } from "../run.js";
import { turned } from "./turn.js";

/** Turns of the event loop without anything happening, after which nothing will by itself. */
const IDLE_TURNS = 8;

/** How far {@link runToEnd} goes. */
export interface RunToEndOptions {
	/** Timers that may fire, at least 1; default 100,000. */
	readonly steps?: number;
}

/**
 * Moves a virtual clock from timer to timer until a run has ended, however many virtual hours that
 * takes. While functions run and no timer is set (they read a file, say) it waits for them.
 *
 * @param run - of a swarm that was made with this clock
 * @returns the outcome of the run
 * @throws SwarmError `TIMEOUT` when nothing will happen any more without somebody outside, with the
 * nodes that wait and why, or when too many timers have fired
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent } from "dagswarm";
 * import { runToEnd, VirtualClock } from "dagswarm/testing";
 *
 * const clock = new VirtualClock();
 * const nap = defineAgent({ name: "nap", run: async (_: undefined, ctx) => ctx.sleep("8h") });
 * const run = createSwarm({ agents: [nap], clock }).start({ nodes: [{ id: "n", agent: nap }] });
 * const outcome = await runToEnd(run, clock);
 * outcome.status;        // "completed"
 * outcome.stats.wallMs;  // 28800000
 * ```
 */
export async function runToEnd(
	run: RunHandle,
	clock: VirtualClock,
	options: RunToEndOptions = {},
): Promise<RunOutcome> {
	const { steps = 100_000 } = options;
	let outcome: RunOutcome | undefined;
	const result = run.result().then((ended) => {
		outcome = ended;
	});
	/** The next event of the run, once it is waited for. */
	let event: Promise<void> | undefined;
	let idle = 0;
	for (let fired = 0; outcome === undefined; ) {
		await turned();
		if (outcome !== undefined) break;
		if (clock.step()) {
			idle = 0;
			if (++fired > steps) throw notEnded(run, `${steps} timers have fired`);
		} else if (++idle > IDLE_TURNS) {
			const snapshot = run.snapshot();
			const { counts, status } = snapshot;
			// What is ready waits for a slot or a limit, which a function of another run may hold; so may what was called.
			if (counts.running === 0 && (counts.ready === 0 || status === "paused") && !hasCalled(snapshot))
				throw notEnded(run, "nothing is left that could happen");
			event ??= nextEvent(run).then(() => {
				event = undefined;
			});
			await Promise.race([result, clock.whenSet(), event]);
			idle = 0;
		}
	}
	return outcome;
}

function hasCalled(snapshot: Snapshot): boolean {
	for (const { wait } of snapshot.nodes({ state: "waiting" })) if (wait?.kind === "child") return true;
	return false;
}

async function nextEvent(run: RunHandle): Promise<void> {
	for await (const _ of run.events()) return;
}

function notEnded(run: RunHandle, why: string): SwarmError {
	const snapshot = run.snapshot();
	const nodes: NodeId[] = [];
	for (const { id, state } of snapshot.nodes()) if (!isTerminal(state) && nodes.length < 8) nodes.push(id);
	const story = nodes.map((id) => `"${id}": ${run.explain(id).why}`).join("; ");
	return new SwarmError("TIMEOUT", `run "${run.id}" is ${snapshot.status} and has not ended: ${why}. ${story}`, {
		nodes,
		hint: "give the signal or the approval that it waits for, resume it or close it",
	});
}
