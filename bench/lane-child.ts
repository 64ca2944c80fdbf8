import { proveOrder, runChecked } from "./contender.ts";
import type { Reply, Task } from "./lane-process.ts";
import { measure, type Sample, settle, sweep } from "./measure.ts";
import { contenders } from "./roster.ts";
import { load } from "./workloads.ts";

const [name] = process.argv.slice(2);
const contender = contenders.find((candidate) => candidate.name === name)!;

async function perform(task: Task): Promise<Sample | undefined> {
	switch (task.kind) {
		case "prove":
			await proveOrder(contender, load(task.workload, task.size));
			return undefined;
		case "settle":
			await settle();
			return undefined;
		case "run": {
			const loads = Array.from({ length: task.times }, () => load(task.workload, task.size));
			sweep();
			return await measure(async () => {
				for (const each of loads) await runChecked(contender, each);
			});
		}
	}
}

process.on("message", async (task: Task) => {
	let reply: Reply;
	try {
		const sample = await perform(task);
		reply = sample === undefined ? {} : { sample };
	} catch (error) {
		reply = { error: error instanceof Error ? error.message : String(error) };
	}
	process.send!(reply);
});
// What a library leaves running may not outlive the benchmark.
process.on("disconnect", () => process.exit());
