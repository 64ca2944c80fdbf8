import type { NodeId } from "../core/ids.js";
import type { Command } from "./command.js";

/** Which question of a node is answered, where it may have asked another one by now. */
export interface AnswerTo {
	/** Who answers. */
	readonly by?: string;
	/** Refused unless the node waits for the approval of this name. */
	readonly name?: string;
	/** Refused unless the node has waited since this moment: `since` as the list of what waits tells it. */
	readonly since?: number;
}

/** A yes, with what was asked for. */
export interface ApprovalAnswer extends AnswerTo {
	/** Plain data; one of the choices, where there are such. */
	readonly data?: unknown;
}

/** A no. */
export interface RejectionAnswer extends AnswerTo {
	readonly reason?: string;
}

export function approvalOf(node: NodeId, answer: ApprovalAnswer): Command {
	const { name, since, ...given } = { ...answer };
	return { type: "answer", node, wake: { ...given, kind: "approved" }, ...to(name, since) };
}

export function rejectionOf(node: NodeId, answer: RejectionAnswer): Command {
	const { name, since, ...given } = { ...answer };
	return { type: "answer", node, wake: { ...given, kind: "rejected" }, ...to(name, since) };
}

function to(name: string | undefined, since: number | undefined): { readonly name?: string; readonly since?: number } {
	return { ...(name !== undefined && { name }), ...(since !== undefined && { since }) };
}
