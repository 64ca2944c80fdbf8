import type { JsonSchema } from "../core/standard-schema.js";
import type { AnyAgent } from "./agent.js";

/**
 * The JSON Schema (draft 2020-12) of what an agent takes, to show it to a model: its `inputSchema`, or what the library of
 * its `input` schema says, where that follows Standard JSON Schema (zod from 4.2 on, arktype).
 *
 * @returns undefined where there is neither, or the library cannot put the schema so: a `Date`, for instance
 *
 * @example
 * ```ts
 * import { defineAgent, inputJsonSchema } from "dagswarm";
 *
 * const search = defineAgent({
 *   name: "search",
 *   description: "Finds pages about a topic.",
 *   inputSchema: { type: "object", properties: { topic: { type: "string" } }, required: ["topic"] },
 *   run: async (input: { topic: string }) => [input.topic],
 * });
 * inputJsonSchema(search)?.["required"]; // ["topic"]
 * ```
 */
export function inputJsonSchema({
	input,
	inputSchema,
}: Pick<AnyAgent, "input" | "inputSchema">): JsonSchema | undefined {
	if (inputSchema !== undefined) return inputSchema;
	try {
		return input?.["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
	} catch {
		// What JSON cannot say, or a target that the library does not know.
		return undefined;
	}
}
