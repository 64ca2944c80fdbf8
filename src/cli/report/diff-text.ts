import type { NodeId, RunId } from "../../core/ids.js";
import type { NodeView, Snapshot } from "../../graph/types.js";
import type { NodeField, PlanDiff } from "../../plan-diff.js";
import { errorText } from "./event-line.js";
import { counted, oneLine, valueText } from "./one-line.js";
import type { Paint } from "./paint.js";

/** Two runs, and how they differ. */
export interface RunDiff {
	readonly before: Snapshot;
	readonly after: Snapshot;
	readonly diff: PlanDiff;
}

/** Whether nothing in their plans and in what came of them differs. */
export function isSame({ diff: { added, removed, changed } }: RunDiff): boolean {
	return added.length + removed.length + changed.length === 0;
}

/** The difference as a document, with both values of each field that differs. */
export function diffJson(runs: RunDiff): object {
	const { before, after, diff } = runs;
	return {
		before: sideJson(before),
		after: sideJson(after),
		same: isSame(runs),
		added: diff.added,
		removed: diff.removed,
		changed: diff.changed.map(({ id, fields }) => ({
			id,
			fields: fields.map((field) => ({ field, before: before.get(id)?.[field], after: after.get(id)?.[field] })),
		})),
		unchanged: diff.same,
	};
}

function sideJson({ run, status, reason }: Snapshot): { run: RunId; status: string; reason: string | undefined } {
	return { run, status, reason };
}

/** The difference for people, one line for each thing that differs. */
export function diffText(runs: RunDiff, { paint, limit }: { readonly paint: Paint; readonly limit: number }): string[] {
	const { before, after, diff } = runs;
	const lines = [
		paint("red", `- ${oneLine(before.run)}  ${before.status}`),
		paint("green", `+ ${oneLine(after.run)}  ${after.status}`),
		"",
	];
	let room = limit;
	let omitted = 0;
	const add = (line: () => string): void => {
		if (room-- > 0) lines.push(line());
		else omitted++;
	};
	for (const id of diff.removed) add(() => paint("red", `- ${oneLine(id)}  ${nodeText(before.get(id))}`));
	for (const id of diff.added) add(() => paint("green", `+ ${oneLine(id)}  ${nodeText(after.get(id))}`));
	for (const { id, fields } of diff.changed)
		for (const field of fields) add(() => paint("yellow", `~ ${oneLine(id)}  `) + fieldText(runs, id, field));
	if (omitted > 0) lines.push(paint("gray", `… and ${counted(omitted, "more line")}: use --limit or --json`));
	const same = isSame(runs) ? "no difference" : counted(diff.changed.length, "node differs", "nodes differ");
	const parts = [same, counted(diff.same, "is the same", "are the same")];
	if (!isSame(runs)) parts.push(`${diff.added.length} added`, `${diff.removed.length} removed`);
	lines.push(...(lines.length > 3 ? [""] : []), parts.join(", "));
	return lines;
}

function nodeText(node: NodeView | undefined): string {
	if (node === undefined) return "";
	const after = node.dependsOn.length === 0 ? "" : `, after ${oneLine(node.dependsOn.slice(0, 5).join(", "))}`;
	return `${node.state}, agent ${oneLine(node.agent, 40)}${after}`;
}

const LONGEST_VALUE = 60;

function fieldText({ before, after }: RunDiff, id: NodeId, field: NodeField): string {
	return `${field}: ${fieldValue(before.get(id), field)} → ${fieldValue(after.get(id), field)}`;
}

function fieldValue(node: NodeView | undefined, field: NodeField): string {
	const value = node?.[field];
	if (field === "error") return node?.state !== "failed" || !node.error ? "none" : errorText(node.error);
	if (value === undefined) return "none";
	return typeof value === "string" ? oneLine(value, LONGEST_VALUE) : valueText(value, LONGEST_VALUE);
}
