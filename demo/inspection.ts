import { createSwarm, type RunHandle, type RunOutcome, SwarmError } from "dagswarm";
import { agents, startGraph } from "./agents.ts";
import { measureOverhead } from "./overhead.ts";
import type { PlanSummary } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { ProjectError } from "./project-error.ts";
import type { Figures, Picture } from "./report.ts";

export const CONCURRENCY = 8;

/** What a run over a project came to. */
export interface Inspection {
	readonly summary: PlanSummary;
	/** The sections of the reducers, Markdown. */
	readonly sections: string;
	readonly figures: Figures;
	readonly picture: Omit<Picture, "file">;
}

/** Plans and executes over the installed packages of a project. */
export async function inspect(project: string, progress: Progress, signal?: AbortSignal): Promise<Inspection> {
	const swarm = createSwarm({ agents, concurrency: CONCURRENCY });
	try {
		const run = swarm.start(startGraph(project), { deadline: "10m", ...(signal && { signal }) });
		return await inspectionOf(run, await followed(run, progress));
	} finally {
		await swarm.close();
	}
}

/** Shows how far a run is until it ends. */
export async function followed(run: RunHandle, progress: Progress): Promise<RunOutcome> {
	try {
		await follow(run, progress);
		return await run.result();
	} finally {
		progress.end();
	}
}

async function follow(run: RunHandle, progress: Progress): Promise<void> {
	for (;;) {
		try {
			for await (const event of run.events()) progress.observe(event, run.snapshot().counts);
			return;
		} catch (error) {
			if (!SwarmError.is(error)) throw error;
			// A plan of thousands of nodes is one batch, more than the reader's ring holds: go on from now. Anything else
			// has stopped the run, whose result says why.
			if (error.code !== "LAGGED") return;
		}
	}
}

/** What a run that has ended came to. */
export async function inspectionOf(run: RunHandle, outcome: RunOutcome): Promise<Inspection> {
	if (outcome.status !== "completed") throw ended(outcome);
	const { nodes, added, failed, skipped, wallMs } = outcome.stats;
	const snapshot = run.snapshot();
	const overhead = await measureOverhead(snapshot, CONCURRENCY);
	return {
		summary: run.output("plan") as PlanSummary,
		sections: outcome.outputs["report"] as string,
		figures: { status: outcome.status, nodes, added, failed, skipped, wallMs, overhead },
		picture: {
			mermaid: run.toMermaid(),
			edges: [...snapshot.nodes()].reduce((sum, node) => sum + node.dependsOn.length, 0),
		},
	};
}

function ended({ status, reason, failures }: RunOutcome): Error {
	const planner = failures.find(({ id }) => id === "plan");
	if (planner !== undefined) return new ProjectError(planner.message);
	const first = failures.find(({ id }) => !id.includes("@"));
	return new ProjectError(`the run ended ${status}: ${first?.message ?? reason ?? "no reason given"}`);
}
