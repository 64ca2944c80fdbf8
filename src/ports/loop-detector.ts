import { sha256 } from "../core/checksum.js";
import { canonicalJson } from "../core/plain.js";
import { checkWhole } from "../core/whole.js";
import type { CriticActivity, CriticHandle, CriticPort, CriticVerdict } from "./critic.js";

/** What a {@link loopDetector} takes for a loop. */
export interface LoopDetectorOptions {
	/** So often the same call is told of; 2 to 1,000, default 3. */
	readonly times?: number;
	/** It counts within so many calls, up to 10,000; by default only in a row. */
	readonly window?: number;
	/**
	 * So often the same call ends the attempt, counted on from `times` however few fit into the window; above `times`, by
	 * default twice that. `Infinity`: never.
	 */
	readonly killAfter?: number;
	/** What the agent is told; by default it says what is wrong. */
	readonly message?: string;
}

/**
 * A critic for agents that call the same tool with the same arguments again and again. The order of their members makes
 * no difference. Time limits stay as they are. Each attempt has a count of its own.
 *
 * @throws SwarmError `INVALID_OPTION` for a number out of its range
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
	const settings = { times, window, killAfter, message };
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

/** A call that is remembered. */
interface KnownCall {
	/** How often it is there. */
	count: number;
	/** How often it has come: once it was told of, on from there. */
	total: number;
}

class LoopWatch implements CriticHandle {
	/** It has nothing to say about time: the limit stays hard. */
	readonly hardFactor = 1;
	readonly #settings: LoopSettings;
	/** The calls that count, the oldest first; in a row only the last one. */
	readonly #calls: string[] = [];
	readonly #known = new Map<string, KnownCall>();
	#killed: CriticVerdict | undefined;

	constructor(settings: LoopSettings) {
		this.#settings = settings;
	}

	activity({ kind, name = "", input }: CriticActivity): CriticVerdict | undefined {
		if (this.#killed !== undefined || kind !== "tool") return this.#killed;
		const call = fingerprint(name, input);
		// What cannot be written down is like nothing else, but it is a call, too.
		const known = this.#enter(call ?? "");
		const { times, killAfter, message } = this.#settings;
		if (call === undefined || known.count < times) return undefined;
		// In a small window there are never more than so many, though it goes on.
		known.total = known.total < times ? times : known.total + 1;
		const wrong = `"${name}" was called ${known.total} times with the same arguments`;
		if (known.total === times) return { action: "steer", message: message ?? wrong };
		if (known.total < killAfter) return undefined;
		this.#killed = { action: "kill", reason: wrong };
		return this.#killed;
	}

	#enter(call: string): KnownCall {
		const { window } = this.#settings;
		if (window === undefined) {
			if (!this.#known.has(call)) this.#known.clear();
		} else {
			this.#calls.push(call);
			const oldest = this.#calls.length > window ? this.#calls.shift() : undefined;
			if (oldest !== undefined) this.#leave(oldest);
		}
		const known = this.#known.get(call) ?? { count: 0, total: 0 };
		known.count++;
		this.#known.set(call, known);
		return known;
	}

	#leave(oldest: string): void {
		const known = this.#known.get(oldest);
		if (known !== undefined && --known.count === 0) this.#known.delete(oldest);
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
