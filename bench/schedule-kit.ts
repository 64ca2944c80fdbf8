export type { ReplayPolicy, ScheduleQuality, Workflow } from "../src/bench/index.js";

type Kit = typeof import("../src/bench/index.js");

/** The built harness, as {@link ./product.ts} takes the built product. */
async function importBuilt(): Promise<Kit> {
	const built = new URL("../dist/bench/index.js", import.meta.url);
	try {
		return (await import(built.href)) as Kit;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
		throw new Error("the benchmark measures dist/, which is not built: run `npm run build` first", { cause: error });
	}
}

export const { compareSchedules, ganttSvg, readWorkflow, replayPolicies } = await importBuilt();
