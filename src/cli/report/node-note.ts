import type { NodeId } from "../../core/ids.js";
import type { Blocked, NodeView, Wait } from "../../graph/types.js";
import { oneLine } from "./one-line.js";
import { lengthText } from "./time-text.js";

/** What a note is made from beside the node. */
export interface NoteSources {
	/** What it depends on beside the node that it stands below. */
	readonly also?: readonly NodeId[];
	readonly explain: (node: NodeId) => Blocked;
	readonly now: number;
}

const MAX_NAMED = 3;

/** What is to be said of a node in a line: why it stands where it does, how often it was tried, where it comes from. */
export function nodeNote(node: NodeView, { also = [], explain, now }: NoteSources): string {
	const parts = [whyText(node, explain, now)];
	if (node.attempt > 1) parts.push(`${node.attempt} attempts`);
	if (node.agent !== node.id) parts.push(`agent ${oneLine(node.agent, 40)}`);
	if (also.length > 0) parts.push(`also after ${namesText(also)}`);
	if (node.addedBy !== undefined) parts.push(`added by ${oneLine(node.addedBy, 40)}`);
	return parts.filter((part) => part !== "").join("; ");
}

function namesText(ids: readonly NodeId[]): string {
	const named = ids.slice(0, MAX_NAMED).map((id) => oneLine(id, 40));
	return `${named.join(", ")}${ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : ""}`;
}

function whyText(node: NodeView, explain: NoteSources["explain"], now: number): string {
	switch (node.state) {
		case "failed":
			return node.error === undefined ? "" : `${oneLine(node.error.code, 40)}: ${oneLine(node.error.message, 120)}`;
		case "skipped":
			return node.skipped === undefined ? "" : `because of ${oneLine(node.skipped.root, 40)}`;
		case "abandoned":
			return node.abandoned ?? "";
		case "waiting":
			return node.wait === undefined ? "" : waitNote(node.wait, now);
		case "pending":
			return oneLine(explain(node.id).why, 120);
		case "speculative":
			return node.speculative === "hold" ? "held until it is confirmed" : "its outcome is withheld";
		default:
			return "";
	}
}

/** What a parked node waits for, and how long it may. */
export function waitNote(wait: Wait | { readonly kind: "retry"; readonly until: number }, now: number): string {
	const limit = wait.until === undefined ? "" : `, for ${lengthText(wait.until - now)} at most`;
	switch (wait.kind) {
		case "retry":
			return `next attempt ${wait.until > now ? `in ${lengthText(wait.until - now)}` : "is due"}`;
		case "sleep": {
			const until = wait.until > now ? `for ${lengthText(wait.until - now)}` : "over";
			return wait.name === undefined ? `sleeps ${until}` : `waits: ${oneLine(wait.name, 80)}`;
		}
		case "signal":
			return `waits for signal ${oneLine(wait.name, 40)}${limit}`;
		case "approval":
			return `waits for approval: ${oneLine(wait.reason, 80)}${limit}`;
		case "child":
			return `waits for ${oneLine(wait.name, 40)} in run ${oneLine(wait.run)}`;
	}
}
