import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll } from "vitest";
import { built } from "../integration/build.js";
import { root } from "../source.js";

/** How a process ended. */
export interface Exit {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stderr: string;
}

/** A process that runs one of the programs against the library as it would be published. */
export class Program {
	readonly ended: Promise<Exit>;
	/** Every line that it has written. */
	readonly lines: string[] = [];
	readonly #child: ChildProcess;
	#stderr = "";
	#over = false;
	#wake: (() => void)[] = [];

	constructor(file: string, task: unknown) {
		const child = spawn(process.execPath, [file, JSON.stringify(task)], { stdio: ["pipe", "pipe", "pipe"] });
		this.#child = child;
		if (child.stdout === null || child.stderr === null) throw new Error("a process without streams");
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			this.#stderr += text;
		});
		// Who has died does not read what it is told.
		child.stdin?.on("error", () => {});
		createInterface({ input: child.stdout }).on("line", (line) => {
			this.lines.push(line);
			this.#stir();
		});
		this.ended = new Promise((resolve, reject) => {
			child.once("error", reject);
			child.once("close", (code, signal) => {
				this.#over = true;
				this.#stir();
				resolve({ code, signal, stderr: this.#stderr });
			});
		});
	}

	get pid(): number {
		if (this.#child.pid === undefined) throw new Error("the process did not start");
		return this.#child.pid;
	}

	get over(): boolean {
		return this.#over;
	}

	/** Waits until it has written so many lines that match. @returns the last of them; undefined when it ends before */
	async line(matching: RegExp | string, count = 1): Promise<string | undefined> {
		for (let from = 0, found = 0; ; ) {
			for (; from < this.lines.length; from++) {
				const line = this.lines[from] ?? "";
				if (!(typeof matching === "string" ? line === matching : matching.test(line))) continue;
				if (++found === count) return line;
			}
			if (this.#over) return undefined;
			await new Promise<void>((resolve) => this.#wake.push(resolve));
		}
	}

	/** The same, where nothing else may happen. */
	async expectLine(matching: RegExp | string): Promise<string> {
		const line = await this.line(matching);
		if (line !== undefined) return line;
		const { code, signal, stderr } = await this.ended;
		throw new Error(`the process ended (${code ?? signal}) without ${matching}:\n${this.lines.join("\n")}\n${stderr}`);
	}

	tell(line: string): void {
		this.#child.stdin?.write(`${line}\n`);
	}

	signal(name: NodeJS.Signals): void {
		this.#child.kill(name);
	}

	#stir(): void {
		for (const wake of this.#wake.splice(0)) wake();
	}
}

/** A place for the files of one test module, and the programs built for it. */
export interface Programs {
	readonly start: (name: string, task: unknown) => Program;
	/** A new path in a folder that goes with the tests. */
	readonly path: (name: string) => string;
}

/** Builds the library and the programs before the tests of a module; ends what they left running after them. */
export function programs(): Programs {
	let library: Awaited<ReturnType<typeof built>> | undefined;
	let folder: string;
	let paths = 0;
	const started: Program[] = [];
	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), "dagswarm-durable-"));
		library = await built();
		const to = join(library.folder, "programs");
		mkdirSync(to);
		const from = join(root, "test", "durable", "programs");
		for (const name of readdirSync(from)) {
			// A program may look inside: there it is what is built, too.
			const code = readFileSync(join(from, name), "utf8").replaceAll('"../../../src/', '"../dist/');
			writeFileSync(join(to, name.replace(/ts$/, "js")), stripTypeScriptTypes(code));
		}
	});
	afterAll(async () => {
		for (const program of started) if (!program.over) program.signal("SIGKILL");
		await Promise.all(started.map(({ ended }) => ended));
		library?.remove();
		rmSync(folder, { recursive: true, force: true });
	});
	return {
		start: (name, task) => {
			const program = new Program(join(library?.folder ?? "", "programs", `${name}.js`), task);
			started.push(program);
			return program;
		},
		path: (name) => join(folder, `${paths++}-${name}`),
	};
}
