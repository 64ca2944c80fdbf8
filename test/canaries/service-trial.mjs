// Lets the layer of the service that is asked look for the bug that is planted in a build of the library.
import { createHash } from "node:crypto";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** @returns after how many cases the simulation of a service has found it */
export async function byService(folder, plans) {
	useBuild(folder);
	const { carriedOut } = await import("../sim/service-story.ts");
	const { judgeService } = await import("../sim/service-judge.ts");
	for (const [at, plan] of plans.entries()) {
		const problems = await judgeService(await carriedOut(plan));
		if (problems.length > 0) return at + 1;
	}
	return undefined;
}

/** What the simulation takes for the library is the build, and its own files are not compiled. */
function useBuild(folder) {
	const library = pathToFileURL(join(folder, "dist", "index.js")).href;
	registerHooks({
		resolve(specifier, context, next) {
			if (specifier === "dagswarm") return next(library, context);
			const isSource = specifier.startsWith(".") && context.parentURL?.endsWith(".ts") === true;
			return next(isSource ? specifier.replace(/\.js$/, ".ts") : specifier, context);
		},
	});
}

/** @returns which check of the published suite the store in memory fails */
export async function byStore(folder, { storeConformance }) {
	const { memoryStore } = await import(pathToFileURL(join(folder, "dist", "index.js")).href);
	for (const [at, check] of storeConformance().entries())
		try {
			await check.run(() => memoryStore());
		} catch {
			return at + 1;
		}
	return undefined;
}

/** Files that are written and taken away in turn, beside the naive count of what has changed: each change has a key of its own. */
export async function byFiles(folder, random, cases) {
	const { changesBetween, slotOfChange } = await import(
		pathToFileURL(join(folder, "dist", "triggers", "file-changes.js")).href
	);
	for (let count = 1; count <= cases; count++) {
		let manifest = { change: 0, files: new Map() };
		let before;
		let changed = 0;
		const slots = new Set();
		for (let look = 0; look < 12; look++) {
			const content = ["A", "B", undefined][random.below(3)];
			if (content !== before) changed++;
			before = content;
			const found = changesBetween(manifest, new Map([["a.txt", content && stateOf(content)]]));
			manifest = found.manifest;
			for (const change of found.changes) slots.add(slotOfChange(change));
		}
		if (slots.size !== changed) return count;
	}
	return undefined;
}

function stateOf(content) {
	return { hash: createHash("sha256").update(content).digest("hex"), size: content.length, mtimeMs: 0 };
}
