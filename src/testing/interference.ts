import type { ApprovalAnswer } from "../graph/answers.js";
import type { NodeSpec, NodeView } from "../graph/types.js";
import type { RunHandle } from "../run.js";
import { RESHAPINGS } from "./behaviour.js";
import type { Random } from "./random.js";
import { reshaping } from "./scripted-agents.js";

/**
 * Somebody outside does one thing to a run that may or may not be allowed.
 *
 * @param scripted - whether the agents take scripts; what others are given as input is left alone
 */
export function interfere(run: RunHandle, random: Random, scripted: boolean): Promise<void> {
	const snapshot = run.snapshot();
	const ids = [...snapshot.nodes()].map(({ id }) => id);
	const pick = random.pick(ids) ?? "nobody";
	const other = random.pick(ids) ?? "nobody";
	switch (random.below(8)) {
		case 0:
			return run.pause();
		case 1:
			return run.resume();
		case 2:
			return run.signal(`s${random.below(3)}`, random.below(9));
		case 3: {
			const asking = [...snapshot.nodes({ state: "waiting" })].find(({ wait }) => wait?.kind === "approval");
			return run.approve(asking?.id ?? pick, answerTo(asking?.wait, snapshot.seq));
		}
		case 4:
			return run.reject(pick);
		case 5:
			return run.mutate([{ type: "addNode", node: { ...sameWork(snapshot.get(other), scripted), dependsOn: [pick] } }]);
		default: {
			const ways = scripted ? RESHAPINGS : OF_ANY_AGENT;
			const how = ways[random.below(ways.length)] ?? "remove";
			return run.mutate([reshaping(how, pick, other)]);
		}
	}
}

/** These give a node no other work. */
const OF_ANY_AGENT = RESHAPINGS.filter((how) => how !== "rewrite" && how !== "gate");

/** Once more what a node does, where its agent would not understand a script. */
function sameWork(node: NodeView | undefined, scripted: boolean): NodeSpec {
	if (scripted || node === undefined) return { agent: "work" };
	return { agent: node.agent, ...(node.input !== undefined && { input: node.input }) };
}

/** One of the answers to choose from, where there are such; now and then none of them. */
function answerTo(wait: NodeView["wait"], which: number): ApprovalAnswer {
	if (wait?.kind !== "approval" || wait.choices === undefined) return {};
	const data = wait.choices[which % (wait.choices.length + 1)];
	return data === undefined ? {} : { by: wait.to ?? "anybody", data };
}

/** What a person does who waits and nothing happens: what was stopped goes on, what is asked for is given. */
export async function relieve(run: RunHandle): Promise<void> {
	const snapshot = run.snapshot();
	if (snapshot.status === "paused") return run.resume();
	const answers = [run.close()];
	for (const { id, wait } of snapshot.nodes({ state: "waiting" })) {
		if (wait?.kind === "signal") answers.push(run.signal(wait.name));
		if (wait?.kind === "approval") answers.push(run.approve(id, answerTo(wait, 0)));
	}
	await Promise.all(answers);
}
