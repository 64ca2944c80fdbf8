import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { nameOf } from "../core/plain.js";
import { checkWhole } from "../core/whole.js";
import type {
	CriticActivity,
	CriticEscalation,
	CriticHandle,
	CriticPort,
	CriticSubject,
	CriticVerdict,
} from "./critic.js";

/** When an {@link idleCritic} steps in, and how. */
export interface IdleCriticOptions {
	/** It is asked about a subject that did nothing for so long; at least 1 ms. By default nobody minds. */
	readonly idleAfter?: Duration;
	/** It is asked about a subject that takes so long; at least 1 ms, by default the subject's time limit. */
	readonly softAfter?: Duration;
	/** The hard limit is the soft one, or the subject's own where that is later, times this; at least 1, default 2. */
	readonly hardFactor?: number;
	/** An attempt may do so many steps, call so many tools, and use models so often; by default as many as it likes. */
	readonly steps?: number;
	readonly tools?: number;
	readonly usages?: number;
	/** So often a subject is told before it is killed, for each cause by itself; 0 to 1,000, default 1. */
	readonly warnings?: number;
	/** What it gets when it is busy at its soft limit; at least 1 ms, by default half of that limit. */
	readonly extendBy?: Duration;
	/** How often it gets that; by default as often as the hard limit lets it. */
	readonly maxExtensions?: number;
	/** What the agent is told; by default it says what is wrong. */
	readonly message?: string;
	/**
	 * Whom it watches: `attempts` of nodes; `runs` as a whole; default `all`, where `idleAfter` and `softAfter` are about
	 * attempts, and a run is only looked after at its own time limit.
	 */
	readonly watch?: "attempts" | "runs" | "all";
}

/** Checked, in milliseconds. */
interface Thresholds extends Omit<IdleCriticOptions, "idleAfter" | "softAfter" | "extendBy"> {
	readonly idleAfter: number | undefined;
	readonly softAfter: number | undefined;
	readonly extendBy: number | undefined;
	readonly warnings: number;
	readonly maxExtensions: number;
}

/**
 * A critic with thresholds, for agents that fall silent, take too long or run away. Who is busy at its soft limit gets
 * more time, up to the hard limit. Who is idle, or does more steps, tool calls or model calls than it may, is told so,
 * and killed when that has not helped. Each subject has counts of its own.
 *
 * @throws SwarmError `INVALID_OPTION` for a threshold out of its range
 *
 * @example
 * ```ts
 * import { idleCritic } from "dagswarm";
 *
 * const critic = idleCritic({ idleAfter: "30s", steps: 50, warnings: 1 });
 * const run = { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const attempt = { node: "n", agent: "search", attempt: 1 };
 *
 * const handle = critic.watch({ run, attempt, startedAt: 0 });
 * const idle = { cause: "idle" as const, elapsed: 40_000, idle: 30_000, before: 0 };
 * handle?.escalate?.(idle); // { action: "steer", message: "nothing was done for 30 s", by: 30_000 }
 * handle?.escalate?.({ ...idle, before: 1 }); // { action: "kill", … }
 * ```
 */
export function idleCritic(options: IdleCriticOptions = {}): CriticPort {
	const thresholds = checked(options);
	const { watch = "all" } = options;
	if (!["attempts", "runs", "all"].includes(watch))
		throw new SwarmError("INVALID_OPTION", `watch is ${JSON.stringify(watch)}, not "attempts", "runs" or "all"`);
	return {
		watch(subject) {
			const isRun = subject.attempt === undefined;
			if (watch === (isRun ? "attempts" : "runs")) return null;
			// Both are idle when one is: it is enough to tell the attempt.
			const own = watch === "all" && isRun ? { ...thresholds, idleAfter: undefined, softAfter: undefined } : thresholds;
			const watchdog = new Watchdog(own, subject);
			return watchdog.hasCause ? watchdog : null;
		},
	};
}

/** The most that a count may be. */
const MOST = 1e9;

function checked(options: IdleCriticOptions): Thresholds {
	const { hardFactor, steps, tools, usages, warnings = 1, maxExtensions } = options;
	if (hardFactor !== undefined && !(hardFactor >= 1 && hardFactor < Number.POSITIVE_INFINITY))
		throw new SwarmError("INVALID_OPTION", `hardFactor is ${nameOf(hardFactor)}, not a finite number of at least 1`, {
			hint: "a hard limit before the soft one would leave nothing to the critic",
		});
	checkWhole(steps, "steps", 0, MOST);
	checkWhole(tools, "tools", 0, MOST);
	checkWhole(usages, "usages", 0, MOST);
	checkWhole(warnings, "warnings", 0, 1_000);
	checkWhole(maxExtensions, "maxExtensions", 0, MOST);
	return {
		...options,
		warnings,
		maxExtensions: maxExtensions ?? Number.POSITIVE_INFINITY,
		idleAfter: span(options.idleAfter, "idleAfter"),
		softAfter: span(options.softAfter, "softAfter"),
		extendBy: span(options.extendBy, "extendBy"),
	};
}

function span(duration: Duration | undefined, what: string): number | undefined {
	if (duration === undefined) return undefined;
	const ms = milliseconds(duration, what);
	if (ms < 1) throw new SwarmError("INVALID_OPTION", `${what} is ${ms} ms, less than a millisecond`);
	return ms;
}

/** Which counts there are, by the kinds of activity. */
const COUNTED = { step: "steps", tool: "tools", usage: "usages" } as const;
type Counted = keyof typeof COUNTED;

/** Why a subject is told something, or killed. */
type Cause = CriticEscalation["cause"] | Counted;

/** The watch over one subject. */
class Watchdog implements CriticHandle {
	declare readonly idleAfter?: number;
	declare readonly softAfter?: number;
	declare readonly hardFactor?: number;
	readonly #thresholds: Thresholds;
	readonly #extendBy: number | undefined;
	readonly #limited: boolean;
	readonly #counts: Record<Counted, number> = { step: 0, tool: 0, usage: 0 };
	readonly #warned: Record<Cause, number> = { idle: 0, deadline: 0, step: 0, tool: 0, usage: 0 };
	#extensions = 0;
	/** Something was done since the soft limit was looked at last. */
	#isBusy = false;
	/** Once it is to be killed nothing changes that. */
	#killed: CriticVerdict | undefined;

	constructor(thresholds: Thresholds, { attempt, limit }: CriticSubject) {
		const { idleAfter, softAfter, hardFactor, extendBy } = thresholds;
		if (idleAfter !== undefined) this.idleAfter = idleAfter;
		if (softAfter !== undefined) this.softAfter = softAfter;
		if (hardFactor !== undefined) this.hardFactor = hardFactor;
		const soft = softAfter ?? limit;
		this.#thresholds = thresholds;
		this.#extendBy = extendBy ?? (soft === undefined ? undefined : Math.max(1, soft / 2));
		this.#limited = attempt !== undefined && Object.values(COUNTED).some((count) => thresholds[count] !== undefined);
	}

	/** Whether there is anything that it could ever be asked about. */
	get hasCause(): boolean {
		return this.idleAfter !== undefined || this.#extendBy !== undefined || this.#limited;
	}

	activity({ kind }: CriticActivity): CriticVerdict | undefined {
		this.#isBusy = true;
		if (this.#killed !== undefined) return this.#killed;
		if (!this.#limited || kind === "output") return undefined;
		const count = ++this.#counts[kind];
		const most = this.#thresholds[COUNTED[kind]];
		if (most === undefined || count <= most) return undefined;
		return this.#object(kind, `${COUNTED[kind]}: ${count}, and ${most} are allowed`);
	}

	escalate({ cause, elapsed, idle }: CriticEscalation): CriticVerdict {
		if (this.#killed !== undefined) return this.#killed;
		if (cause === "idle") return this.#object("idle", `nothing was done for ${seconds(idle)}`, this.idleAfter);
		const by = this.#extendBy;
		const wasBusy = this.#isBusy;
		this.#isBusy = false;
		if (wasBusy && by !== undefined && this.#extensions < this.#thresholds.maxExtensions) {
			this.#extensions++;
			return { action: "extend", by };
		}
		return this.#object("deadline", `${seconds(elapsed)} have passed, and that is too long`, by);
	}

	/** @param by - when it is looked at again whether that has helped */
	#object(cause: Cause, wrong: string, by?: number): CriticVerdict {
		const { warnings, message = wrong } = this.#thresholds;
		if (this.#warned[cause]++ < warnings) return { action: "steer", message, ...(by !== undefined && { by }) };
		this.#killed = { action: "kill", reason: wrong };
		return this.#killed;
	}
}

function seconds(ms: number): string {
	return ms < 1_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
