import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Runs a file of this folder in a fresh process with Node's defaults and returns the JSON that it prints. */
export async function inFreshProcess<Value>(file: string, args: readonly string[]): Promise<Value> {
	const { NODE_OPTIONS: _, ...env } = process.env;
	const path = fileURLToPath(new URL(file, import.meta.url));
	const { stdout } = await execute(process.execPath, [path, ...args], { env, maxBuffer: 1 << 20 });
	return JSON.parse(stdout) as Value;
}
