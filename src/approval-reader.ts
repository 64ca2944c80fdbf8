import { SwarmError } from "./core/errors.js";
import { Reader, type Sleeper } from "./core/reader.js";
import type { GraphActor } from "./graph/actor.js";
import type { RunEvent, Wait } from "./graph/types.js";
import { type WaitingApproval, type WaitingNode, waitingNode, waitOf } from "./waiting-list.js";

/** Which questions of a run are read. */
export interface ApprovalsOptions {
	/** Those that were asked with this `to` only. */
	readonly to?: string;
}

/** A wait of a node, by its number. */
type Asked = readonly [n: number, wait: Wait];

/** The questions of a run: those that wait, and then those that come. */
export function readApprovals(actor: GraphActor, { to }: ApprovalsOptions): Reader<WaitingApproval> {
	// The same question is the same object; asked anew it is another one, also in the same millisecond.
	const seen = new WeakSet<Wait>();
	return new Reader(async function* (sleeper) {
		for await (const [n, wait] of askedIn(actor, sleeper)) {
			if (wait.kind !== "approval" || (to !== undefined && wait.to !== to) || seen.has(wait)) continue;
			// Somebody else may have answered while this reader was busy.
			if (actor.isOver || waitOf(actor.state, n) !== wait) continue;
			seen.add(wait);
			const question: WaitingNode = waitingNode(actor.state, n, wait);
			yield question as WaitingApproval;
		}
	});
}

/** What nodes wait for, and have waited for: where the reader was too slow for the log, what waits by then once more. */
async function* askedIn(actor: GraphActor, sleeper: Sleeper): AsyncGenerator<Asked, void, undefined> {
	const { state, log } = actor;
	while (!sleeper.closed) {
		// Settled in one go: whatever is not in this list yet has an event after that number.
		const { seq } = state;
		const waiting = [...state.parked].flatMap((n): Asked[] => {
			const wait = waitOf(state, n);
			return wait === undefined ? [] : [[n, wait]];
		});
		try {
			// A question is told once the journal keeps it, as its event is.
			if (log.last < seq)
				for await (const _ of log.reading({ from: log.last + 1 })(sleeper)) if (log.last >= seq) break;
			yield* waiting;
			const from = seq + 1;
			for await (const event of log.reading({ from, types: ["node.parked"] })(sleeper)) {
				const { node, wait } = event as Extract<RunEvent, { readonly type: "node.parked" }>;
				const n = state.graph.index.get(node);
				if (n !== undefined) yield [n, wait];
			}
			return;
		} catch (error) {
			const code = SwarmError.is(error) ? error.code : undefined;
			// This process has let go of the run: nobody asks here any more.
			if (code === "SUSPENDED") return;
			if (code !== "LAGGED") throw error;
		}
	}
}
