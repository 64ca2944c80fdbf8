import { randomIds } from "dagswarm";
import type { World } from "../../src/cli/world.js";
import { dagswarm, type Printed } from "./fake-world.js";

/** A `dagswarm serve` that goes on while a test does something else. */
export interface ServeSession {
	/** What it has said so far, a line each. */
	readonly lines: readonly string[];
	/** Resolves with the first line that fits, when it has been said; rejects when the service ends before. */
	line(pattern: RegExp): Promise<string>;
	/** Resolves when so many lines that fit have been said. */
	count(pattern: RegExp, count: number): Promise<void>;
	/** Ctrl-C. */
	stop(): void;
	/** Ctrl-C again. */
	abort(): void;
	readonly ended: Promise<Printed & { readonly code: number }>;
}

/** Begins to serve, in a world of its own. */
export function serveSession(args: readonly string[], changes: Partial<World> = {}): ServeSession {
	const lines: string[] = [];
	const waiting = new Set<() => void>();
	const first = new AbortController();
	const second = new AbortController();
	const say = (text: string): void => {
		lines.push(...text.split("\n"));
		for (const look of waiting) look();
	};
	let isOver = false;
	const ended = dagswarm(["serve", ...args], {
		ids: randomIds,
		signal: first.signal,
		abort: second.signal,
		out: say,
		error: say,
		...changes,
	}).finally(() => {
		isOver = true;
		for (const look of waiting) look();
	});
	const nth = (pattern: RegExp, count: number): Promise<string> =>
		new Promise((resolve, reject) => {
			const look = (): void => {
				const found = lines.filter((each) => pattern.test(each))[count - 1];
				if (found === undefined && !isOver) return;
				waiting.delete(look);
				if (found !== undefined) resolve(found);
				else reject(new Error(`it ended without a line like ${String(pattern)}:\n${lines.join("\n")}`));
			};
			waiting.add(look);
			look();
		});
	return {
		lines,
		line: (pattern) => nth(pattern, 1),
		count: async (pattern, count) => void (await nth(pattern, count)),
		stop: () => first.abort(),
		abort: () => second.abort(),
		ended,
	};
}
