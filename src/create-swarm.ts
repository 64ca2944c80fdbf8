import type { AnyAgent } from "./executor/agent.js";
import { Swarm } from "./swarm.js";
import type { SwarmOptions } from "./swarm-options.js";

/**
 * Makes a swarm.
 *
 * @throws SwarmError `DUPLICATE_AGENT`, or `INVALID_OPTION` for an option out of its range
 *
 * @example
 * ```ts
 * import { createSwarm, defineAgent } from "dagswarm";
 *
 * const swarm = createSwarm({
 *   agents: [
 *     defineAgent({ name: "fetch", run: async (topic: string) => topic.length }),
 *     defineAgent({ name: "sum", run: async (_: undefined, ctx) => Number(ctx.deps["a"]) + Number(ctx.deps["b"]) }),
 *   ],
 *   concurrency: 8,
 * });
 * const outputs = await swarm.run({
 *   nodes: [
 *     { id: "a", agent: "fetch", input: "bees" },
 *     { id: "b", agent: "fetch", input: "wasps" },
 *     { id: "total", agent: "sum", dependsOn: ["a", "b"] },
 *   ],
 * });
 * outputs["total"]; // 9
 * ```
 */
export function createSwarm<const A extends AnyAgent>(options: SwarmOptions<A>): Swarm<A> {
	return new Swarm(options);
}
