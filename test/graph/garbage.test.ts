import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkState } from "../../src/graph/invariants.js";
import type { Lease, NodeSpec, Patch, Wait } from "../../src/graph/types.js";
import { Driver, node } from "./driver.js";

// What callers without types hand in is refused; it never stops a run.

const odd = fc.oneof(
	fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true, maxDepth: 3 }),
	fc.constantFrom<unknown>(undefined, null, "", "a", 0, -1, Number.NaN, [], {}, () => 1, Symbol("s"), 1n),
);

/** Fields that are right here and wrong there. */
function nearly<T extends object>(fields: Record<keyof T & string, fc.Arbitrary<unknown>>): fc.Arbitrary<T> {
	const each = Object.fromEntries(
		Object.entries(fields).map(([name, right]) => [name, fc.oneof(right as fc.Arbitrary<unknown>, odd)]),
	);
	return fc.record(each, { requiredKeys: [] }) as unknown as fc.Arbitrary<T>;
}

const id = fc.constantFrom("a", "b", "c", "x", "y", "none", "__proto__");
const ids = fc.array(id, { maxLength: 3 });
const spec = nearly<NodeSpec>({
	id,
	agent: fc.constant("work"),
	input: fc.oneof(fc.jsonValue(), fc.constant({ $output: "a" }), fc.constant({ in: [{ $output: "b", path: "/0" }] })),
	dependsOn: fc.oneof(ids, fc.dictionary(fc.constantFrom("p", "q"), id)),
	join: fc.constantFrom("all", "any", "settled", "failed", "always", { atLeast: 1 }, { atLeast: 2 }),
	priority: fc.integer(),
	estimateMs: fc.nat(),
	speculative: fc.constantFrom("hold", "eager"),
	metadata: fc.dictionary(fc.string(), fc.jsonValue()),
	retry: fc.constantFrom(1, 2, { maxAttempts: 2, delay: 5 }),
	timeout: fc.constantFrom(5, "1s", { total: 5 }),
	limits: fc.constant(["cpu"]),
	onFailure: fc.constantFrom("skip", "block"),
	onPatchRejected: fc.constantFrom("fail", "complete"),
	canMutate: fc.constantFrom(true, false, "own"),
	onResume: fc.constantFrom("retry", "fail", "ask"),
	fallback: fc.constantFrom({ agent: "work" }, { model: "small" }, { agent: "" }, {}, 7),
	memo: fc.constantFrom(true, false, { key: "k" }),
});

const mutation = nearly<Record<string, unknown>>({
	type: fc.constantFrom(
		"addNode",
		"addNodes",
		"addEdge",
		"removeEdge",
		"removeNode",
		"updateNode",
		"splitNode",
		"injectBefore",
		"pruneSubgraph",
		"markSpeculative",
		"confirmSpeculative",
		"discardSpeculative",
	),
	id,
	ids,
	from: id,
	to: id,
	node: spec,
	nodes: fc.array(spec, { maxLength: 3 }),
	into: fc.array(spec, { maxLength: 3 }),
	changes: spec,
	alias: fc.constantFrom("p", "q"),
	mode: fc.constantFrom("bridge", "detach", "reject", "hold", "eager"),
	scope: fc.constantFrom("descendants", "exclusive"),
	inherit: fc.boolean(),
});

const patch = fc.oneof(fc.array(mutation, { maxLength: 4 }), odd) as fc.Arbitrary<Patch>;

function graph(): Driver {
	return new Driver([node("a"), node("b", ["a"], { retry: 2 }), node("c", ["b"], { speculative: "hold" })]);
}

async function survives(driver: Driver, send: () => Promise<unknown>): Promise<void> {
	const before = driver.actor.state.seq;
	// A border may throw a TypeError of its own for what is no argument at all; the run goes on.
	const reply = await send().catch((error: unknown) => error);
	expect(driver.actor.poison).toBeUndefined();
	expect(checkState(driver.actor.state)).toBeUndefined();
	if (reply !== undefined && (reply as { ok?: boolean }).ok !== true) expect(driver.actor.state.seq).toBe(before);
}

describe("whatever comes", () => {
	test("as a patch of the host is applied or refused", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(patch, odd, odd), { maxLength: 4 }), async (patches) => {
				const driver = graph();
				for (const [each, expected, key] of patches) {
					const options = { expect: expected as never, ...(typeof key === "string" && { key }) };
					await survives(driver, () => driver.handle.mutate(each, expected === undefined ? {} : options));
				}
			}),
			{ numRuns: 300 },
		);
	});

	test("as a patch of an agent is applied, refused, or fails its attempt", async () => {
		await fc.assert(
			fc.asyncProperty(patch, patch, odd, async (early, last, output) => {
				const driver = graph();
				const lease = await driver.claim("a");
				await survives(driver, () => driver.handle.commit(lease, early));
				await driver.handle.complete(lease, output, last).catch(() => {});
				expect(driver.actor.poison).toBeUndefined();
				expect(checkState(driver.actor.state)).toBeUndefined();
			}),
			{ numRuns: 300 },
		);
	});

	test("as a lease is refused", async () => {
		const lease = nearly<Lease>({ node: id, attempt: fc.nat(2), epoch: fc.nat(2), seq: fc.nat(9) });
		await fc.assert(
			fc.asyncProperty(fc.oneof(lease, odd) as fc.Arbitrary<Lease>, odd, async (each, rest) => {
				const driver = graph();
				for (const send of [
					() => driver.handle.complete(each, rest),
					() => driver.handle.fail(each, rest),
					() => driver.handle.commit(each, []),
					() => driver.handle.park(each, { kind: "sleep", until: 5 }),
				])
					await survives(driver, send);
				expect(driver.state("a")).toBe("ready");
			}),
		);
	});

	test("as a wait is taken or refused, and the node goes on", async () => {
		const wait = nearly<Record<string, unknown>>({
			kind: fc.constantFrom("sleep", "signal", "approval"),
			until: fc.nat(20),
			name: fc.constantFrom("go", "__proto__"),
			reason: fc.string(),
			data: fc.jsonValue(),
		});
		await fc.assert(
			fc.asyncProperty(fc.oneof(wait, odd) as fc.Arbitrary<Wait>, async (each) => {
				const driver = graph();
				const lease = await driver.claim("a");
				await survives(driver, () => driver.handle.park(lease, each));
				driver.clock.advance(100);
				expect(driver.actor.poison).toBeUndefined();
			}),
		);
	});

	test("as the name, the node or the payload of a request is taken or refused", async () => {
		await fc.assert(
			fc.asyncProperty(odd, odd, async (one, two) => {
				const driver = graph();
				for (const send of [
					() => driver.handle.claim(one as string),
					() => driver.handle.signal(one as string, two, { node: two as string }),
					() => driver.handle.signal(one as string, two),
					() => driver.handle.approve(one as string, two as object),
					() => driver.handle.reject(one as string, two as object),
				])
					await survives(driver, send);
				expect(() => driver.handle.explain(one as string)).not.toThrow();
				await driver.handle.cancel(one as string).catch(() => {});
				expect(driver.actor.poison).toBeUndefined();
			}),
		);
	});
});
