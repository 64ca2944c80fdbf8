import { readdirSync } from "node:fs";
import { join } from "node:path";
import { compareSchedules, readWorkflow } from "dagswarm/bench";
import { expect, test } from "vitest";

// Real traces are not part of the project: whoever has some names their folder.
const folder = process.env["DAGSWARM_WFINSTANCES"];
const files = folder === undefined ? [] : readdirSync(folder).filter((file) => file.endsWith(".json"));
const title = "the policies reach what they should on real traces";

test.skipIf(files.length === 0)(
	files.length === 0 ? `${title} (skipped: DAGSWARM_WFINSTANCES names no folder with WfFormat files)` : title,
	async () => {
		const ratios: number[] = [];
		for (const file of files) {
			const workflow = await readWorkflow(join(folder ?? "", file));
			const rows = await compareSchedules(workflow, { workers: [2, 4, 8, 16] });
			const makespans = (policy: string) => rows.filter((row) => row.policy === policy).map(({ makespan }) => makespan);
			const fifo = makespans("fifo");
			const criticalPath = makespans("critical-path");
			const planned = makespans("planned");
			for (const k of fifo.keys()) {
				const [first, path, plan] = [fifo[k] as number, criticalPath[k] as number, planned[k] as number];
				expect(path / first, `${file}: the critical path against first come, first served`).toBeLessThanOrEqual(1.03);
				expect(plan, `${file}: planned`).toBeLessThanOrEqual(Math.min(first, path));
			}
			for (const { policy, ratio } of rows) if (policy === "critical-path") ratios.push(ratio);
		}
		expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeLessThanOrEqual(1.095);
	},
);
