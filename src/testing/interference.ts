import { SwarmError } from "../core/errors.js";
import type { RunHandle } from "../run.js";
import { RESHAPINGS } from "./behaviour.js";
import type { Random } from "./random.js";
import { reshaping } from "./scripted-agents.js";

/** Who asks from outside may be refused, and nothing else may go wrong. */
export type OnTrouble = (error: unknown) => void;

/** Somebody outside does one thing to a run that may or may not be allowed. It is not waited for. */
export function interfere(run: RunHandle, random: Random, agent: string, trouble: OnTrouble): void {
	const ids = [...run.snapshot().nodes()].map(({ id }) => id);
	const pick = random.pick(ids) ?? "nobody";
	const other = random.pick(ids) ?? "nobody";
	switch (random.below(8)) {
		case 0:
			return ask(run.pause(), trouble);
		case 1:
			return ask(run.resume(), trouble);
		case 2:
			return ask(run.signal(`s${random.below(3)}`, random.below(9)), trouble);
		case 3:
			return ask(run.approve(pick), trouble);
		case 4:
			return ask(run.reject(pick), trouble);
		case 5:
			return ask(run.mutate([{ type: "addNode", node: { agent, dependsOn: [pick] } }]), trouble);
		default: {
			const how = RESHAPINGS[random.below(RESHAPINGS.length)] ?? "remove";
			return ask(run.mutate([reshaping(how, pick, other)]), trouble);
		}
	}
}

/** What a person does who waits and nothing happens: what was stopped goes on, what is asked for is given. */
export function relieve(run: RunHandle, trouble: OnTrouble): void {
	const snapshot = run.snapshot();
	if (snapshot.status === "paused") return ask(run.resume(), trouble);
	for (const { id, wait } of snapshot.nodes({ state: "waiting" })) {
		if (wait?.kind === "signal") ask(run.signal(wait.name), trouble);
		if (wait?.kind === "approval") ask(run.approve(id), trouble);
	}
	ask(run.close(), trouble);
}

function ask(request: Promise<void>, trouble: OnTrouble): void {
	request.catch((error: unknown) => {
		if (!SwarmError.is(error) || error.code === "INTERNAL" || error.code === "POISONED") trouble(error);
	});
}
