import type { RunHandle } from "../run.js";
import { RESHAPINGS } from "./behaviour.js";
import type { Random } from "./random.js";
import { reshaping } from "./scripted-agents.js";

/** Somebody outside does one thing to a run that may or may not be allowed. */
export function interfere(run: RunHandle, random: Random, agent: string): Promise<void> {
	const ids = [...run.snapshot().nodes()].map(({ id }) => id);
	const pick = random.pick(ids) ?? "nobody";
	const other = random.pick(ids) ?? "nobody";
	switch (random.below(8)) {
		case 0:
			return run.pause();
		case 1:
			return run.resume();
		case 2:
			return run.signal(`s${random.below(3)}`, random.below(9));
		case 3:
			return run.approve(pick);
		case 4:
			return run.reject(pick);
		case 5:
			return run.mutate([{ type: "addNode", node: { agent, dependsOn: [pick] } }]);
		default: {
			const how = RESHAPINGS[random.below(RESHAPINGS.length)] ?? "remove";
			return run.mutate([reshaping(how, pick, other)]);
		}
	}
}

/** What a person does who waits and nothing happens: what was stopped goes on, what is asked for is given. */
export async function relieve(run: RunHandle): Promise<void> {
	const snapshot = run.snapshot();
	if (snapshot.status === "paused") return run.resume();
	const answers = [run.close()];
	for (const { id, wait } of snapshot.nodes({ state: "waiting" })) {
		if (wait?.kind === "signal") answers.push(run.signal(wait.name));
		if (wait?.kind === "approval") answers.push(run.approve(id));
	}
	await Promise.all(answers);
}
