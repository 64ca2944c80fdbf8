import type { Clock } from "../core/clock.js";
import type { IdSource } from "../core/ids.js";

/** Where the live view is painted: the part of a terminal's stream that it takes. */
export interface Screen {
	readonly isTTY: boolean;
	readonly columns: number;
	readonly rows: number;
	write(text: string): void;
}

/** What runs the command. */
export interface NodeFacts {
	/** Such as `v24.1.0`. */
	readonly version: string;
	/** Whether it runs TypeScript by itself. */
	readonly typescript: boolean;
}

/** All that a command may touch of its process: tests hand in another one. */
export interface World {
	/** A line, or several, on stdout: what was asked for. The newline is added. */
	readonly out: (text: string) => void;
	/** The same on stderr: how it goes, and what went wrong. */
	readonly error: (text: string) => void;
	/** The terminal behind stderr; undefined when it is none. */
	readonly screen: Screen | undefined;
	/** Whether stdout is a terminal. */
	readonly isTerminal: boolean;
	/** Of stdout; 80 where nobody knows. */
	readonly columns: number;
	/** Whether stdout takes colours, and stderr. */
	readonly colours: boolean;
	readonly errorColours: boolean;
	/** Relative paths are below it. */
	readonly cwd: string;
	/** What `DAGSWARM_STORE` says. */
	readonly storeFile: string | undefined;
	/** The first Ctrl-C or SIGTERM: let go. */
	readonly signal: AbortSignal;
	/** The second one: stop at once. */
	readonly abort: AbortSignal;
	/** What is typed, line by line; undefined where nobody sits. Reading it holds the process: end the loop. */
	readonly questions: AsyncIterable<string> | undefined;
	/** Who sits there, as answers name them. */
	readonly user: string;
	readonly node: NodeFacts;
	readonly clock: Clock;
	/** The time of day, as other processes see it: what is due, and since when. */
	readonly wall: Clock;
	readonly ids: IdSource;
}

/** The options that every command has. */
export interface Shared {
	/** The file of the store, an absolute path. */
	readonly store: string;
	/** JSON in place of text. */
	readonly json: boolean;
}
