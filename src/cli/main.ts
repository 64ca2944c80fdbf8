#!/usr/bin/env node
import { userInfo } from "node:os";
import { createInterface } from "node:readline";
import type { ReadStream, WriteStream } from "node:tty";
import { systemClock, wallClock } from "../core/clock.js";
import { randomIds } from "../core/ids.js";
import { command } from "./program.js";
import type { Screen, World } from "./world.js";

// The only file that touches the process: the rest gets it handed in, and can be tested without one.
const { stdin, stdout, stderr } = process;
const letGo = new AbortController();
const stop = new AbortController();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
	process.on(signal, () => (letGo.signal.aborted ? stop : letGo).abort(signal));
}

// Node 22 says of the SQLite that it brings that it may change: who types a command can do nothing about it.
const tell = process.listeners("warning");
process.removeAllListeners("warning");
process.on("warning", (warning) => {
	if (warning.name === "ExperimentalWarning" && warning.message.includes("SQLite")) return;
	for (const listener of tell) listener.call(process, warning);
});

// `dagswarm ls | head` closes the pipe: no reason for a stack. A run that nobody reads of any more is let go of.
for (const stream of [stdout, stderr]) {
	stream.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
		letGo.abort("EPIPE");
	});
}

const world: World = {
	out: (text) => void stdout.write(`${text}\n`),
	error: (text) => void stderr.write(`${text}\n`),
	screen: screenOf(stderr),
	isTerminal: stdout.isTTY === true,
	get columns() {
		// A terminal may not know how wide it is, and says 0.
		return stdout.columns || 80;
	},
	colours: takesColours(stdout),
	errorColours: takesColours(stderr),
	cwd: process.cwd(),
	storeFile: process.env["DAGSWARM_STORE"],
	signal: letGo.signal,
	abort: stop.signal,
	questions: stdin.isTTY === true && stderr.isTTY === true ? linesOf(stdin) : undefined,
	user: userName(),
	node: { version: process.version, typescript: Boolean(process.features.typescript) },
	clock: systemClock,
	wall: wallClock,
	ids: randomIds,
};

const code = await command(process.argv.slice(2), world);
// Functions that do not listen, and what a module of the user's has opened, would keep the process.
stdout.write("", () => stderr.write("", () => process.exit(code)));

function screenOf(stream: WriteStream): Screen | undefined {
	return stream.isTTY === true ? stream : undefined;
}

/** Node looks at NO_COLOR and FORCE_COLOR. */
function takesColours(stream: WriteStream): boolean {
	return stream.isTTY === true && stream.hasColors();
}

function linesOf(stream: ReadStream): AsyncIterable<string> {
	return {
		[Symbol.asyncIterator]() {
			// Not as a terminal: that would take Ctrl-C for itself.
			const lines = createInterface({ input: stream, terminal: false });
			const inner = lines[Symbol.asyncIterator]();
			return {
				next: () => inner.next(),
				return: async () => {
					lines.close();
					return { done: true, value: undefined };
				},
			};
		},
	};
}

function userName(): string {
	try {
		return userInfo().username;
	} catch {
		// In a container without an entry for the user.
		return "terminal";
	}
}
