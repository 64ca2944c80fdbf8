import type { DoneBy, Told } from "../tell-run.js";
import type { CommandLine } from "./end-report.js";
import { oneLine } from "./one-line.js";

/** What was done to a run, as a document. */
export function toldJson({ run, command, by }: Told, line: CommandLine): object {
	const { type, ...about } = command;
	return { run, done: type, ...about, by: by === "here" ? undefined : by, next: nextStep({ run, command, by }, line) };
}

/** What was done to a run, for people. */
export function toldText(told: Told, line: CommandLine): string[] {
	const lines = [doneText(told) + whoText(told.by)];
	const next = nextStep(told, line);
	if (next !== undefined) lines.push(`nobody has the run: ${next} goes on with it`);
	return lines;
}

function nextStep({ run, command, by }: Told, line: CommandLine): string | undefined {
	return by === "here" && command.type !== "cancel" ? line("resume", run) : undefined;
}

function doneText({ run, command }: Told): string {
	const of = `of ${oneLine(run)}`;
	switch (command.type) {
		case "cancel":
			return `${oneLine(run)} is cancelled`;
		case "approve":
			return `${oneLine(command.node)} ${of} is approved`;
		case "reject":
			return `${oneLine(command.node)} ${of} is rejected`;
		case "signal":
			return `${oneLine(run)} has the signal ${oneLine(command.name)}`;
		case "steer":
			return `${oneLine(command.node)} ${of} has the message`;
		default:
			return `${oneLine(run)} is told to ${command.type}`;
	}
}

function whoText(by: DoneBy): string {
	return by === "here" ? "" : `, by process ${by.pid}`;
}
