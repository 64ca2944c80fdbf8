import type { PlannedNode, RunPlan } from "../../run-plan.js";
import { columns } from "./columns.js";
import { counted, oneLine } from "./one-line.js";
import type { Paint } from "./paint.js";
import { lengthText } from "./time-text.js";

/** More would not be read. */
const MOST = 200;

/** What a run would do. */
export function planText(plan: RunPlan, paint: Paint, width: number | undefined): string[] {
	const { nodes, counts, agents, untimed, concurrency, makespanMs } = plan;
	const rows = nodes
		.slice(0, MOST)
		.map((node) => [
			{ text: oneLine(node.id, 60) },
			{ text: oneLine(node.agent, 40), format: "cyan" as const },
			{ text: noteOf(node), format: "gray" as const },
		]);
	const left = [counts.skip > 0 ? `${counts.skip} skipped` : "", counts.hold > 0 ? `${counts.hold} held` : ""];
	const took = untimed === counts.run ? "" : `, about ${lengthText(makespanMs)}`;
	const lines = [
		`${[counted(counts.run, "node would run", "nodes would run"), ...left].filter((part) => part !== "").join(", ")}, ${concurrency} at a time${took}`,
		`agents: ${Object.entries(agents)
			.map(([name, amount]) => `${oneLine(name, 40)} ${amount}`)
			.join(", ")}`,
		...columns(rows, { paint, width, indent: "  " }),
	];
	if (nodes.length > MOST) lines.push(`  … and ${counted(nodes.length - MOST, "more", "more")} (--json has all)`);
	lines.push("Nothing was run or kept. What agents would add is not known before.");
	return lines;
}

function noteOf({ after, would, limits, startMs, estimateMs }: PlannedNode): string {
	const parts: string[] = [];
	if (would !== "run") parts.push(would === "skip" ? "would be skipped" : "would be held");
	if (after.length > 0)
		parts.push(
			`after ${after
				.slice(0, 3)
				.map((id) => oneLine(id, 40))
				.join(", ")}${after.length > 3 ? ", …" : ""}`,
		);
	if (estimateMs !== undefined && startMs !== undefined)
		parts.push(`from ${lengthText(startMs)}, ${lengthText(estimateMs)}`);
	if (limits.length > 0) parts.push(`takes ${limits.map((name) => oneLine(name, 40)).join(", ")}`);
	return parts.join("; ");
}
