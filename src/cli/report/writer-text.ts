import { isProcessThere, thisProcess } from "../../core/host.js";
import type { RunSummary } from "../../journal/journal.js";
import { lengthText } from "./time-text.js";

/** A heart that has not beaten for so long has stopped, or its machine cannot be heard. */
const SILENCE_MS = 15_000;

/**
 * Whether the process that writes a run is there: `alive`, `gone`, or `silent`, where that cannot be known from here.
 * Undefined when nobody writes it.
 */
export type WriterState = "alive" | "gone" | "silent";

/** Looks for the process that writes a run. */
export function writerState({ writer }: RunSummary, now: number): WriterState | undefined {
	if (writer === undefined) return undefined;
	if (writer.host === thisProcess().host && !isProcessThere(writer.pid)) return "gone";
	return Math.abs(now - writer.heartbeatAt) > SILENCE_MS ? "silent" : "alive";
}

/** Who writes a run, for people. */
export function writerText(summary: RunSummary, now: number): string {
	const { writer, ended } = summary;
	const state = writerState(summary, now);
	if (ended) return "";
	if (writer === undefined || state === undefined) return "nobody";
	const who = `pid ${writer.pid}${writer.host === thisProcess().host ? "" : ` on ${writer.host}`}`;
	if (state === "silent") return `${who}, silent for ${lengthText(now - writer.heartbeatAt)}`;
	return `${who}, ${state}`;
}

/** Whether a run could go on and nobody has it. */
export function isLeft(summary: RunSummary, now: number): boolean {
	if (summary.ended) return false;
	const state = writerState(summary, now);
	return state === undefined || state === "gone";
}
