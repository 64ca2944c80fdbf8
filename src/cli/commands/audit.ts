import { readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SwarmError } from "../../core/errors.js";
import { type AuditVerdict, type VerifyAuditOptions, verifyAudit } from "../../ports/audit-reader.js";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { json } from "../report/json.js";
import { counted, oneLine } from "../report/one-line.js";
import { type Paint, painter } from "../report/paint.js";
import type { Shared, World } from "../world.js";

interface Options {
	readonly secretFile: string;
	readonly open?: boolean;
	readonly run?: string;
	readonly since?: string;
}

/** The descriptor of stdin. */
const STDIN = 0;

/** `dagswarm audit verify`: whether audit files are as they were written. */
export const audit: Command = (program, world) => {
	program
		.command("audit")
		.description("Looks after audit files.")
		.command("verify")
		.description("Says whether audit files are as they were written, to the last record.")
		.argument("<path>", "an audit file, or a folder of them")
		.requiredOption("--secret-file <file>", "the file with the secret that they were written with; - is stdin")
		.option("--open", "let pass files that were not closed: their run goes on, or its process has died")
		.option("--run <id>", "the run of a file that has another name")
		.option("--since <records:mac>", "what an earlier verification has printed: the file must go on from there")
		.addHelpText("after", "\nExit code: 0 all are as they were written, 1 one is not, 2 wrong arguments")
		.action(
			action(world, async (shared: Shared, path: string, options: Options) => {
				const secret = secretIn(options.secretFile, world);
				const files = await filesAt(resolve(world.cwd, path));
				const verdicts: { file: string; verdict: AuditVerdict }[] = [];
				for (const file of files)
					verdicts.push({ file, verdict: await verifyAudit(file, secret, asked(options, files)) });
				if (shared.json) {
					world.out(json({ files: verdicts.map(({ file, verdict }) => ({ file, ...verdict })) }, world));
				} else world.out(verdictLines(verdicts, painter(world)).join("\n"));
				return verdicts.every(({ verdict }) => verdict.ok) ? EXIT.completed : EXIT.failed;
			}),
		);
};

function secretIn(file: string, { cwd }: World): Buffer {
	try {
		const bytes = readFileSync(file === "-" ? STDIN : resolve(cwd, file));
		// Editors and `echo` end a file with a newline, which is no part of a secret.
		const ends = /\r?\n$/.exec(bytes.toString("latin1"))?.[0].length ?? 0;
		return bytes.subarray(0, bytes.length - ends);
	} catch (error) {
		throw new SwarmError("INVALID_OPTION", `the secret cannot be read: ${reason(error)}`, {
			hint: "--secret-file names a file with the secret in it, and nothing else",
		});
	}
}

async function filesAt(path: string): Promise<readonly string[]> {
	try {
		if (!(await stat(path)).isDirectory()) return [path];
		const names = (await readdir(path)).filter((name) => name.endsWith(".jsonl")).sort();
		if (names.length > 0) return names.map((name) => join(path, name));
	} catch (error) {
		throw new SwarmError("INVALID_OPTION", `${path} cannot be read: ${reason(error)}`);
	}
	throw new SwarmError("INVALID_OPTION", `there are no audit files in ${path}`, {
		hint: "they end with .jsonl, and stand in the folder that fileAudit was given",
	});
}

function asked({ open, run, since }: Options, files: readonly string[]): VerifyAuditOptions {
	if (files.length > 1 && (run !== undefined || since !== undefined))
		throw new SwarmError("INVALID_OPTION", "--run and --since are about one file, and this is a folder of several");
	return {
		...(open === true && { sealed: false }),
		...(run !== undefined && { run }),
		...(since !== undefined && { since: anchorOf(since) }),
	};
}

function anchorOf(text: string): NonNullable<VerifyAuditOptions["since"]> {
	const [, records, mac] = /^(\d{1,15}):([0-9a-f]+)$/.exec(text) ?? [];
	if (records !== undefined && mac !== undefined) return { records: Number(records), mac };
	throw new SwarmError("INVALID_OPTION", `--since is ${JSON.stringify(text)}, no anchor`, {
		hint: "an anchor is printed by `dagswarm audit verify`, such as 12:9f86d0…",
	});
}

function verdictLines(verdicts: readonly { file: string; verdict: AuditVerdict }[], paint: Paint): string[] {
	const lines = verdicts.flatMap(({ file, verdict }) => {
		if (!verdict.ok) return [paint("red", `✗ ${file}`), `  ${oneLine(verdict.reason, 400)}`];
		const { run, records, sealed, mac, torn } = verdict;
		const end = sealed ? "closed" : torn > 0 ? `open, with ${counted(torn, "byte")} of a record` : "open";
		return [
			paint("green", `✓ ${file}`),
			`  run ${oneLine(run)}, ${counted(records, "record")}, ${end}; anchor ${records}:${mac}`,
		];
	});
	const wrong = verdicts.filter(({ verdict }) => !verdict.ok).length;
	if (verdicts.length > 1) lines.push(`${counted(verdicts.length, "file")}, ${wrong} not as written`);
	return lines;
}

function reason(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
