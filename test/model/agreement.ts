import { type ActorModelOptions, checkModel } from "dagswarm/testing";
import { expect, test } from "vitest";
import { again, asked, isFixed, runsOf, SEED, type Suite, tally } from "../random.js";

/** The cases of a file come in parts, so that each takes seconds even on a busy machine. */
const PARTS = asked.path === undefined ? 5 : 1;
/** Seeds that are not those of the next nights. */
const STRIDE = 1_000_003;
/** There are four files, so 200,000 together. */
const COMMANDS = 50_000;

/**
 * Lets actor and model run side by side, and sees to it that the cases are worth something: so many
 * commands, most of them legal. What fails is thrown with the one command that shows it again.
 *
 * @param runs - so many that they come to 50,000 commands, unless the environment asks for other runs
 */
export function testAgreement(suite: Suite, title: string, runs: number, options: ActorModelOptions = {}): void {
	test.each(Array.from({ length: PARTS }, (_, part) => part))(`${title} (%i)`, async (part) => {
		const seed = (SEED + part * STRIDE) | 0;
		const wanted = Math.ceil(runsOf(runs) / PARTS);
		const report = await checkModel({ maxCommands: 80, ...options, ...asked, seed, runs: wanted });
		const { failed, commands, refused, patches, accepted, counterexample, path, replayPath } = report;
		tally(suite, { seed, cases: report.runs, failed, commands });
		if (failed) throw new Error(`${counterexample}\n${again(suite, seed, path, replayPath)}`);
		if (!isFixed) return;
		expect(commands).toBeGreaterThanOrEqual(COMMANDS / PARTS);
		expect(refused / commands).toBeLessThan(0.3);
		// Patches that are mostly refused would prove little.
		expect(accepted / patches).toBeGreaterThan(0.5);
	});
}
