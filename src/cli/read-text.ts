import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SwarmError } from "../core/errors.js";
import { jsonOption } from "./option-values.js";
import type { World } from "./world.js";

/** The descriptor of stdin. */
const STDIN = 0;

/**
 * The text of a file that an option names; `-` is stdin.
 *
 * @throws SwarmError `INVALID_OPTION` when it cannot be read
 */
export function readText(path: string, option: string, { cwd }: World): string {
	const file = path === "-" ? STDIN : resolve(cwd, path);
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		const what = path === "-" ? "stdin" : String(file);
		throw new SwarmError("INVALID_OPTION", `${option}: ${what} cannot be read: ${(error as Error).message}`);
	}
}

/**
 * JSON of an option; `@FILE` reads it from a file.
 *
 * @throws SwarmError `INVALID_INPUT` for what is no JSON, `INVALID_OPTION` for a file that cannot be read
 */
export function jsonInput(text: string | undefined, option: string, world: World): unknown {
	if (text === undefined || !text.startsWith("@")) return jsonOption(text, option);
	const file = text.slice(1);
	return jsonOption(readText(file, option, world), resolve(world.cwd, file));
}
