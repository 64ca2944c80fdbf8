import type { GraphActor } from "./graph/actor.js";
import { deadlineOf, type RunOptions } from "./run-settings.js";

/**
 * Cancels a run when its signal aborts, or its deadline passes.
 *
 * @param how - `hasDeadline`: whether the deadline ends it at all
 * @returns takes back what was set
 */
export function watchForEnd(
	actor: GraphActor,
	options: RunOptions,
	how: { readonly startedAt: number; readonly hasDeadline: boolean },
): () => void {
	const stopClock = how.hasDeadline ? watchDeadline(actor, options, how.startedAt) : nothing;
	const stopListening = watchSignal(actor, options.signal);
	return () => {
		stopClock();
		stopListening();
	};
}

function watchDeadline(actor: GraphActor, options: RunOptions, startedAt: number): () => void {
	const due = deadlineOf(options, startedAt);
	if (due === undefined) return nothing;
	const { clock } = actor;
	const end = (): void => {
		const ms = Math.round(due - startedAt);
		actor.post({ type: "cancel", status: "timed_out", reason: `the deadline of ${ms} ms has passed` });
	};
	if (due > clock.now() || due === startedAt) {
		const timer = clock.set(due, end);
		return () => clock.clear(timer);
	}
	// One that passed while no process had the run lets nothing start any more.
	end();
	return nothing;
}

function watchSignal(actor: GraphActor, signal: AbortSignal | undefined): () => void {
	if (signal === undefined) return nothing;
	const cancel = (): void => {
		const reason: unknown = signal.reason;
		const text = reason instanceof Error ? reason.message : String(reason);
		actor.post({ type: "cancel", status: "cancelled", reason: text });
	};
	if (signal.aborted) {
		queueMicrotask(cancel);
		return nothing;
	}
	signal.addEventListener("abort", cancel, { once: true });
	return () => signal.removeEventListener("abort", cancel);
}

function nothing(): void {}
