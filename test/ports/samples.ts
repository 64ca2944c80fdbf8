import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AttemptInfo, BudgetRequest, BudgetVerdict, RunInfo, Usage } from "dagswarm";
import { afterAll, expect } from "vitest";

export function runInfo(run: string, info: Partial<RunInfo> = {}): RunInfo {
	return { run, ancestors: [], metadata: {}, startedAt: 0, resumed: false, ...info };
}

export function attemptInfo(node = "n", agent = "writer", attempt = 1): AttemptInfo {
	return { node, agent, attempt };
}

/** What an attempt asks a budget for. */
export function asking(estimate: Usage, options: Partial<BudgetRequest> = {}): BudgetRequest {
	return { ...attemptInfo(), run: runInfo("r"), estimate, approved: false, ...options };
}

/** The reservation of a verdict that has to be none that refuses. */
export function reservationOf(verdict: BudgetVerdict): string {
	expect(verdict).not.toHaveProperty("reason");
	return verdict.verdict === "blocked" ? "" : verdict.reservation;
}

/** Folders that are gone when the file's tests are over. */
export function folders(): () => string {
	const parent = mkdtempSync(join(tmpdir(), "dagswarm-ports-"));
	afterAll(() => rmSync(parent, { recursive: true, force: true }));
	let count = 0;
	return () => join(parent, String(count++));
}
