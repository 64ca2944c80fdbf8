import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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
		pool: "forks",
		maxWorkers: "100%",
		// Only a hang may fail on time: other work on the machine must not.
		testTimeout: 60_000,
		hookTimeout: 60_000,
	},
});
