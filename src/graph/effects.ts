import type { GraphActor } from "./actor.js";
import type { ActorHost } from "./actor-config.js";
import type { Effect } from "./batch.js";
import type { NodeTimers } from "./node-timers.js";

/**
 * Carries out what a committed batch asks of the world.
 *
 * @param waited - the batch waited for its journal: attempts it granted may have come to an end since
 */
export function carryOut(
	effect: Effect,
	actor: GraphActor,
	host: ActorHost | undefined,
	timers: NodeTimers,
	waited: boolean,
): void {
	switch (effect.type) {
		case "start":
			if (waited && !actor.leases.isLive(effect.lease)) host?.unstarted(actor, effect.lease);
			else host?.start(actor, effect.lease, effect.input, effect.wake);
			return;
		case "abort":
			host?.abort(actor, effect.lease, effect.code);
			return;
		case "timer":
			timers.set(effect);
			return;
		case "clearTimers":
			timers.clear(effect.node, effect.kind);
			return;
	}
}
