import type { RunId } from "../../core/ids.js";
import { type Occurrence, type OccurrenceState, runOf } from "../../triggers/occurrence.js";
import type { WaitingNode } from "../../waiting-list.js";
import type { Leader } from "../use-books.js";
import { answerLine, type CommandLine } from "./end-report.js";
import { agoText, occurrenceJson, tookText } from "./occurrence-list.js";
import { counted, oneLine } from "./one-line.js";
import { lookOf, type Paint } from "./paint.js";
import { waitText } from "./run-list.js";
import { clockText, lengthText } from "./time-text.js";

/** What happens while a service runs. */
export type Happening =
	| {
			readonly type: "serving";
			readonly project: string;
			readonly store: string;
	  }
	/** It is known who leads, and a leader has taken up what was left behind. */
	| {
			readonly type: "ready";
			readonly leading: boolean;
			/** Who leads where this process does not. */
			readonly leader?: Leader;
			readonly triggers: number;
			/** Where it is asked by HTTP. */
			readonly address?: string;
	  }
	| { readonly type: "leading"; readonly leading: boolean }
	| { readonly type: "occurrence"; readonly occurrence: Occurrence }
	/** A run was brought back that another process has begun. */
	| { readonly type: "recovered"; readonly run: RunId }
	| { readonly type: "waiting"; readonly waiting: WaitingNode }
	| { readonly type: "warning"; readonly message: string }
	| { readonly type: "error"; readonly code?: string; readonly message: string }
	| { readonly type: "stopping"; readonly graceMs: number }
	| ({ readonly type: "stopped"; readonly exitCode: number } & Tally);

/** How many occurrences have come to what in this process. */
export interface Tally {
	readonly started: number;
	readonly completed: number;
	readonly failed: number;
	readonly cancelled: number;
	readonly skipped: number;
	/** They go on when a service runs again. */
	readonly open: number;
}

/** What happened as a line of JSON. */
export function happeningJson(happening: Happening, at: number): object {
	const { type } = happening;
	if (type === "occurrence") return { type, at, ...occurrenceJson(happening.occurrence) };
	if (type === "waiting") return { type, at, ...happening.waiting };
	return { ...happening, at };
}

/** Whether somebody who wants quiet is told, too. */
export function isLoud({ type }: Happening): boolean {
	return type === "warning" || type === "error";
}

/** What happened as a line for people; undefined for what is of no interest to them. */
export function happeningText(
	happening: Happening,
	{ at, paint, line }: { readonly at: number; readonly paint: Paint; readonly line: CommandLine },
): string | undefined {
	const text = textOf(happening, at, paint, line);
	return text === undefined ? undefined : `${paint("gray", clockText(at))}  ${text}`;
}

function textOf(happening: Happening, at: number, paint: Paint, line: CommandLine): string | undefined {
	switch (happening.type) {
		case "serving":
			return `● serves ${happening.project} from ${happening.store}`;
		case "ready": {
			const { leading, leader, triggers, address } = happening;
			const where = address === undefined ? "" : `, ${address}`;
			const by = leader === undefined ? "" : `: process ${leader.pid} on ${leader.host} leads`;
			return `● ready: ${leading ? "leads" : `stands by${by}`}, ${counted(triggers, "trigger")}${where}`;
		}
		case "leading":
			return happening.leading ? "● leads: starts what is due" : "○ leads no more: stands by";
		case "occurrence":
			return occurrenceText(happening.occurrence, at, paint);
		case "recovered":
			return `● ${oneLine(happening.run)} goes on`;
		case "waiting": {
			const { waiting } = happening;
			return `${paint("magenta", "◇")} ${oneLine(waiting.run)} waits for ${waitText(waiting)}: ${answerLine(waiting, line)}`;
		}
		case "warning":
			return `${paint("yellow", "!")} ${oneLine(happening.message, 500)}`;
		case "error": {
			const code = happening.code === undefined ? "" : `${happening.code}: `;
			return `${paint("red", "!")} ${code}${oneLine(happening.message, 500)}`;
		}
		case "stopping":
			return `○ stops: nothing starts any more, what runs has ${lengthText(happening.graceMs)} to end`;
		case "stopped":
			return `○ stopped: ${tallyText(happening)}`;
	}
}

function occurrenceText(row: Occurrence, at: number, paint: Paint): string | undefined {
	const { key, state, attempt, reason, error, nextAt, cancelling } = row;
	const { sign, format } = lookOf(state);
	const head = `${paint(format, sign)} ${oneLine(key)}`;
	const why = error === undefined ? reason : `${error.code}: ${error.message}`;
	const because = why === undefined ? "" : `: ${oneLine(why)}`;
	switch (state) {
		case "pending":
			// It starts at once, or waits for its turn.
			return nextAt === undefined || nextAt <= at ? undefined : `${head} starts ${agoText(nextAt, at)}`;
		case "running":
			if (cancelling !== undefined) return `${head} is to be cancelled: ${oneLine(cancelling)}`;
			return `${head} started${attempt > 1 ? `, attempt ${attempt}` : ""}`;
		case "waiting":
			return `${head} failed${because}; again ${nextAt === undefined ? "" : agoText(nextAt, at)}`.trimEnd();
		case "skipped":
			return `${head} skipped${because}`;
		case "completed":
			return `${head} completed in ${tookText(row) || "0 ms"}`;
		default:
			return `${head} ${state}${because}`;
	}
}

function tallyText({ started, completed, failed, cancelled, skipped, open }: Tally): string {
	const words = [`${started} started`, `${completed} completed`];
	if (failed > 0) words.push(`${failed} failed`);
	if (cancelled > 0) words.push(`${cancelled} cancelled`);
	if (skipped > 0) words.push(`${skipped} skipped`);
	if (open > 0) words.push(`${open} ${open === 1 ? "goes" : "go"} on when a service runs again`);
	return words.join(", ");
}

/** Counts what becomes of occurrences. */
export class OccurrenceTally {
	readonly #ended: Record<OccurrenceState, number> = {
		pending: 0,
		running: 0,
		waiting: 0,
		completed: 0,
		failed: 0,
		cancelled: 0,
		skipped: 0,
	};
	#started = 0;
	/** Runs of attempts that this process was told to begin, until they have. */
	readonly #begun = new Set<RunId>();

	/** Takes an occurrence as it is now. */
	note({ key, attempt, state, cancelling }: Occurrence): void {
		this.#ended[state]++;
		if (state !== "running" || cancelling !== undefined) return;
		if (attempt === 1) this.#started++;
		this.#begun.add(runOf(key, attempt));
	}

	/** Whether a run that goes on was begun by this process, which is asked once. */
	hasBegun(run: RunId): boolean {
		return this.#begun.delete(run);
	}

	/** @param open - how many have not ended, in the whole store */
	sum(open: number): Tally {
		const { completed, failed, cancelled, skipped } = this.#ended;
		return { started: this.#started, completed, failed, cancelled, skipped, open };
	}
}
