import type { AuditEntry, AuditStats } from "../../ports/audit.js";
import type { Delivery } from "../../ports/delivery.js";
import type { AttemptInfo, RunInfo } from "../../ports/port.js";

/** A run as the library tells ports of it. */
export function runOf(run: string, info: Partial<RunInfo> = {}): RunInfo {
	return Object.freeze({ run, ancestors: [], metadata: {}, startedAt: 1_000.25, resumed: false, ...info });
}

/** An attempt as the library tells ports of it. */
export function attemptOf(node: string, agent = "writer", attempt = 1): AttemptInfo {
	return Object.freeze({ node, agent, attempt });
}

/** A run that is for somebody. */
export function runInfo(run: string, resumed = false): RunInfo {
	return runOf(run, { metadata: { caller: "Ada", channel: "mail" }, caller: "Ada", channel: "mail", resumed });
}

export const ATTEMPT: AttemptInfo = { node: "a/1", agent: "writer", attempt: 2 };

/** An entry that says what is given, so that it can be told from others. */
export function logEntry(message: string, data?: unknown): AuditEntry {
	return { at: 1_001, kind: "log", message, ...(data !== undefined && { data }), ...ATTEMPT };
}

/** What a run came to. */
export function statsOf(status: string): AuditStats {
	return { status, reason: "because", wallMs: 12.5, nodes: 2, attempts: 3, usage: { inputTokens: 7, cost: 0.25 } };
}

/** Ids that hosts give, and that file systems and addresses do not. */
export const STRANGE_IDS: readonly string[] = [
	"a",
	"A",
	"a/b",
	"a\\b",
	"../a",
	"..",
	"a b",
	"a\0b",
	"ä😀",
	"con",
	"?key=a&b#c",
	"x".repeat(10_000),
	`${"x".repeat(9_999)}y`,
];

/** Plain data of every sort; made anew, for it may be changed. */
export function plainSample(): Record<string, unknown> {
	return {
		empty: "",
		text: 'line\nline\r\u2028 "\\ ä😀 \ud800 \0',
		numbers: [0, -1.5, 1e300, Number.MAX_SAFE_INTEGER],
		none: null,
		yes: true,
		bytes: new Uint8Array([0, 1, 255]),
		looksLikeBytes: { $bytes: "AAH/" },
		nested: { list: [[], {}, [{ deep: [1] }]] },
		...(JSON.parse('{"__proto__":{"isKey":true},"2":"b","1":"a"}') as object),
	};
}

/** A delivery, by default of a run that completed. */
export function deliveryOf(run: string, changes: Partial<Delivery> = {}): Delivery {
	return {
		key: `${run}/1`,
		run,
		attempt: 1,
		status: "completed",
		outputs: { a: `output of ${run}` },
		artifacts: [],
		metadata: { caller: "Ada" },
		at: 1_000.25,
		...changes,
	};
}

/** Ids that a careless store takes for each other, or for paths. */
export const AWKWARD_IDS: readonly string[] = [
	"a",
	"A",
	"a/b",
	"a%2Fb",
	"a\\b",
	"..",
	"../a",
	".",
	"",
	" ",
	"con",
	"a:b*?",
	"\u0000",
	"ä",
	"a\u0308",
	"😀",
	"\ud800",
	"\ud801",
	"__proto__",
	"x".repeat(2_000),
	`${"x".repeat(1_999)}y`,
];
