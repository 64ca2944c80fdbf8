import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
	interface ProvidedContext {
		/** A folder for the one build that all tests of a run share: see test/integration/build.ts. */
		readonly sharedBuild: string;
	}
}

/** Gives the test run a folder, empty until a test needs the library built. */
export default function setup(project: TestProject): () => void {
	const folder = mkdtempSync(join(tmpdir(), "dagswarm-shared-"));
	const empty = (): void => rmSync(folder, { recursive: true, force: true });
	project.provide("sharedBuild", folder);
	// While somebody watches, the sources change.
	project.onTestsRerun(() => {
		empty();
		mkdirSync(folder);
	});
	return empty;
}
