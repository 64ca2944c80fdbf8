import {
	type AgentContext,
	type AnyAgent,
	countingIds,
	createSwarm,
	defineAgent,
	type NodeSpec,
	type RunHandle,
	type Swarm,
	type SwarmOptions,
	VirtualClock,
} from "dagswarm";
import { rest } from "../rest.js";

export { rest };

/** What an agent does. */
export type Body = (input: unknown, ctx: AgentContext) => unknown;

/** A swarm whose agents are given by name, on a clock that stands still. */
export function swarmOf(bodies: Readonly<Record<string, Body>>, options: Partial<SwarmOptions> = {}) {
	const clock = new VirtualClock();
	const agents: AnyAgent[] = Object.entries(bodies).map(([name, run]) => defineAgent({ name, run }) as AnyAgent);
	const swarm: Swarm<AnyAgent> = createSwarm<AnyAgent>({
		agents,
		clock,
		ids: countingIds(),
		check: "full",
		concurrency: 1,
		...options,
	});
	const start = async (...nodes: NodeSpec[]): Promise<RunHandle> => {
		const run = swarm.start({ nodes });
		await rest();
		return run;
	};
	const advance = async (ms: number): Promise<void> => {
		clock.advance(ms);
		await rest();
	};
	return { clock, swarm, start, advance };
}

/** A promise with what settles it. */
export function gate<T = void>() {
	return Promise.withResolvers<T>();
}
