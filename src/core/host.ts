import { hostname } from "node:os";

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
