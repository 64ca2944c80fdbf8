import { describe, expect, test } from "vitest";
import { restoreState } from "../../src/graph/image-restore.js";
import type { Wait } from "../../src/graph/types.js";
import { accepted, Driver, node } from "./driver.js";
import { Chain } from "./state-picture.js";

async function parked(wait: Partial<Wait> & { readonly kind: Wait["kind"] }): Promise<Driver> {
	const driver = new Driver([node("a")]);
	accepted(await driver.handle.park(await driver.claim("a"), wait as Wait));
	return driver;
}

describe("a question", () => {
	test.each<[string, object]>([
		["for nobody", { to: "" }],
		["for a number", { to: 7 }],
		["without an answer to choose", { choices: [] }],
		["with an empty one", { choices: ["yes", ""] }],
		["with the same one twice", { choices: ["yes", "yes"] }],
		["with one that is no text", { choices: ["yes", null] }],
		["with more than a hundred", { choices: Array.from({ length: 101 }, (_, i) => `c${i}`) }],
		["with something else than a list of them", { choices: { yes: true } }],
		["without a reason", { reason: undefined }],
		["called by a number", { name: 1 }],
	])("%s is not put", async (_, more) => {
		const driver = new Driver([node("a")]);
		const lease = await driver.claim("a");
		const wait = { kind: "approval", reason: "?", ...more } as Wait;
		await driver.unchanged(() => driver.handle.park(lease, wait), "INVALID_INPUT");
		// The attempt goes on.
		accepted(await driver.handle.complete(lease));
	});

	test("takes a hundred answers to choose from", async () => {
		const choices = Array.from({ length: 100 }, (_, i) => `c${i}`);
		const driver = await parked({ kind: "approval", reason: "?", choices });
		await driver.unchanged(() => driver.handle.approve("a", { data: "c100" }), "INVALID_INPUT", ["a"]);
		accepted(await driver.handle.approve("a", { data: "c99" }));
	});

	test("is answered by a yes with one of its choices, or a no", async () => {
		const question = { kind: "approval", reason: "?", choices: ["x", "y"] } as const;
		const driver = await parked(question);
		const refused = await driver.unchanged(() => driver.handle.approve("a", { data: "z" }), "INVALID_INPUT", ["a"]);
		expect(refused.hint).toContain('"x", "y"');
		await driver.unchanged(() => driver.handle.approve("a"), "INVALID_INPUT", ["a"]);
		accepted(await driver.handle.reject("a", { reason: "neither" }));
		accepted(await (await parked(question)).handle.approve("a", { data: "x" }));
	});

	test("is answered by its name and by since when it is there, where these are told", async () => {
		const driver = await parked({ kind: "approval", reason: "?", name: "spend" });
		const since = driver.clock.now();
		for (const wrong of [{ name: "save" }, { name: "spend", since: since + 1 }, { since: -1 }]) {
			await driver.unchanged(() => driver.handle.approve("a", wrong), "ILLEGAL_STATE", ["a"]);
			await driver.unchanged(() => driver.handle.reject("a", wrong), "ILLEGAL_STATE", ["a"]);
		}
		accepted(await driver.handle.approve("a", { name: "spend", since }));
		// Neither is part of what is told to the agent.
		const woken = driver.events.find(({ type }) => type === "node.woken");
		expect(woken).toMatchObject({ wake: { kind: "approved" } });
		expect(JSON.stringify(woken)).not.toContain("spend");
		await driver.unchanged(() => driver.handle.approve("a", { name: "spend", since }), "ILLEGAL_STATE", ["a"]);
	});

	test("that is none: who sleeps is not answered, and says so", async () => {
		const driver = await parked({ kind: "sleep", until: 100 });
		const refused = await driver.unchanged(() => driver.handle.approve("a"), "ILLEGAL_STATE", ["a"]);
		expect(refused.hint).toBe("it sleeps");
	});
});

describe("the list of what is parked", () => {
	test("is in the order in which they were, and forgets who was woken, pruned or cancelled", async () => {
		const driver = new Driver(["a", "b", "c", "d", "e"].map((id) => node(id)));
		const leases = new Map<string, Parameters<Driver["handle"]["park"]>[0]>();
		for (const id of ["a", "b", "c", "d", "e"]) leases.set(id, await driver.claim(id));
		const park = async (id: string, wait: Wait) => {
			const lease = leases.get(id);
			if (lease !== undefined) accepted(await driver.handle.park(lease, wait));
		};
		const names = () => [...driver.actor.state.parked].map((n) => driver.actor.state.graph.id(n));
		await park("d", { kind: "signal", name: "go" });
		await park("b", { kind: "approval", reason: "?" });
		await park("a", { kind: "child", run: "r2", name: "sub" });
		await park("c", { kind: "sleep", until: 50 });
		await park("e", { kind: "approval", reason: "?" });
		expect(names()).toEqual(["d", "b", "a", "c", "e"]);
		accepted(await driver.handle.approve("b"));
		driver.clock.advance(50);
		expect(names()).toEqual(["d", "a", "e"]);
		await driver.mutate({ type: "pruneSubgraph", id: "d" });
		accepted(await driver.handle.kill("e", "enough"));
		expect(names()).toEqual(["a"]);
		accepted(await driver.handle.cancel());
		expect(names()).toEqual([]);
	});

	test("is found in images of before there was one, by the order of the nodes", async () => {
		const driver = new Driver([node("a"), node("b"), node("c", [], { retry: { maxAttempts: 2, delay: 5 } })]);
		const [a, b] = [await driver.claim("a"), await driver.claim("b")];
		await driver.fail("c");
		accepted(await driver.handle.park(b, { kind: "signal", name: "go" }));
		accepted(await driver.handle.park(a, { kind: "approval", reason: "?" }));
		const chain = new Chain(driver.actor.state);
		chain.take();
		expect(chain.last.parked).toEqual([1, 0]);
		const { parked: _, ...old } = chain.last;
		expect([...restoreState([old]).parked]).toEqual([0, 1]);
		expect(() => restoreState([{ ...old, parked: [2] }])).toThrow("has node 2 parked, and it is not");
		expect(() => restoreState([{ ...old, parked: [7] }])).toThrow("has node 7 parked, and it is not");
	});
});
