import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { plant } from "./canary.js";
import { type Layer, search, writeCases } from "./layers.js";
import { planted as inRuns } from "./planted.js";
import { plantedInService } from "./planted-in-service.js";

const planted = [...inRuns, ...plantedInService];

const cases = writeCases();

afterAll(() => rmSync(dirname(cases), { recursive: true, force: true }));

describe.each(planted)("planted: $name", ({ foundBy, deaths = false, ports = false, ...canary }) => {
	const layers = Object.entries(foundBy) as [Layer, number][];
	test(`is found by ${layers.map(([layer, most]) => `${layer} within ${most} cases`).join(", ")}`, async ({
		annotate,
	}) => {
		const mutant = await plant(canary);
		try {
			for (const [layer, most] of layers) {
				const found = await search(mutant.folder, layer, cases, deaths ? "deaths" : ports ? "ports" : "cases");
				await annotate(`${canary.name}: ${layer} finds it in case ${found ?? "none"}`);
				expect(found, `${layer} lets the canary live`).toBeDefined();
				expect(found, layer).toBeLessThanOrEqual(most);
			}
		} finally {
			mutant.remove();
		}
	});
});

test("there are canaries enough", () => {
	expect(planted.length).toBeGreaterThanOrEqual(36);
});
