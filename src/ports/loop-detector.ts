import { sha256 } from "../core/checksum.js";
import { SwarmError } from "../core/errors.js";
import { canonicalJson } from "../core/plain.js";
import { checkWhole } from "../core/whole.js";
import type { CriticActivity, CriticHandle, CriticPort, CriticVerdict } from "./critic.js";

/** What a {@link loopDetector} takes for a loop. */
export interface LoopDetectorOptions {
	/** So often the same call is told of; 2 to 1,000, default 3. */
	readonly times?: number;
	/** It counts within so many calls, up to 10,000; by default only in a row. */
	readonly window?: number;
	/** So often the same call ends the attempt; above `times`, by default twice that. `Infinity`: never. */
	readonly killAfter?: number;
	/** What the agent is told; by default it says what is wrong. */
	readonly message?: string;
}

/**
 * A critic for agents that call the same tool with the same arguments again and again. The order of their members makes
 * no difference. Time limits stay as they are. Each attempt has a count of its own.
 *
 * @throws SwarmError `INVALID_OPTION` for a number out of its range, or a window in which `killAfter` calls have no room
 *
 * @example
 * ```ts
 * import { loopDetector } from "dagswarm";
 *
 * const run = { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const attempt = { node: "n", agent: "search", attempt: 1 };
 * const handle = loopDetector({ times: 2 }).watch({ run, attempt, startedAt: 0 });
 * const call = { kind: "tool" as const, at: 0, name: "fetch", node: "n" };
 *
 * handle?.activity?.({ ...call, input: { url: "/", depth: 1 } }); // undefined
 * handle?.activity?.({ ...call, input: { depth: 1, url: "/" } }); // { action: "steer", … }
 * ```
 */
export function loopDetector(options: LoopDetectorOptions = {}): CriticPort {
	const { times = 3, window, killAfter = 2 * times, message } = options;
	checkWhole(times, "times", 2, 1_000);
	checkWhole(window, "window", times, 10_000);
	if (killAfter !== Number.POSITIVE_INFINITY) checkWhole(killAfter, "killAfter", times + 1, 10_000);
	if (window !== undefined && options.killAfter !== undefined && killAfter > window && Number.isFinite(killAfter))
		throw new SwarmError("INVALID_OPTION", `killAfter is ${killAfter}, and only the last ${window} calls count`);
	const settings = { times, window, killAfter: Math.min(killAfter, window ?? killAfter), message };
	// Within a window of just `times` calls a loop that goes on is killed by what follows the first message.
	if (settings.killAfter === times) settings.killAfter = Number.POSITIVE_INFINITY;
	return {
		watch: ({ attempt }) => (attempt === undefined ? null : new LoopWatch(settings)),
	};
}

interface LoopSettings {
	readonly times: number;
	readonly window: number | undefined;
	readonly killAfter: number;
	readonly message: string | undefined;
}

class LoopWatch implements CriticHandle {
	/** It has nothing to say about time: the limit stays hard. */
	readonly hardFactor = 1;
	readonly #settings: LoopSettings;
	/** The calls that count, the oldest first; in a row only the last one. */
	readonly #calls: string[] = [];
	/** How often each of them is there. */
	readonly #counts = new Map<string, number>();
	#killed: CriticVerdict | undefined;

	constructor(settings: LoopSettings) {
		this.#settings = settings;
	}

	activity({ kind, name = "", input }: CriticActivity): CriticVerdict | undefined {
		if (this.#killed !== undefined || kind !== "tool") return this.#killed;
		const call = fingerprint(name, input);
		// What cannot be written down is like nothing else, but it is a call, too.
		const count = this.#count(call ?? "");
		if (call === undefined) return undefined;
		const { times, killAfter, message } = this.#settings;
		const wrong = `"${name}" was called ${count} times with the same arguments`;
		if (count === times) return { action: "steer", message: message ?? wrong };
		if (count < killAfter) return undefined;
		this.#killed = { action: "kill", reason: wrong };
		return this.#killed;
	}

	/** How often a call has come, with this one. */
	#count(call: string): number {
		const { window } = this.#settings;
		if (window === undefined) {
			if (!this.#counts.has(call)) this.#counts.clear();
		} else {
			this.#calls.push(call);
			const oldest = this.#calls.length > window ? this.#calls.shift() : undefined;
			if (oldest !== undefined) this.#leave(oldest);
		}
		const count = (this.#counts.get(call) ?? 0) + 1;
		this.#counts.set(call, count);
		return count;
	}

	#leave(call: string): void {
		const left = (this.#counts.get(call) ?? 0) - 1;
		if (left > 0) this.#counts.set(call, left);
		else this.#counts.delete(call);
	}
}

/** The same for the same call; undefined for arguments that cannot be written down. Arguments may be large. */
function fingerprint(name: string, input: unknown): string | undefined {
	try {
		return sha256(`${JSON.stringify(name)} ${canonicalJson(input)}`);
	} catch {
		// A cycle, a bigint, a getter that throws: a critic must not fail because of what an agent does.
		return undefined;
	}
}
