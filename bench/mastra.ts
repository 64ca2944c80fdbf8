import { type Contender, concurrency, works } from "./contender.ts";
import { importOnce } from "./library.ts";
import type { Spec } from "./workloads.ts";

type Step = object;

interface StepResult {
	readonly status: string;
	readonly output?: unknown;
}

interface Workflow {
	then(step: Step): Workflow;
	map(mapping: () => Promise<readonly Spec[]>): Workflow;
	foreach(step: Step, options: { readonly concurrency: number }): Workflow;
	commit(): Workflow;
	createRun(): Promise<{
		start(options: { readonly inputData: object }): Promise<{
			readonly status: string;
			readonly steps: Readonly<Record<string, StepResult>>;
		}>;
	}>;
}

interface MastraModule {
	createWorkflow(definition: {
		readonly id: string;
		readonly inputSchema: unknown;
		readonly outputSchema: unknown;
	}): Workflow;
	createStep(definition: {
		readonly id: string;
		readonly inputSchema: unknown;
		readonly outputSchema: unknown;
		execute(context: { readonly inputData: unknown }): Promise<unknown>;
	}): Step;
}

interface ZodModule {
	readonly z: { any(): unknown };
}

/**
 * Workflows of Mastra know steps in a row and steps side by side, not edges between any two. So a graph is run layer by
 * layer: a layer of one node with `then`, a wider one with `foreach`, which knows a bound on concurrency and costs less
 * than `parallel`. What the root adds is the list that the next `foreach` goes over.
 */
export const mastra: Contender = {
	name: "mastra",
	peer: true,
	library: "@mastra/core",
	run: async (load) => {
		// Nothing may leave the machine that is measured.
		process.env["MASTRA_TELEMETRY_DISABLED"] = "1";
		const { createStep, createWorkflow } = await importOnce<MastraModule>("@mastra/core/workflows");
		const { z } = await importOnce<ZodModule>("zod");
		const agents = works(load);
		const schemas = { inputSchema: z.any(), outputSchema: z.any() };
		// A step without an output does not count as an item done.
		const work = async ({ agent }: Spec) => (await agents[agent]!()) ?? {};
		const single = (spec: Spec) => createStep({ id: spec.id, ...schemas, execute: () => work(spec) });
		const each = (id: string) => createStep({ id, ...schemas, execute: ({ inputData }) => work(inputData as Spec) });
		let workflow = createWorkflow({ id: load.workload, ...schemas });
		const alone: string[] = [];
		const lists: string[] = [];
		for (const layer of layersOf(load.specs)) {
			const first = layer[0]!;
			if (layer.length === 1) {
				alone.push(first.id);
				workflow = workflow.then(single(first));
				continue;
			}
			const list = `layer of ${first.id}`;
			lists.push(list);
			workflow = workflow.map(async () => layer).foreach(each(list), { concurrency });
		}
		if (load.grown.length > 0) {
			lists.push("grown");
			workflow = workflow.foreach(each("grown"), { concurrency });
		}
		const run = await workflow.commit().createRun();
		const { status, steps } = await run.start({ inputData: {} });
		if (status !== "success") throw new Error(`the workflow has ended as ${status}`);
		let completed = alone.filter((id) => steps[id]?.status === "success").length;
		for (const id of lists) completed += (steps[id]!.output as unknown[]).length;
		return { completed, held: [run, steps] };
	},
};

/** The nodes by their distance from the start, as in every workload dependencies come first. */
function layersOf(specs: readonly Spec[]): Spec[][] {
	const depths = new Map<string, number>();
	const layers: Spec[][] = [];
	for (const spec of specs) {
		let depth = 0;
		if (spec.dependsOn !== undefined) {
			for (const id of spec.dependsOn) depth = Math.max(depth, depths.get(id)! + 1);
		}
		depths.set(spec.id, depth);
		const layer = layers[depth];
		if (layer === undefined) layers.push([spec]);
		else layer.push(spec);
	}
	return layers;
}
