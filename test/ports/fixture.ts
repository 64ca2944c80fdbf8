import { mkdtempSync, rmSync } from "node:fs";
import * as promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { AuditEntry, AuditRecorder, AuditStats, Delivery, Disk, RunInfo } from "dagswarm";
import { onTestFinished } from "vitest";

export const KEY = "a key of sixteen bytes or more";

/** A folder that is gone when the test is over. */
export function folder(): string {
	const path = mkdtempSync(join(tmpdir(), "dagswarm-ports-"));
	onTestFinished(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

export function infoOf(run: string, info: Partial<RunInfo> = {}): RunInfo {
	return { run, ancestors: [], metadata: {}, startedAt: 1, resumed: false, ...info };
}

export function logOf(message: string, data?: unknown): AuditEntry {
	return { at: 2, kind: "log", node: "a", agent: "writer", attempt: 1, message, ...(data !== undefined && { data }) };
}

export const STATS: AuditStats = { status: "completed", wallMs: 1, nodes: 1, attempts: 1, usage: {} };

export async function recordAll(recorder: AuditRecorder | null, messages: readonly string[]): Promise<void> {
	for (const message of messages) await recorder?.record(logOf(message));
}

/** The machine's disk, with something else in the place of some calls. */
export function diskWith(changes: Partial<Disk>): Disk {
	return { ...promises, ...changes };
}

/** The machine's disk, and what it was asked in order: `write r.jsonl`, `sync r.jsonl`, `rename r.jsonl.head`. */
export function watchedDisk(): { readonly disk: Disk; readonly calls: string[] } {
	const calls: string[] = [];
	const nameOf = (path: unknown): string => basename(String(path)).replace(/\.new$/, "");
	const disk = diskWith({
		async open(...call) {
			const handle = await promises.open(...call);
			for (const method of ["write", "writeFile", "sync"] as const) {
				const real = handle[method].bind(handle) as (...args: unknown[]) => unknown;
				const watched = (...args: unknown[]): unknown => {
					calls.push(`${method.slice(0, 5)} ${nameOf(call[0])}`);
					return real(...args);
				};
				Object.assign(handle, { [method]: watched });
			}
			return handle;
		},
		async rename(from, to) {
			calls.push(`rename ${nameOf(to)}`);
			await promises.rename(from, to);
		},
	});
	return { disk, calls };
}

/** What a call fails with. */
export async function failure(call: () => unknown): Promise<Record<string, unknown>> {
	try {
		await call();
	} catch (error) {
		return error as Record<string, unknown>;
	}
	throw new Error("it did not fail");
}

export function deliveryOf(changes: Partial<Delivery> = {}): Delivery {
	return {
		key: "r/1",
		run: "r",
		attempt: 1,
		status: "completed",
		outputs: { a: 1 },
		artifacts: [],
		metadata: {},
		at: 5,
		...changes,
	};
}
