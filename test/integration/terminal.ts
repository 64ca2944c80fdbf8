import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** A command that goes on while others are typed. */
export interface Background {
	/** Resolves when it has said a line that fits, so many times. */
	said(pattern: RegExp, times?: number): Promise<void>;
	/** Sends it a signal, waits for its end, and writes down what it has said since it was begun. */
	end(signal: NodeJS.Signals): Promise<void>;
}

/** What Node itself says of its modules, in some versions. */
const NODE_SAYS = /ExperimentalWarning|--trace-warnings/;

/** A terminal in a folder: runs what is typed, and keeps what was to be seen. */
export class Terminal {
	readonly #folder: string;
	readonly #lines: string[] = [];
	readonly #running = new Set<ChildProcess>();

	/** @param folder - of a project that has the package among its modules */
	constructor(folder: string) {
		this.#folder = folder;
	}

	/** All that was to be seen, with what differs each time replaced: times, processes, the user, the folder. */
	get transcript(): string {
		return `${this.#lines.map((line) => this.#steady(line)).join("\n")}\n`;
	}

	/** Commands that have not ended. */
	get running(): number {
		return this.#running.size;
	}

	/** What somebody thinks. */
	say(text: string): void {
		if (this.#lines.length > 0) this.#lines.push("");
		this.#lines.push(`# ${text}`);
	}

	/** Something that no process does, as it would be typed. */
	typed(text: string): void {
		this.#lines.push(`$ ${text}`);
	}

	/**
	 * Types a command, and waits for its end.
	 *
	 * @param keep - which lines of its output are of interest; by default all
	 */
	async type(words: readonly string[], keep: (line: string) => boolean = () => true): Promise<void> {
		this.typed(words.map(quoted).join(" "));
		const child = this.#spawn(words);
		const [out, error] = [readLines(child.stdout), readLines(child.stderr)];
		const [code] = (await once(child, "close")) as [number | null];
		// How it went is said before what came of it.
		this.#lines.push(...error, ...out.filter(keep));
		if (code !== 0) this.#lines.push(`[exit code ${code}]`);
	}

	/** Types a command that goes on. */
	begin(words: readonly string[]): Background {
		this.typed(`${words.map(quoted).join(" ")} &`);
		const child = this.#spawn(words);
		const said: string[] = [];
		const waiting = new Set<() => void>();
		for (const stream of [child.stdout, child.stderr])
			readLines(stream, (line) => {
				said.push(line);
				for (const look of waiting) look();
			});
		const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
		void closed.then(() => {
			for (const look of waiting) look();
		});
		return {
			said: (pattern, times = 1) =>
				new Promise((resolve, reject) => {
					const look = (): void => {
						const isSaid = said.filter((line) => pattern.test(line)).length >= times;
						if (!isSaid && this.#running.has(child)) return;
						waiting.delete(look);
						if (isSaid) resolve();
						else reject(new Error(`it ended without ${String(pattern)}:\n${said.join("\n")}`));
					};
					waiting.add(look);
					look();
				}),
			end: async (signal) => {
				child.kill(signal);
				const [code] = await closed;
				this.#lines.push(`[${words.join(" ")}, after ${signal}]`, ...said);
				if (code !== null) this.#lines.push(`[exit code ${code}]`);
			},
		};
	}

	/** Nothing is left behind, whatever has happened. */
	close(): void {
		for (const child of this.#running) child.kill("SIGKILL");
	}

	#spawn([program = "", ...args]: readonly string[]) {
		const isOwn = program === "dagswarm";
		const main = join(this.#folder, "node_modules", "dagswarm", "dist", "cli", "main.js");
		const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
		const { DAGSWARM_STORE: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...env } = process.env;
		const child = spawn(isOwn ? process.execPath : program, isOwn ? [main, ...args] : args, {
			cwd: this.#folder,
			env: { ...env, PATH: path, NO_COLOR: "1" },
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.#running.add(child);
		child.once("close", () => this.#running.delete(child));
		return child;
	}

	#steady(line: string): string {
		if (line.startsWith("$ ")) return line;
		return line
			.replaceAll(this.#folder, "FOLDER")
			.replaceAll(`by ${userName()}`, "by USER")
			.replace(/ #\d+ /, " #N ")
			.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "MOMENT")
			.replace(/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "MOMENT")
			.replace(/\b\d\d:\d\d:\d\d\b/g, "TIME")
			.replace(/\b(\d+ h )?(\d+ m )?\d+(\.\d+)? ?(ms|s)\b(?! to end)/g, "SPAN")
			.replace(/\b(pid|process) \d+/g, "$1 PID")
			.replace(/(\S) {3,}/g, "$1  ")
			.trimEnd();
	}
}

function userName(): string {
	try {
		return userInfo().username;
	} catch {
		// What the command line says in a container without an entry for the user.
		return "terminal";
	}
}

function quoted(word: string): string {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`;
}

/** The lines of a stream, as they come. @returns those that have come */
function readLines(stream: NodeJS.ReadableStream, heard: (line: string) => void = () => {}): string[] {
	const lines: string[] = [];
	let rest = "";
	const take = (line: string): void => {
		if (NODE_SAYS.test(line)) return;
		lines.push(line);
		heard(line);
	};
	stream.setEncoding("utf8");
	stream.on("data", (text: string) => {
		const parts = (rest + text).split("\n");
		rest = parts.pop() ?? "";
		for (const line of parts) take(line);
	});
	stream.on("end", () => {
		if (rest !== "") take(rest);
	});
	return lines;
}
