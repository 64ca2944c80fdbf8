import type { RetryPolicy, StoredSpec, TimeoutPolicy } from "../../graph/types.js";
import type { ModelNode } from "./model-node.js";

/** How an attempt failed, as far as that decides what comes next. */
export interface AttemptFailure {
	/** Another attempt would find nothing else. */
	readonly final?: boolean;
	/** The least wait before another attempt, in milliseconds. */
	readonly after?: number;
	/** The old function may still run: another attempt waits for the clock, even without a delay. */
	readonly late?: boolean;
}

function retryOf({ retry }: StoredSpec): RetryPolicy {
	return typeof retry === "number" ? { maxAttempts: retry } : (retry ?? { maxAttempts: 1 });
}

function timeoutOf({ timeout }: StoredSpec): TimeoutPolicy {
	return typeof timeout === "object" ? timeout : { ...(timeout !== undefined && { attempt: timeout }) };
}

/** @returns the wait before the next attempt, undefined when there is none */
export function retryWait({ spec, attempt }: ModelNode, failure: AttemptFailure): number | undefined {
	const { maxAttempts, delay = 0, factor = 2, maxDelay = 3_600_000 } = retryOf(spec);
	if (failure.final === true || attempt >= maxAttempts) return undefined;
	const wait = Number(delay) * factor ** (attempt - 1);
	return Math.max(Math.min(wait, Number(maxDelay)), failure.after ?? 0);
}

/** A lease was granted: the attempt's own time counts while it is held, the total from the first start on. */
export function holdSlot(node: ModelNode, now: number, continues: boolean): void {
	const { attempt } = timeoutOf(node.spec);
	if (!continues) node.held = 0;
	node.leasedAt = now;
	node.firstStart ??= now;
	if (attempt !== undefined) node.attemptDue = now + Math.max(0, Number(attempt) - node.held);
	armTotal(node);
}

/** What approvals and signals took is left out of the total. */
export function armTotal(node: ModelNode): void {
	const { total } = timeoutOf(node.spec);
	if (total !== undefined && node.firstStart !== undefined)
		node.totalDue = node.firstStart + Number(total) + node.excused;
}

/** Something that happens at a moment. */
interface Due {
	readonly at: number;
	readonly node: string;
	readonly kind: "wait" | "attempt" | "total";
}

/** What comes due first. */
export function nextDue(nodes: ReadonlyMap<string, ModelNode>): Due | undefined {
	let next: Due | undefined;
	const offer = (at: number | undefined, node: string, kind: Due["kind"]): void => {
		if (at !== undefined && (next === undefined || at < next.at)) next = { at, node, kind };
	};
	for (const [id, { state, wait, attemptDue, totalDue }] of nodes) {
		if (state === "waiting") offer(wait?.until, id, "wait");
		if (state === "running") offer(attemptDue, id, "attempt");
		if (state === "running" || state === "waiting" || state === "ready") offer(totalDue, id, "total");
	}
	return next;
}
