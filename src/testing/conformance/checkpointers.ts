import assert from "node:assert/strict";
import type { CheckpointerPort, CheckpointerStore } from "../../ports/checkpointer.js";
import type { PortAnswer } from "../../ports/port.js";
import { AWKWARD_IDS, runOf } from "./port-samples.js";

/** Makes a checkpointer that has nothing saved yet. */
export type MakeCheckpointer = () => PortAnswer<CheckpointerPort>;

/** Values that a careless text would change. */
const VALUES: readonly unknown[] = [
	null,
	0,
	-1.5e300,
	"",
	"ä€😀\u0000\ud800",
	[],
	[[null, false]],
	{},
	{ "": { "a/b": [1] } },
	new Uint8Array([0, 255, 10]),
	{ at: [new Uint8Array(0)], deep: { bytes: new Uint8Array([7]) } },
	{ $bytes: "AA==" },
	{ $$bytes: "AA==" },
	{ $blob: "x" },
	JSON.parse('{ "__proto__": { "a": 1 }, "constructor": 2 }'),
	{ toJSON: "a member like any other" },
];

/** Saves nodes of a run that this process then lets go of. */
async function leaveBehind(
	port: CheckpointerPort,
	run: string,
	states: Readonly<Record<string, unknown>>,
): Promise<void> {
	const store = await port.open(runOf(run));
	for (const [node, state] of Object.entries(states)) await store.save(node, state);
	await store.close?.(false);
}

/** What there is of a run for a process that goes on with it. */
async function found(port: CheckpointerPort, run: string): Promise<ReadonlyMap<string, unknown>> {
	const store = await port.open(runOf(run, { resumed: true }));
	const states = await store.load();
	await store.close?.(false);
	return new Map(states);
}

/** Whether states are as they were saved. A member that is undefined need not be there. */
function assertStates(actual: ReadonlyMap<string, unknown>, expected: Readonly<Record<string, unknown>>): void {
	assert.deepEqual([...actual.keys()].sort(), Object.keys(expected).sort());
	for (const [node, state] of Object.entries(expected)) assert.deepEqual(bare(actual.get(node)), bare(state), node);
}

/** A value without what makes equal data different: the class of its bytes, prototypes, members that are undefined. */
function bare(value: unknown): unknown {
	if (value instanceof Uint8Array) return new Map([["bytes", [...value]]]);
	if (Array.isArray(value)) return value.map(bare);
	if (typeof value !== "object" || value === null) return value;
	const members = Object.entries(value).filter(([, member]) => member !== undefined);
	return new Map(members.map(([key, member]): [string, unknown] => [key, bare(member)]));
}

/** What {@link CheckpointerPort} promises. */
export const checkpointers: Readonly<Record<string, (make: MakeCheckpointer) => Promise<void>>> = {
	"has nothing of a run that has saved nothing": async (make) => {
		const store = await (await make()).open(runOf("r"));
		assert.equal((await store.load()).size, 0);
		await store.close?.(true);
	},

	"keeps the latest state of each node for a process that goes on with the run": async (make) => {
		const port = await make();
		const store = await port.open(runOf("r"));
		for (const page of [1, 2, 3]) await store.save("a", { page });
		await store.save("b", "once");
		await store.close?.(false);
		assertStates(await found(port, "r"), { a: { page: 3 }, b: "once" });
		assertStates(await found(port, "r"), { a: { page: 3 }, b: "once" });
	},

	"keeps the latest of saves and clears that nobody waits for in between": async (make) => {
		const port = await make();
		const store = await port.open(runOf("r"));
		const calls: PortAnswer<void>[] = [];
		for (let page = 0; page < 10; page++) calls.push(store.save("a", { page, text: "x".repeat(10_000 - page * 999) }));
		calls.push(store.save("b", 1), store.clear("b"), store.clear("c"), store.save("c", 2));
		await Promise.all(calls);
		await store.close?.(false);
		assertStates(await found(port, "r"), { a: { page: 9, text: "x".repeat(10_000 - 9 * 999) }, c: 2 });
	},

	"has kept a state when save has answered, though the process ends there": async (make) => {
		const port = await make();
		const store = await port.open(runOf("r"));
		await store.save("a", 1);
		// Nothing is closed: a process that dies closes nothing.
		assertStates(await found(port, "r"), { a: 1 });
	},

	"gives any plain data back as it was": async (make) => {
		const port = await make();
		const states = Object.fromEntries(VALUES.map((value, index) => [`n${index}`, value]));
		await leaveBehind(port, "r", states);
		assertStates(await found(port, "r"), states);
	},

	"has nothing to give for a state that is undefined": async (make) => {
		const port = await make();
		await leaveBehind(port, "r", { a: undefined, b: { there: 1, not: undefined } });
		const states = await found(port, "r");
		assert.equal(states.get("a"), undefined);
		assert.deepEqual(bare(states.get("b")), bare({ there: 1 }));
	},

	"keeps a state as it was when it was saved": async (make) => {
		const port = await make();
		const store = await port.open(runOf("r"));
		const state = { list: [1], bytes: new Uint8Array([1]) };
		const saved = store.save("a", state);
		state.list.push(2);
		state.bytes[0] = 2;
		await saved;
		state.list.push(3);
		await store.close?.(false);
		assertStates(await found(port, "r"), { a: { list: [1], bytes: new Uint8Array([1]) } });
	},

	"forgets a node that is cleared, and no other": async (make) => {
		const port = await make();
		await leaveBehind(port, "other", { a: 3 });
		const store = await port.open(runOf("r"));
		await store.save("a", 1);
		await store.save("b", 2);
		await store.clear("a");
		await store.clear("a");
		await store.clear("never saved");
		await store.close?.(false);
		assertStates(await found(port, "r"), { b: 2 });
		assertStates(await found(port, "other"), { a: 3 });
	},

	"keeps runs apart, however alike their ids are": async (make) => {
		const port = await make();
		for (const [index, run] of AWKWARD_IDS.entries()) await leaveBehind(port, run, { n: index });
		for (const [index, run] of AWKWARD_IDS.entries()) assertStates(await found(port, run), { n: index });
	},

	"keeps nodes apart, however alike their ids are": async (make) => {
		const port = await make();
		const store = await port.open(runOf("r"));
		for (const [index, node] of AWKWARD_IDS.entries()) await store.save(node, index);
		await store.close?.(false);
		const states = await found(port, "r");
		assert.deepEqual([...states.keys()].sort(), [...AWKWARD_IDS].sort());
		for (const [index, node] of AWKWARD_IDS.entries()) assert.equal(states.get(node), index);
	},

	"gives each of two runs side by side a store of its own": async (make) => {
		const port = await make();
		const [a, b] = [await port.open(runOf("a")), await port.open(runOf("b"))];
		await Promise.all([a.save("n", "of a"), b.save("n", "of b")]);
		await b.clear("n");
		await b.close?.(true);
		await a.save("m", "of a, too");
		await a.close?.(false);
		assertStates(await found(port, "a"), { n: "of a", m: "of a, too" });
		assertStates(await found(port, "b"), {});
	},

	"forgets a run that has ended": async (make) => {
		const port = await make();
		await leaveBehind(port, "other", { n: 2 });
		const store: CheckpointerStore = await port.open(runOf("r"));
		await store.save("n", 1);
		if (store.close === undefined) await store.clear("n");
		else await store.close(true);
		assertStates(await found(port, "r"), {});
		assertStates(await found(port, "other"), { n: 2 });
	},

	"gives a run that begins nothing of an earlier one with its id": async (make) => {
		const port = await make();
		await leaveBehind(port, "r", { n: 1 });
		const store = await port.open(runOf("r"));
		assert.equal((await store.load()).size, 0);
		await store.close?.(true);
	},
};

/** What is promised when another process opens the same place. */
export const durableCheckpointers: Readonly<
	Record<string, (make: MakeCheckpointer, reopen: MakeCheckpointer) => Promise<void>>
> = {
	"another process finds what was saved, and not what was cleared": async (make, reopen) => {
		const store = await (await make()).open(runOf("r"));
		await store.save("a", { bytes: new Uint8Array([1, 2]) });
		await store.save("b", 1);
		await store.clear("b");
		const later = await reopen();
		assertStates(await found(later, "r"), { a: { bytes: new Uint8Array([1, 2]) } });
	},

	"another process finds nothing of a run that has ended": async (make, reopen) => {
		const store = await (await make()).open(runOf("r"));
		await store.save("a", 1);
		if (store.close === undefined) await store.clear("a");
		else await store.close(true);
		assertStates(await found(await reopen(), "r"), {});
	},
};
