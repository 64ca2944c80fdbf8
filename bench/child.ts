import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * Runs a file of this folder in a fresh process with Node's defaults and returns the JSON that it prints. A process that
 * takes more than `limit` microseconds is killed.
 */
export async function inFreshProcess<Value>(file: string, args: readonly string[], limit = 0): Promise<Value> {
	const { NODE_OPTIONS: _, ...env } = process.env;
	const path = fileURLToPath(new URL(file, import.meta.url));
	const { stdout } = await execute(process.execPath, [path, ...args], {
		env,
		maxBuffer: 1 << 20,
		timeout: limit / 1000,
		killSignal: "SIGKILL",
	});
	return JSON.parse(stdout) as Value;
}
