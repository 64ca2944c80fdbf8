import assert from "node:assert/strict";
import type { PaletteCaller, PalettePort } from "../../ports/palette.js";
import type { PortAnswer } from "../../ports/port.js";
import { attemptOf, runOf } from "./port-samples.js";

/** Makes a palette. */
export type MakePalette = () => PortAnswer<PalettePort>;

const KNOWN: readonly string[] = Object.freeze([
	"search",
	"write",
	"plan",
	"constructor",
	"__proto__",
	"",
	"*",
	"sea*",
]);

function callerOf(agent: string, known = KNOWN, caller?: string): PaletteCaller {
	const run = runOf("r", caller === undefined ? {} : { caller, metadata: { caller } });
	return Object.freeze({ ...attemptOf("n", agent), run, known });
}

/** Whoever may ask: agents that are known and that are not, for callers and for nobody. */
const CALLERS: readonly PaletteCaller[] = [
	"search",
	"write",
	"plan",
	"constructor",
	"__proto__",
	"",
	"stranger",
].flatMap((agent) => [callerOf(agent), callerOf(agent, KNOWN, "anna"), callerOf(agent, KNOWN, "__proto__")]);

/** What {@link PalettePort} promises. */
export const palettes: Readonly<Record<string, (make: MakePalette) => Promise<void>>> = {
	"lists names that are there, each once": async (make) => {
		const palette = await make();
		for (const caller of CALLERS) {
			const tools = palette.tools(caller);
			assert.ok(Array.isArray(tools), "the tools are a list");
			assert.deepEqual(
				tools.filter((name) => !KNOWN.includes(name)),
				[],
			);
			assert.equal(new Set(tools).size, tools.length, "no name is there twice");
		}
	},

	"lists nothing where there is nothing": async (make) => {
		const palette = await make();
		for (const { agent } of CALLERS) assert.deepEqual([...palette.tools(callerOf(agent, Object.freeze([])))], []);
	},

	"says the same to the same caller, whoever asks in between": async (make) => {
		const palette = await make();
		const first = CALLERS.map((caller) => [...palette.tools(caller)]);
		const again = CALLERS.map((caller) => [...palette.tools(caller)]);
		assert.deepEqual(again, first);
		const other = await make();
		const backwards = CALLERS.toReversed().map((caller) => [...other.tools(caller)]);
		assert.deepEqual(backwards.toReversed(), first);
	},

	"gives a list that does not change what it says next": async (make) => {
		const palette = await make();
		for (const caller of CALLERS) {
			const tools = palette.tools(caller);
			const before = [...tools];
			if (!Object.isFrozen(tools)) (tools as string[]).push("something else");
			assert.deepEqual([...palette.tools(caller)], before);
		}
	},
};
