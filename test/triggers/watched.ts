import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type SwarmError, systemClock } from "dagswarm";
import { onTestFinished } from "vitest";
import type { FileChange } from "../../src/triggers/file-changes.js";
import { type Manifest, manifestText, parseManifest } from "../../src/triggers/file-manifest.js";
import { type FileWatch, type FileWatchOptions, watchFiles } from "../../src/triggers/file-watcher.js";
import type { FileSchedule } from "../../src/triggers/trigger.js";

/** A folder with files, gone when the test is over. */
export function project(files: Readonly<Record<string, string>> = {}) {
	const cwd = mkdtempSync(join(tmpdir(), "dagswarm-files-"));
	onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
	const path = (name: string): string => join(cwd, name);
	const write = (name: string, content: string): void => {
		mkdirSync(dirname(path(name)), { recursive: true });
		writeFileSync(path(name), content);
	};
	for (const [name, content] of Object.entries(files)) write(name, content);
	return { cwd, path, write, remove: (name: string) => rmSync(path(name), { recursive: true, force: true }) };
}

/** Watched files, as a service sees them: what is stored is text. */
export class Watched {
	stored: string | undefined;
	readonly changes: FileChange[] = [];
	readonly problems: SwarmError[] = [];
	/** Called before anything is stored. */
	beforeStore: () => void = () => {};
	offered = 0;
	#watch: FileWatch | undefined;
	#waiting: (() => void)[] = [];

	get watch(): FileWatch {
		if (this.#watch === undefined) throw new Error("not started");
		return this.#watch;
	}

	get manifest(): Manifest | undefined {
		return this.stored === undefined ? undefined : parseManifest(this.stored);
	}

	/** `added a.md`, in order. */
	get told(): string[] {
		return this.changes.map(({ kind, path }) => `${kind} ${path}`);
	}

	async start(
		schedule: Omit<FileSchedule, "kind">,
		cwd: string,
		options: Partial<FileWatchOptions> = {},
	): Promise<void> {
		const on: FileSchedule = { kind: "file", settle: 20, ...schedule };
		this.#watch = await watchFiles(on, cwd, {
			manifest: this.manifest,
			clock: systemClock,
			onChanges: async (changes, manifest) => {
				this.offered++;
				this.beforeStore();
				this.stored = manifestText(manifest);
				this.changes.push(...changes);
				this.#wake();
			},
			onProblem: (problem) => {
				this.problems.push(problem);
				this.#wake();
			},
			...options,
		});
	}

	/** Resolves when it is so; whatever is told is a reason to look. */
	async until(isSo: (watched: Watched) => boolean): Promise<void> {
		while (!isSo(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
	}

	/** Stops, as if the process did. */
	async stop(): Promise<void> {
		await this.#watch?.close();
	}

	#wake(): void {
		for (const resolve of this.#waiting.splice(0)) resolve();
	}
}

/** Watches a project until the test is over. */
export async function watched(
	schedule: Omit<FileSchedule, "kind">,
	cwd: string,
	options?: Partial<FileWatchOptions>,
): Promise<Watched> {
	const made = new Watched();
	onTestFinished(() => made.stop());
	await made.start(schedule, cwd, options);
	return made;
}
