import { dirname } from "node:path";
import { SwarmError } from "../core/errors.js";

/** What goes wrong with watched files, each once as long as it lasts. */
export class FileProblems {
	readonly #told = new Set<string>();

	constructor(private readonly onProblem: (error: SwarmError) => void) {}

	/** A file or a folder cannot be read. What is below a folder that was told of is not told of again. */
	ofPath(path: string, error: Error): void {
		for (let each = dirname(path); each !== dirname(each); each = dirname(each)) if (this.#told.has(each)) return;
		const hint = "let the service read it, or ignore it; as long as it cannot be read it counts as unchanged";
		this.#tell(path, problem(`${path} cannot be read: ${error.message}`, hint, error));
	}

	ofMissing(folder: string): void {
		const hint = "its files do not count as deleted; they are compared when it is there again";
		this.#tell(folder, problem(`the folder ${folder} is not there`, hint));
	}

	/** The system does not tell of all changes any more. */
	ofWatching(error: Error): void {
		const { code = "" } = error as NodeJS.ErrnoException;
		this.#tell(`watching ${code}`, problem(`files cannot be watched: ${error.message}`, hintOf(code), error));
	}

	ofStore(error: unknown): void {
		const why = error instanceof Error ? error.message : String(error);
		const hint = "they are offered again";
		this.#tell(
			"store",
			SwarmError.is(error) ? error : problem(`changes of files were not stored: ${why}`, hint, error),
		);
	}

	/** Nothing more comes after it. */
	ofAll(error: unknown): void {
		const why = error instanceof Error ? error.message : String(error);
		const hint = "changes that come now are found when the trigger is started again";
		this.#call(SwarmError.is(error) ? error : problem(`files are not watched any more: ${why}`, hint, error));
	}

	stored(): void {
		this.#told.delete("store");
	}

	forget(path: string): void {
		this.#told.delete(path);
	}

	#tell(about: string, error: SwarmError): void {
		if (this.#told.has(about)) return;
		if (this.#told.size >= MOST_TOLD) this.#told.clear();
		this.#told.add(about);
		this.#call(error);
	}

	#call(error: SwarmError): void {
		try {
			this.onProblem(error);
		} catch {
			// It is there to be told, and has no say.
		}
	}
}

/** Who has as many problems hears of some twice. */
const MOST_TOLD = 10_000;

function problem(message: string, hint: string, cause?: unknown): SwarmError {
	return new SwarmError("PORT_FAILED", message, { hint }, { cause });
}

function hintOf(code: string): string {
	if (code === "ENOSPC")
		return "the system watches no more files for this user: raise fs.inotify.max_user_watches, or ignore folders";
	if (code === "EMFILE" || code === "ENFILE")
		return "too many files are open: raise the limit (ulimit -n, fs.inotify.max_user_instances), or ignore folders";
	return "changes may be found late, at the latest when the trigger is started again";
}
