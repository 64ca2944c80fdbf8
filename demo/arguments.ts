import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** Git ignores this folder, and building leaves it alone. */
export const OWN_JOURNAL = fileURLToPath(new URL("output/runs.db", import.meta.url));

export const USAGE = `usage: npm run demo -- [PROJECT] [--out DIR] [--durable] [--journal FILE]
       npm run demo -- --resume RUN [--out DIR] [--journal FILE]

Reads the installed dependency tree of PROJECT (default: this folder) and writes
demo-report.md and demo-graph.mmd to DIR (default: this folder).

  --durable        keeps the run in a journal, so that it survives its process; the
                   command that goes on with it is printed as soon as it is kept
  --journal FILE   the journal; implies --durable (default: demo/output/runs.db in the
                   folder of the demo, which keeps the last 20 runs)
  --resume RUN     goes on with a durable run, or writes the report of one that has ended

Ctrl-C (SIGINT) and SIGTERM end the demo with the exit code 130 or 143. A durable run is
let go of: what is being read may finish within 5 seconds, the rest is read by --resume.
The same signal again ends the process at once; --resume works then, too, and after a
kill -9. A package that was being read when the process was killed, three times, is
reported as failed: it might be what kills it.`;

/** A run that is kept in a journal: the one to go on with, or a new one over a project. */
export type Durable = { readonly journal: string } & ({ readonly project: string } | { readonly resume: string });

export type Arguments =
	| { readonly kind: "run"; readonly project: string; readonly out: string }
	| { readonly kind: "durable"; readonly run: Durable; readonly out: string }
	| { readonly kind: "help" }
	| { readonly kind: "wrong"; readonly message: string };

/** What the command line asks for, or one line that says what is wrong with it. */
export function readArguments(args: readonly string[], cwd: string): Arguments {
	try {
		const text = { type: "string" } as const;
		const { values, positionals } = parseArgs({
			args: [...args],
			allowPositionals: true,
			options: {
				...{ out: text, journal: text, resume: text },
				durable: { type: "boolean" },
				help: { type: "boolean", short: "h" },
			},
		});
		if (values.help) return { kind: "help" };
		if (positionals.length > 1) return wrong(`one project at a time, not ${positionals.length}`);
		const { journal, resume } = values;
		if ([positionals[0], values.out, journal].includes("")) return wrong("a path may not be empty");
		const out = resolve(cwd, values.out ?? ".");
		const file = journal === undefined ? OWN_JOURNAL : resolve(cwd, journal);
		if (resume !== undefined) {
			if (resume === "") return wrong("--resume needs the id of a run");
			if (positionals.length > 0) return wrong("a run that goes on has its project: name none with --resume");
			return { kind: "durable", run: { journal: file, resume }, out };
		}
		const named = positionals[0] ?? ".";
		const project = resolve(cwd, named);
		const stat = statSync(project, { throwIfNoEntry: false });
		if (stat === undefined) return wrong(`there is no ${named}`);
		if (!stat.isDirectory()) return wrong(`${named} is no folder`);
		if (!values.durable && journal === undefined) return { kind: "run", project, out };
		return { kind: "durable", run: { journal: file, project }, out };
	} catch (error) {
		return wrong((error as Error).message);
	}
}

function wrong(message: string): Arguments {
	return { kind: "wrong", message: message.replaceAll("\n", " ") };
}

/** The command that goes on with a run, from wherever the user is in a shell. */
export function resumeCommand(run: string, journal: string, out: string, cwd: string): string {
	const options = [
		// Ids may begin with a dash.
		`--resume=${quoted(run)}`,
		...(journal === OWN_JOURNAL ? [] : [`--journal=${quoted(journal)}`]),
		...(out === cwd ? [] : [`--out=${quoted(out)}`]),
	];
	return `npm run demo -- ${options.join(" ")}`;
}

/** Text as one word of a shell. */
function quoted(text: string): string {
	return /^[\w./:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
