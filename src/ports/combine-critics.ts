import type { CriticActivity, CriticEscalation, CriticHandle, CriticPort, CriticVerdict } from "./critic.js";

/** By how much the hard limit of a critic that says nothing about it is later than its soft one. */
const DEFAULT_HARD_FACTOR = 2;

/** Differences of times since 1970 are off by less. */
const CLOCK_ERROR_MS = 0.01;

/**
 * Several critics as one. Each is asked at its own thresholds; the strictest verdict counts: kill, then steer, then
 * extend, then continue. The hard limit is the earliest that any of them sets; a critic that does not care for time, such
 * as {@link loopDetector}, sets none.
 *
 * @example
 * ```ts
 * import { combineCritics, idleCritic, loopDetector } from "dagswarm";
 *
 * const critic = combineCritics(idleCritic({ idleAfter: "1m" }), loopDetector({ times: 3 }));
 * const run = { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: false };
 * const attempt = { node: "n", agent: "search", attempt: 1 };
 * critic.watch({ run, attempt, startedAt: 0 })?.idleAfter; // 60000
 * ```
 */
export function combineCritics(...critics: readonly CriticPort[]): CriticPort {
	return {
		watch(subject) {
			const handles = critics.flatMap((critic) => critic.watch(subject) ?? []);
			const [first, ...others] = handles;
			if (first === undefined) return null;
			return others.length === 0 ? first : new Panel(handles, subject.limit);
		},
	};
}

/** One of several critics, and when it wants to be asked about the time that is over. */
interface Member {
	readonly handle: CriticHandle;
	readonly escalate: NonNullable<CriticHandle["escalate"]>;
	/** Milliseconds from the start; infinite when it has been asked. */
	due: number;
	/** After so much idleness; infinite when it does not mind or was asked in this period. */
	idleDue: number;
}

/** The watch of several critics over one subject. */
class Panel implements CriticHandle {
	declare readonly idleAfter?: number;
	declare readonly softAfter?: number;
	declare readonly hardFactor?: number;
	declare readonly escalate?: NonNullable<CriticHandle["escalate"]>;
	readonly #handles: readonly CriticHandle[];
	/** Those who care for time. */
	readonly #members: readonly Member[];
	/** How long it was idle when that was asked about last. */
	#idle = 0;
	/** Once one has killed it, the others are not asked any more. */
	#killed: CriticVerdict | undefined;

	constructor(handles: readonly CriticHandle[], limit: number | undefined) {
		this.#handles = handles;
		this.#members = handles.flatMap((handle) => {
			const { escalate, softAfter = limit ?? Number.POSITIVE_INFINITY, idleAfter = Number.POSITIVE_INFINITY } = handle;
			if (escalate === undefined) return [];
			return { handle, escalate: escalate.bind(handle), due: softAfter, idleDue: idleAfter };
		});
		if (this.#members.length === 0) return;
		this.escalate = (escalation) => this.#escalate(escalation);
		const idle = this.#next("idleDue");
		if (idle < Number.POSITIVE_INFINITY) this.idleAfter = idle;
		const soft = this.#next("due");
		if (soft === Number.POSITIVE_INFINITY) return;
		this.softAfter = soft;
		const from = (due: number): number => Math.max(due, limit ?? due);
		const hard = this.#members.map(({ handle: { hardFactor = DEFAULT_HARD_FACTOR }, due }) => from(due) * hardFactor);
		this.hardFactor = Math.max(1, Math.min(...hard) / from(soft));
	}

	activity(activity: CriticActivity): CriticVerdict | undefined {
		if (this.#killed !== undefined) return this.#killed;
		this.#beginIdlePeriod();
		// Every one is told, whatever those before it say: each keeps its own count.
		const verdicts = this.#handles.map((handle) => handle.activity?.(activity));
		return this.#remember(strictest(verdicts.filter((verdict) => verdict !== undefined)));
	}

	#beginIdlePeriod(): void {
		this.#idle = 0;
		for (const member of this.#members) member.idleDue = member.handle.idleAfter ?? Number.POSITIVE_INFINITY;
	}

	end(): void {
		for (const handle of this.#handles) handle.end?.();
	}

	async #escalate(escalation: CriticEscalation): Promise<CriticVerdict> {
		if (this.#killed !== undefined) return this.#killed;
		const { cause, elapsed, idle } = escalation;
		// Who has waited for somebody is idle anew, without having done anything.
		if (idle < this.#idle) this.#beginIdlePeriod();
		this.#idle = idle;
		const [clock, now] = cause === "idle" ? (["idleDue", idle] as const) : (["due", elapsed] as const);
		const asked = this.#members.filter((member) => member[clock] <= now + CLOCK_ERROR_MS);
		const verdicts = await Promise.all(
			asked.map(async (member): Promise<CriticVerdict> => {
				member[clock] = Number.POSITIVE_INFINITY;
				const verdict = await member.escalate(escalation);
				const by = "by" in verdict ? verdict.by : undefined;
				if (by !== undefined) member[clock] = now + by;
				return verdict;
			}),
		);
		// It may have been killed by what it did while this was being decided.
		const verdict = this.#killed ?? this.#remember(strictest(verdicts)) ?? { action: "continue" };
		const by = Math.max(1, this.#next(clock) - now);
		if (verdict.action === "kill" || by === Number.POSITIVE_INFINITY) return verdict;
		// Whoever wants to be asked next is, though this one may be done with it.
		return verdict.action === "steer" ? { ...verdict, by } : { action: "extend", by };
	}

	#remember<Verdict extends CriticVerdict | undefined>(verdict: Verdict): Verdict {
		if (verdict?.action === "kill") this.#killed = verdict;
		return verdict;
	}

	/** When somebody wants to be asked next. */
	#next(clock: "due" | "idleDue"): number {
		return Math.min(...this.#members.map((member) => member[clock]));
	}
}

const STRICTNESS = { continue: 0, extend: 1, steer: 2, kill: 3 } as const;

/** The strictest of several verdicts; of several messages all. */
function strictest(verdicts: readonly CriticVerdict[]): CriticVerdict | undefined {
	const [first, ...others] = verdicts;
	if (first === undefined) return undefined;
	return others.reduce((worst, verdict) => {
		if (worst.action === "steer" && verdict.action === "steer")
			return { action: "steer", message: `${worst.message}\n${verdict.message}` };
		return STRICTNESS[verdict.action] > STRICTNESS[worst.action] ? verdict : worst;
	}, first);
}
