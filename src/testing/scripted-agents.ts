import type { Clock } from "../core/clock.js";
import type { NodeId } from "../core/ids.js";
import { type Agent, defineAgent, result } from "../executor/agent.js";
import type { AgentContext } from "../executor/context.js";
import type { Mutation, NodeSpec } from "../graph/types.js";
import type { Behaviour, Reshaping, Step } from "./behaviour.js";

/** An agent that does what its input says. */
export type ScriptedAgent<Name extends string = "work" | "prompt"> = Agent<Name, Behaviour | undefined, unknown>;

/**
 * The two agents of a simulation that brings none of its own. Both take a {@link Behaviour} as input:
 * `work` performs it; `prompt` is not async, and only the steps `fail`, `throw` and `return` mean
 * anything to it.
 *
 * @param clock - that `work` and `hang` steps pass their time on
 *
 * @example
 * ```ts
 * import { createSwarm } from "dagswarm";
 * import { runToEnd, scriptedAgents, VirtualClock } from "dagswarm/testing";
 *
 * const clock = new VirtualClock();
 * const swarm = createSwarm({ agents: scriptedAgents(clock), clock });
 * const run = swarm.start({
 *   nodes: [
 *     { id: "slow", agent: "work", input: [{ do: "work", ms: 60_000 }] },
 *     { id: "bad", agent: "work", input: [{ do: "fail" }], dependsOn: ["slow"] },
 *   ],
 * });
 * const outcome = await runToEnd(run, clock);
 * outcome.status; // "failed"
 * ```
 */
export function scriptedAgents(clock: Clock): [ScriptedAgent<"work">, ScriptedAgent<"prompt">] {
	const work = defineAgent({
		name: "work",
		run: (behaviour: Behaviour | undefined, ctx): Promise<unknown> => new Performance(clock, ctx).run(behaviour ?? []),
	});
	const prompt = defineAgent({
		name: "prompt",
		run: (behaviour: Behaviour | undefined, ctx): unknown => {
			for (const step of behaviour ?? []) {
				if (step.do === "fail" || step.do === "throw") raise(step, ctx);
				if (step.do === "return") return step.value;
			}
			return ctx.nodeId;
		},
	});
	return [work, prompt];
}

function raise(step: Extract<Step, { do: "fail" | "throw" }>, { attempt }: AgentContext): void {
	if (step.do === "throw") throw step.value;
	if (step.times !== undefined && attempt > step.times) return;
	throw Object.assign(new Error("as told"), step.final === true ? { retryable: false } : {});
}

/** What ends a script: its answer. */
interface Answer {
	readonly value: unknown;
}

class Performance {
	constructor(
		readonly clock: Clock,
		readonly ctx: AgentContext,
	) {}

	async run(behaviour: Behaviour): Promise<unknown> {
		for (const step of behaviour) {
			const answer = await this.#take(step);
			if (answer !== undefined) return answer.value;
		}
		return this.ctx.nodeId;
	}

	/** @returns the answer when the script ends here */
	async #take(step: Step): Promise<Answer | undefined> {
		const { ctx } = this;
		switch (step.do) {
			case "work":
				return this.#hold(step.ms, step.deaf !== true);
			case "hang":
				return this.#hold(undefined, step.deaf !== true);
			case "yield":
				for (let i = 0; i < step.times; i++) await undefined;
				return undefined;
			case "fail":
			case "throw":
				raise(step, ctx);
				return undefined;
			case "return":
				return { value: step.value };
			case "huge":
				return { value: "x".repeat(step.size) };
			case "sleep":
				await ctx.sleep(step.ms);
				return undefined;
			case "signal":
				await ctx.waitForSignal(step.name, within(step));
				return undefined;
			case "approval":
				await ctx.ask("as told", { choices: ["go on", "all right"], to: "somebody", ...within(step) });
				return undefined;
			default:
				return this.#change(step);
		}
	}

	/** The steps that change the graph. */
	async #change(step: Step): Promise<Answer | undefined> {
		const { ctx } = this;
		const { graph, nodeId: id } = ctx;
		switch (step.do) {
			case "add":
				for (const each of step.nodes) graph.addNode(child(each));
				return step.early === true ? this.#commit() : undefined;
			case "expand":
				return { value: result(id, { nodes: step.nodes.map(child), expand: true }) };
			case "split":
				graph.mutate({ type: "splitNode", id, into: step.parts.map(child) });
				return undefined;
			case "prune":
				graph.mutate({ type: "pruneSubgraph", id: this.#other(step.pick), scope: step.scope });
				return undefined;
			case "reshape":
				graph.mutate(reshaping(step.how, id, this.#other(step.pick)));
				return step.early === true ? this.#commit() : undefined;
			case "spoil":
				graph.mutate({ type: "addEdge", from: "nobody", to: id });
				return step.early === true ? this.#commit() : undefined;
			default:
				throw new Error(`there is no step ${JSON.stringify(step)}`);
		}
	}

	#other(pick: number): NodeId {
		const ids = [...this.ctx.graph.nodes()].map(({ id }) => id);
		// The graph has at least the node that asks.
		return ids[pick % ids.length] as NodeId;
	}

	/** A refused commit throws, and the script goes on: nothing of it has happened. */
	#commit(): Promise<undefined> {
		return this.ctx.graph.commit().then(nothing, nothing);
	}

	/** Keeps the slot. @param ms - for so long, or until the signal ends it */
	#hold(ms: number | undefined, heeds: boolean): Promise<undefined> {
		const { clock, ctx } = this;
		return new Promise((resolve, reject) => {
			const timer = ms === undefined ? undefined : clock.set(clock.now() + ms, () => resolve(undefined));
			if (!heeds) return;
			const { signal } = ctx;
			const stop = (): void => {
				if (timer !== undefined) clock.clear(timer);
				reject(signal.reason);
			};
			if (signal.aborted) stop();
			else signal.addEventListener("abort", stop, { once: true });
		});
	}
}

function within({ timeout }: { readonly timeout?: number }): { readonly timeout?: number } {
	return timeout === undefined ? {} : { timeout };
}

function nothing(): undefined {
	return undefined;
}

function child(behaviour: Behaviour): NodeSpec {
	return { agent: "work", input: behaviour };
}

/** Something that may or may not be legal to do to a node. */
export function reshaping(how: Reshaping, own: NodeId, id: NodeId): Mutation {
	switch (how) {
		case "wait for me":
			return { type: "addEdge", from: own, to: id };
		case "go first":
			return { type: "updateNode", id, changes: { priority: 9 } };
		case "remove":
			return { type: "removeNode", id };
		case "hold":
		case "eager":
			return { type: "markSpeculative", id, mode: how };
		case "confirm":
			return { type: "confirmSpeculative", id };
		case "discard":
			return { type: "discardSpeculative", id };
		case "gate":
			return { type: "injectBefore", id, node: child([]), inherit: true };
		case "rewrite":
			return { type: "updateNode", id, changes: { input: [{ do: "yield", times: 2 }] } };
		case "prune":
			return { type: "pruneSubgraph", id, scope: "exclusive" };
	}
}
