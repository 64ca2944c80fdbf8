import { hostname } from "node:os";
import { systemClock } from "./clock.js";

/** The machine and the process that this is. */
export function thisProcess(): { readonly host: string; readonly pid: number } {
	return { host: hostname(), pid: process.pid };
}

/** Whether a process of this machine is there; a number may have gone to another one since. */
export function isProcessThere(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// EPERM says that it is there and belongs to somebody else.
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

const registry = Symbol.for("dagswarm.writers");

/** Ids of the writers that were made in this process, by whatever copy of the package. */
function writersHere(): Set<string> {
	const shared = globalThis as { [registry]?: Set<string> };
	shared[registry] ??= new Set();
	return shared[registry];
}

/** Notes a writer of this process. */
export function registerWriter(id: string): void {
	writersHere().add(id);
}

/** It writes no more. */
export function unregisterWriter(id: string): void {
	writersHere().delete(id);
}

/** Whether a writer was made in this process and still writes. */
export function isWriterHere(id: string): boolean {
	return writersHere().has(id);
}

/**
 * Whether a writer that had the number of this very process died before it: a container that is started again gives
 * its first process the same number and its machine the same name.
 *
 * @param since - when it began to write
 */
export function isPredecessor(id: string, since: number): boolean {
	return !isWriterHere(id) && since < systemClock.now() - process.uptime() * 1_000;
}
