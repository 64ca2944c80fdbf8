import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export const USAGE = `usage: npm run demo -- [PROJECT] [--out DIR]

Reads the installed dependency tree of PROJECT (default: this folder) and writes
demo-report.md and demo-graph.mmd to DIR (default: this folder).`;

export type Arguments =
	| { readonly kind: "run"; readonly project: string; readonly out: string }
	| { readonly kind: "help" }
	| { readonly kind: "wrong"; readonly message: string };

/** What the command line asks for, or one line that says what is wrong with it. */
export function readArguments(args: readonly string[], cwd: string): Arguments {
	try {
		const { values, positionals } = parseArgs({
			args: [...args],
			allowPositionals: true,
			options: { out: { type: "string" }, help: { type: "boolean", short: "h" } },
		});
		if (values.help) return { kind: "help" };
		if (positionals.length > 1) return wrong(`one project at a time, not ${positionals.length}`);
		const named = positionals[0] ?? ".";
		if (named === "" || values.out === "") return wrong("a path may not be empty");
		const project = resolve(cwd, named);
		const stat = statSync(project, { throwIfNoEntry: false });
		if (stat === undefined) return wrong(`there is no ${named}`);
		if (!stat.isDirectory()) return wrong(`${named} is no folder`);
		return { kind: "run", project, out: resolve(cwd, values.out ?? ".") };
	} catch (error) {
		return wrong((error as Error).message);
	}
}

function wrong(message: string): Arguments {
	return { kind: "wrong", message: message.replaceAll("\n", " ") };
}
