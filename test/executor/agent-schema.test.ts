import { type } from "arktype";
import { defineAgent, inputJsonSchema } from "dagswarm";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";

describe("the JSON Schema of an agent's input", () => {
	test.each([
		["zod", z.object({ topic: z.string().describe("what about"), most: z.number().default(3) })],
		["arktype", type({ topic: "string", most: "number = 3" })],
	])("is what %s says of what goes in", (_, input) => {
		const schema = inputJsonSchema(defineAgent({ name: "search", input, run: () => 1 }));
		expect(schema).toMatchObject({
			type: "object",
			properties: { topic: { type: "string" }, most: { type: "number" } },
			required: ["topic"],
		});
		expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
	});

	test("is what the definition says where it says one", () => {
		const inputSchema = { type: "object", properties: { topic: { enum: ["bees"] } } };
		const input = z.object({ topic: z.string() });
		expect(inputJsonSchema(defineAgent({ name: "search", input, inputSchema, run: () => 1 }))).toBe(inputSchema);
		expect(inputJsonSchema(defineAgent({ name: "search", inputSchema, run: () => 1 }))).toBe(inputSchema);
	});

	test.each([
		["without a schema", defineAgent({ name: "x", run: () => 1 })],
		["of a library that cannot say it", defineAgent({ name: "x", input: v.string(), run: () => 1 })],
		["of what JSON has no word for", defineAgent({ name: "x", input: z.object({ at: z.date() }), run: () => 1 })],
	])("is not there %s", (_, agent) => {
		expect(inputJsonSchema(agent)).toBeUndefined();
	});

	test("validates nothing: what is described stands on the agent for whoever shows it", () => {
		const agent = defineAgent({
			name: "x",
			description: "Finds pages.",
			inputSchema: { type: "object" },
			run: () => 1,
		});
		expect(agent.description).toBe("Finds pages.");
		expect(() => defineAgent({ name: "x", inputSchema: "object" as never, run: () => 1 })).toThrow(
			/inputSchema of agent "x"/,
		);
	});
});
