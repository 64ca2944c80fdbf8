import type { ErrorInfo } from "../../core/errors.js";
import type { NodeId } from "../../core/ids.js";
import type { RunEvent, RunEventType, StoredSpec, Wake } from "../../graph/types.js";
import { waitNote } from "./node-note.js";
import { oneLine, valueText } from "./one-line.js";
import type { Paint } from "./paint.js";
import { clockText, dayText } from "./time-text.js";

type Format = Parameters<Paint>[0];

/** Events as lines: when, which, of which node, what. A line with the day comes first, and whenever it has changed. */
export class EventLines {
	#day = "";
	readonly #paint: Paint;

	constructor(paint: Paint) {
		this.#paint = paint;
	}

	/** One line, or two. */
	next(event: RunEvent): string {
		const day = dayText(event.at);
		const line = eventLine(event, this.#paint);
		if (day === this.#day) return line;
		this.#day = day;
		return `${this.#paint("bold", day)}\n${line}`;
	}
}

const SEQ_WIDTH = 7;
const TYPE_WIDTH = 18;

/** One event as a line. */
export function eventLine(event: RunEvent, paint: Paint): string {
	const time = paint("gray", `${clockText(event.at, true)} ${`#${event.seq}`.padStart(SEQ_WIDTH)}`);
	const type = event.type.padEnd(TYPE_WIDTH);
	const format = FORMATS[event.type];
	const node = nodeOf(event);
	const about = eventText(event);
	const words = [node === undefined ? "" : oneLine(node, 80), about].filter((word) => word !== "").join("  ");
	return `${time}  ${format === undefined ? type : paint(format, type)}  ${words}`.trimEnd();
}

/** Every type of event, with the colour that it has. */
const FORMATS: Readonly<Record<RunEventType, Format | undefined>> = {
	"run.created": undefined,
	"run.started": undefined,
	"run.recovered": undefined,
	"run.closed": undefined,
	"run.waiting": undefined,
	"run.paused": undefined,
	"run.resumed": undefined,
	"run.signalled": undefined,
	"run.stopping": "red",
	"run.ended": undefined,
	"run.portFailed": "red",
	"node.added": undefined,
	"node.updated": undefined,
	"node.started": undefined,
	"node.parked": "magenta",
	"node.woken": undefined,
	"node.attemptFailed": "yellow",
	"node.stepped": undefined,
	"node.charged": undefined,
	"node.steered": undefined,
	"node.emitted": undefined,
	"node.completed": "green",
	"node.failed": "red",
	"node.skipped": undefined,
	"node.abandoned": undefined,
	"node.cancelled": undefined,
	"node.speculated": undefined,
	"node.confirmed": undefined,
	"edge.added": undefined,
	"edge.removed": undefined,
	"patch.rejected": "red",
	"patch.applied": undefined,
};

/** The types that events may have. */
export const EVENT_TYPES = Object.keys(FORMATS) as readonly RunEventType[];

/** The node that an event is about. */
export function nodeOf(event: RunEvent): NodeId | undefined {
	return "node" in event ? event.node : undefined;
}

/** What an event says beside its type and its node. */
export function eventText(event: RunEvent): string {
	switch (event.type) {
		case "run.created":
			return event.forkedFrom === undefined ? event.run : `${event.run}, fork of ${event.forkedFrom.run}`;
		case "run.recovered":
			return `by another process, epoch ${event.epoch}`;
		case "run.signalled":
			return `${event.name}${valuePart(event.payload)}, kept until somebody waits for it`;
		case "run.stopping":
		case "run.ended":
			return event.reason === undefined ? event.status : `${event.status}: ${oneLine(event.reason)}`;
		case "run.portFailed":
			return `${event.port}: ${oneLine(event.message)}`;
		case "edge.added":
		case "edge.removed":
			return `${oneLine(event.from, 80)} → ${oneLine(event.to, 80)}${by(event.by)}`;
		case "patch.rejected":
			return `${event.refusal.code}: ${oneLine(event.refusal.message)}`;
		case "patch.applied":
			return `${event.key}, which changed nothing`;
		case "node.added":
			return `${specText(event.spec)}${by(event.addedBy)}`;
		case "node.updated":
			return `${specText(event.spec)}${by(event.by)}`;
		default:
			return "node" in event ? nodeEventText(event) : "";
	}
}

function nodeEventText(event: Extract<RunEvent, { type: `node.${string}` }>): string {
	switch (event.type) {
		case "node.started":
			return `attempt ${event.attempt}`;
		case "node.parked":
			return waitNote(event.wait, event.at);
		case "node.woken":
			return wakeText(event.wake);
		case "node.attemptFailed": {
			const again =
				event.retryAt > event.at ? `, again in ${Math.round(event.retryAt - event.at)} ms` : ", again at once";
			return `attempt ${event.attempt}, ${event.interrupted ?? errorText(event.error)}${again}`;
		}
		case "node.stepped":
			return `step ${oneLine(event.name, 80)}${valuePart(event.value)}`;
		case "node.charged":
			return valueText(event.usage);
		case "node.steered":
			return valueText(event.payload);
		case "node.emitted":
			return `chunk ${event.index}${valuePart(event.value)}`;
		case "node.completed":
			return `${event.memo === true ? "remembered" : `attempt ${event.attempt}`}${valuePart(event.output)}`;
		case "node.failed":
			return `attempt ${event.attempt}, ${errorText(event.error)}`;
		case "node.skipped":
			return `because of ${oneLine(event.root, 80)}`;
		case "node.abandoned":
			return `${event.reason}${by(event.by)}`;
		case "node.speculated":
			return event.outcome === undefined ? event.mode : `${event.mode}, ${event.outcome.kind}`;
		case "node.confirmed":
			return by(event.by).slice(2);
		default:
			return "";
	}
}

/** An error in a few words. */
export function errorText({ code, message }: ErrorInfo): string {
	return `${oneLine(code, 40)}: ${oneLine(message)}`;
}

function wakeText(wake: Wake): string {
	switch (wake.kind) {
		case "signal":
			return `by its signal${valuePart(wake.payload)}`;
		case "approved":
			return `approved${wake.by === undefined ? "" : ` by ${oneLine(wake.by, 40)}`}${valuePart(wake.data)}`;
		case "rejected":
			return `rejected${wake.by === undefined ? "" : ` by ${oneLine(wake.by, 40)}`}${
				wake.reason === undefined ? "" : `: ${oneLine(wake.reason)}`
			}`;
		case "child":
			return `its call ${wake.status}${wake.error === undefined ? valuePart(wake.output) : `: ${errorText(wake.error)}`}`;
		case "expired":
			return "its time is over";
		default:
			return wake.kind === "retry" ? "for its next attempt" : "slept";
	}
}

function specText({ agent, dependsOn }: StoredSpec): string {
	const after = dependsOn === undefined ? [] : Object.values(dependsOn);
	return `agent ${oneLine(agent, 40)}${after.length === 0 ? "" : `, after ${oneLine(after.slice(0, 5).join(", "))}`}`;
}

function valuePart(value: unknown): string {
	return value === undefined ? "" : ` = ${valueText(value)}`;
}

function by(node: NodeId | undefined): string {
	return node === undefined ? "" : `, by ${oneLine(node, 40)}`;
}
