import { syncTimes } from "./disk.ts";
import { runDurably } from "./durable-cases.ts";
import type { DurableReply, DurableTask } from "./durable-process.ts";
import { settle } from "./measure.ts";

// Once, and not before each sample: see sweep() in measure.ts.
const settled = settle();

async function perform(task: DurableTask): Promise<DurableReply> {
	await settled;
	if (task.kind === "sync") return { times: syncTimes(task.commits, task.characters) };
	return { sample: await runDurably(task.name, task.nodes) };
}

process.on("message", async (task: DurableTask) => {
	let reply: DurableReply;
	try {
		reply = await perform(task);
	} catch (error) {
		reply = { error: (error as Error).message };
	}
	// There is a channel: it is what the task came by.
	process.send!(reply);
});
process.on("disconnect", () => process.exit());
