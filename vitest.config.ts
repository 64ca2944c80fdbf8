import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take many seconds, most of them waiting for processes. */
const LONG = /\/test\/(canaries|durable|integration|model|demo\/(durable|inspection)|swarm\/many)\b/;

/** Long files come first, also where no earlier run has measured them: one that came last would run alone. */
class LongFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const sorted = await super.sort(files);
		const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
		return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
	}
}

export default defineConfig({
	resolve: {
		alias: [
			{ find: /^dagswarm$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
			{ find: /^dagswarm\/(testing|bench)$/, replacement: fileURLToPath(new URL("src/$1/index.ts", import.meta.url)) },
		],
	},
	test: {
		include: ["test/**/*.test.ts"],
		typecheck: { enabled: true, checker: "tsc", include: ["test/**/*.test-d.ts"], tsconfig: "tsconfig.json" },
		globalSetup: "test/shared-build.ts",
		setupFiles: "test/put-back.ts",
		pool: "forks",
		// The random tests make much that is soon garbage.
		execArgv: ["--max-semi-space-size=64"],
		// To load the library anew for each file takes longer than most of them. So a test puts back what it changes of
		// its process: test/put-back.ts sees to that.
		isolate: false,
		sequence: { sequencer: LongFirst },
		maxWorkers: "100%",
		// Only a hang may fail on time: other work on the machine must not.
		testTimeout: 60_000,
		hookTimeout: 60_000,
	},
});
