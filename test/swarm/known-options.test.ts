import { createSwarm, type StartOptions, type SwarmOptions } from "dagswarm";
import { expect, test } from "vitest";
import { echo, virtualSwarm } from "./fixture.js";

test.each(["concurency", "journl", "__proto_", "toString"])("createSwarm has no option %s", (key) => {
	const options = { agents: [echo], [key]: 1 } as unknown as SwarmOptions;
	expect(() => createSwarm(options)).toThrow(
		expect.objectContaining({ code: "INVALID_OPTION", hint: expect.stringContaining("concurrency") }),
	);
});

test.each(["runid", "deadLine", "limits"])("start has no option %s, and nothing runs", (key) => {
	const { swarm } = virtualSwarm([echo]);
	const options = { [key]: "1s" } as unknown as StartOptions;
	expect(() => swarm.start({ nodes: [{ agent: "echo" }] }, options)).toThrow(
		expect.objectContaining({ code: "INVALID_OPTION", hint: expect.stringContaining("runId") }),
	);
	expect(() => swarm.plan({ nodes: [{ agent: "echo" }] }, options)).toThrow(
		expect.objectContaining({ code: "INVALID_OPTION" }),
	);
	expect(swarm.runs()).toEqual([]);
});
