import assert from "node:assert/strict";
import { canonicalJson } from "../core/plain.js";
import type { AuditEntry, AuditPort, AuditRecorder, AuditStats } from "../ports/audit.js";
import type { PortAnswer, RunInfo } from "../ports/port.js";
import { ATTEMPT, logEntry, plainSample, runInfo, STRANGE_IDS, statsOf } from "./conformance/port-samples.js";
import { fails } from "./conformance/samples.js";
import { type PortCheck, portChecks } from "./port-check.js";

/** An audit that is tried out. */
export interface AuditSubject {
	/** It has recorded nothing yet, and records all runs but those that it {@link declines}. */
	readonly port: AuditPort;
	/**
	 * What it has recorded of a run: its entries in order, without what it has added itself, and the stats of the last
	 * close.
	 *
	 * @returns undefined when it knows nothing of that run
	 */
	read(run: string): PortAnswer<{ readonly entries: readonly AuditEntry[]; readonly stats?: AuditStats } | undefined>;
	/** A run that it does not record, for an audit that makes a difference. */
	readonly declines?: RunInfo;
	/** From now on what it records into fails, for an audit where that can be brought about. */
	fail?(): PortAnswer<void>;
	/** The check is over. */
	dispose?(): PortAnswer<void>;
}

/** One property that an audit has to have. */
export type AuditCheck = PortCheck<() => PortAnswer<AuditSubject>>;

/**
 * What every implementation of `AuditPort` has to do, as checks for any test runner. They are independent of each other, and
 * an audit may answer at once or by promises.
 *
 * @example
 * ```ts
 * import { memoryAudit } from "dagswarm";
 * import { auditConformance } from "dagswarm/testing";
 *
 * for (const check of auditConformance()) {
 *   // in a test of its own, named check.name
 *   await check.run(() => {
 *     const port = memoryAudit();
 *     return { port, read: (run) => port.runs.get(run) };
 *   });
 * }
 * ```
 */
export function auditConformance(): readonly AuditCheck[] {
	return portChecks(scripts);
}

const scripts: Readonly<Record<string, (subject: AuditSubject) => Promise<void>>> = {
	"records a run in which nothing happened": async (subject) => {
		await record(subject, "r", [], "completed");
		await holds(subject, "r", [], "completed");
	},

	"keeps entries of every kind, in order": async (subject) => {
		await record(subject, "r", everyKind(), "failed");
		await holds(subject, "r", everyKind(), "failed");
	},

	"keeps all that is plain data": async (subject) => {
		const entries = [logEntry("x", plainSample()), logEntry("", null), logEntry("y", { left: undefined, out: 1 })];
		await record(subject, "r", entries, "completed");
		await holds(subject, "r", entries, "completed");
	},

	"keeps what an entry was when it was taken": async (subject) => {
		const recorder = await begin(subject, "r");
		const data = { state: "before" };
		await recorder.record(logEntry("x", data));
		data.state = "after";
		await recorder.close(statsOf("completed"));
		await holds(subject, "r", [logEntry("x", { state: "before" })], "completed");
	},

	"changes nothing of what it is given": async (subject) => {
		const [entry, stats] = [logEntry("x", plainSample()), statsOf("completed")];
		const before = canonicalJson([entry, stats]);
		const recorder = await begin(subject, "r");
		await recorder.record(Object.freeze(entry));
		await recorder.close(Object.freeze(stats));
		assert.equal(canonicalJson([entry, stats]), before);
	},

	"keeps many entries in order": async (subject) => {
		const entries = Array.from({ length: 200 }, (_, index) => logEntry(`${index}`));
		await record(subject, "r", entries, "completed");
		await holds(subject, "r", entries, "completed");
	},

	"keeps runs apart that go on side by side": async (subject) => {
		const ids = ["a", "b", "c"];
		const recorders = await Promise.all(ids.map((run) => begin(subject, run)));
		for (let round = 0; round < 20; round++)
			await Promise.all(recorders.map((recorder, index) => recorder.record(logEntry(`${ids[index]} ${round}`))));
		await Promise.all(recorders.map((recorder, index) => recorder.close(statsOf(`ended ${ids[index]}`))));
		for (const run of ids) {
			const entries = Array.from({ length: 20 }, (_, round) => logEntry(`${run} ${round}`));
			await holds(subject, run, entries, `ended ${run}`);
		}
	},

	"tells runs apart whatever their ids are": async (subject) => {
		for (const run of STRANGE_IDS) await record(subject, run, [logEntry(`of ${run}`)], "completed");
		for (const run of STRANGE_IDS) await holds(subject, run, [logEntry(`of ${run}`)], "completed");
	},

	"records a run that was cancelled like any other": async (subject) => {
		const cancelled: AuditEntry = { at: 2, kind: "error", error: { code: "CANCELLED", message: "no longer wanted" } };
		await record(subject, "r", [cancelled, logEntry("after it")], "cancelled");
		await holds(subject, "r", [cancelled, logEntry("after it")], "cancelled");
	},

	"continues the record of a run that goes on elsewhere, whether it was closed or not": async (subject) => {
		await record(subject, "r", [logEntry("one")], "suspended");
		const second = await begin(subject, "r", true);
		await second.record(logEntry("two"));
		await second.close(statsOf("completed"));
		await holds(subject, "r", [logEntry("one"), logEntry("two")], "completed");
	},

	"takes nothing once it is closed": async (subject) => {
		const recorder = await begin(subject, "r");
		await recorder.record(logEntry("one"));
		await recorder.close(statsOf("completed"));
		await fails(() => recorder.record(logEntry("late")));
		await holds(subject, "r", [logEntry("one")], "completed");
	},

	"may leave a run out, and keeps nothing of it then": async (subject) => {
		if (subject.declines === undefined) return;
		assert.equal(await subject.port.startRun(subject.declines), null, "startRun of a run that is declined");
		assert.equal(await subject.read(subject.declines.run), undefined);
		await record(subject, "r", [logEntry("one")], "completed");
		await holds(subject, "r", [logEntry("one")], "completed");
	},

	"says that it failed, at close at the latest, and keeps what it had in order": async (subject) => {
		if (subject.fail === undefined) return;
		const recorder = await begin(subject, "r");
		await recorder.record(logEntry("0"));
		await subject.fail();
		let failed = false;
		for (let index = 1; index < 20; index++)
			failed = (await fails(() => recorder.record(logEntry(`${index}`)))) || failed;
		failed = (await fails(() => recorder.close(statsOf("completed")))) || failed;
		assert.ok(failed, "neither record nor close rejected");
		const { entries = [], stats } = (await subject.read("r")) ?? {};
		assert.equal(stats, undefined, "a record that lacks something was closed");
		assert.deepEqual(texts(entries), texts(entries.map((_, index) => logEntry(`${index}`))));
	},

	"fails by itself where it fails to begin": async (subject) => {
		if (subject.fail === undefined) return;
		await subject.fail();
		assert.ok(await fails(() => subject.port.startRun(runInfo("r"))), "startRun did not reject");
	},
};

function everyKind(): AuditEntry[] {
	const error = { code: "AGENT_ERROR", message: "no", retryable: false, cause: { code: "X", message: "why" } };
	return [
		{ at: 1, kind: "event", seq: 1, type: "run.created", data: { seed: 5, metadata: {} } },
		{ at: 1, kind: "step", name: "fetch", value: { rows: 3 }, ...ATTEMPT },
		{ at: 1, kind: "step", name: "nothing", ...ATTEMPT },
		{ at: 2.5, kind: "tool", name: "search", phase: "start", input: { q: "x" }, ...ATTEMPT },
		{ at: 3, kind: "tool", name: "search", phase: "end", output: ["y"], ...ATTEMPT },
		{ at: 3, kind: "tool", name: "search", phase: "end", error, ...ATTEMPT },
		{ at: 4, kind: "usage", usage: { inputTokens: 3, "my measure": 1 }, ...ATTEMPT },
		logEntry("said", { level: "info" }),
		{ at: 5, kind: "error", error },
		{ at: 5, kind: "error", error, node: "a" },
		{ at: 6, kind: "gap", lost: 12 },
		{ at: 6, kind: "event", seq: 2, type: "run.ended", data: {} },
	];
}

async function begin(subject: AuditSubject, run: string, resumed = false): Promise<AuditRecorder> {
	const recorder = await subject.port.startRun(runInfo(run, resumed));
	assert.ok(recorder !== null && typeof recorder === "object", `startRun of "${run.slice(0, 20)}" gave no recorder`);
	return recorder;
}

async function record(
	subject: AuditSubject,
	run: string,
	entries: readonly AuditEntry[],
	status: string,
): Promise<void> {
	const recorder = await begin(subject, run);
	for (const entry of entries) await recorder.record(entry);
	await recorder.close(statsOf(status));
}

async function holds(
	subject: AuditSubject,
	run: string,
	entries: readonly AuditEntry[],
	status: string,
): Promise<void> {
	const kept = await subject.read(run);
	assert.ok(kept !== undefined, `nothing was recorded of "${run.slice(0, 20)}"`);
	assert.deepEqual(texts(kept.entries), texts(entries));
	assert.equal(canonicalJson(kept.stats), canonicalJson(statsOf(status)));
}

/** As text, for members that are undefined, and the signs of zeros, may be lost. */
function texts(entries: readonly AuditEntry[]): string[] {
	return entries.map(canonicalJson);
}
