import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerProblem, difference, fingerprint } from "./compare.js";
import { Pair } from "./drive.js";
import { rawRuns } from "./generate.js";
import { cases } from "./seed.js";

describe("the actor beside an independent model", () => {
	test("agrees with it after every command", async () => {
		const sum = { patches: 0, accepted: 0, refused: 0 };
		await fc.assert(
			fc.asyncProperty(rawRuns(60), async (raw) => {
				const pair = new Pair(raw);
				const fail = (what: string): never => {
					throw new Error(`${what}\n${pair.story}`);
				};
				for (const command of raw.commands) {
					const before = fingerprint(pair);
					const step = await pair.step(command).catch((error: unknown) => fail(String(error)));
					if (step === undefined) continue;
					const wrong = answerProblem(step) ?? difference(pair);
					if (wrong !== undefined) fail(wrong);
					if (!step.real.ok && step.real.code !== "INVALID_INPUT" && fingerprint(pair) !== before)
						fail("a refused command left something behind");
				}
				for (const key of ["patches", "accepted", "refused"] as const) sum[key] += pair.stats[key];
			}),
			cases(2_000),
		);
		// Cases that are mostly refused would prove little.
		expect(sum.accepted / sum.patches).toBeGreaterThan(0.5);
	});
});
