import { expect, test } from "vitest";

/** A check of any suite, with whatever it takes bound to it. */
export interface BoundCheck<Wrong> {
	readonly name: string;
	run(wrong: Wrong): Promise<void>;
}

/**
 * Proves a suite: what is right passes, what is wrong is found out, and there is no check that finds nothing.
 *
 * @param wrongs - what is wrong, in words after "that"
 */
export function proves<Wrong>(
	suite: readonly BoundCheck<Wrong>[],
	right: Wrong,
	wrongs: Readonly<Record<string, Wrong>>,
): void {
	const found = new Set<string>();
	const findings = async (port: Wrong): Promise<readonly string[]> => {
		const names: string[] = [];
		for (const { name, run } of suite) {
			try {
				await run(port);
			} catch {
				names.push(name);
			}
		}
		return names;
	};

	test("one with nothing wrong about it passes", async () => {
		expect(await findings(right)).toEqual([]);
	});

	// In one test: the checks that have found something are gathered, in whatever order tests run.
	test("each that is wrong is found out, and each check finds one", async () => {
		const missed: string[] = [];
		for (const [name, wrong] of Object.entries(wrongs)) {
			const names = await findings(wrong);
			if (names.length === 0) missed.push(name);
			for (const check of names) found.add(check);
		}
		expect(missed).toEqual([]);
		expect(suite.map(({ name }) => name).filter((name) => !found.has(name))).toEqual([]);
	});
}
