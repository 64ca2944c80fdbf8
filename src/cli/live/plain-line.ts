import type { RunEvent } from "../../graph/types.js";
import { waitNote } from "../report/node-note.js";
import { counted, oneLine } from "../report/one-line.js";
import { lengthText } from "../report/time-text.js";
import type { RunProgress } from "./run-progress.js";

/** Larger graphs are told by tenths: nobody reads a line for each of a hundred thousand nodes. */
const TOLD_NODES = 100;

/**
 * What is said of an event where nothing can be painted over. The progress takes the event.
 *
 * @returns undefined where nothing is to be said
 */
export function plainLine(event: RunEvent, progress: RunProgress): string | undefined {
	const tenthsBefore = tenthsOf(progress);
	const since = "node" in event && event.node !== undefined ? progress.running.get(event.node)?.since : undefined;
	progress.observe(event);
	switch (event.type) {
		case "run.started":
			return `● ${oneLine(progress.run)} has started`;
		case "run.paused":
			return "‖ paused";
		case "run.recovered":
			return `● ${oneLine(progress.run)} goes on`;
		case "run.stopping":
			return `● stops${event.reason === undefined ? "" : `: ${oneLine(event.reason)}`}`;
		case "run.portFailed":
			return `! the port ${event.port} failed: ${oneLine(event.message)}`;
		case "node.added":
			if (event.addedBy === undefined || progress.nodes > TOLD_NODES) return undefined;
			return `+ ${oneLine(event.node)}, which ${oneLine(event.addedBy)} asked for`;
		case "node.parked":
			if (event.wait.kind === "child" || event.wait.kind === "sleep") return undefined;
			return `◇ ${oneLine(event.node)} ${waitNote(event.wait, event.at)}`;
		case "node.attemptFailed": {
			const again = event.retryAt > event.at ? `; again in ${lengthText(event.retryAt - event.at)}` : "; again";
			return `↻ ${oneLine(event.node)}: ${errorText(event.error)}${again}`;
		}
		case "node.failed":
			return `✗ ${oneLine(event.node)}: ${errorText(event.error)}`;
		case "node.completed":
			if (progress.nodes <= TOLD_NODES)
				return `✓ ${oneLine(event.node)}${since === undefined || Number.isNaN(since) ? "" : `  ${lengthText(event.at - since)}`}`;
			break;
		default:
	}
	return tenthsLine(progress, tenthsBefore);
}

function tenthsLine(progress: RunProgress, before: number): string | undefined {
	if (progress.nodes <= TOLD_NODES) return undefined;
	const now = tenthsOf(progress);
	// Nodes that are added make the share smaller: it is said when it rises.
	if (now <= before) return undefined;
	return `${now * 10} %: ${progress.done.toLocaleString("en")} of ${counted(progress.nodes, "node")}`;
}

function tenthsOf({ done, nodes }: RunProgress): number {
	return nodes === 0 ? 0 : Math.floor((10 * done) / nodes);
}

function errorText({ code, message }: { readonly code: string; readonly message: string }): string {
	return `${oneLine(code, 40)}: ${oneLine(message)}`;
}
