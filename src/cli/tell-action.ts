import { EXIT } from "./exit-code.js";
import { json } from "./report/json.js";
import { toldJson, toldText } from "./report/told-text.js";
import { commandLine } from "./stay.js";
import { tellRun, type Wanted } from "./tell-run.js";
import type { Shared, World } from "./world.js";

/** Has something done to a run, and says so. @returns the exit code */
export async function tellAction(wanted: Wanted, shared: Shared, world: World): Promise<number> {
	const told = await tellRun(wanted, shared, world);
	const line = commandLine(shared, world);
	world.out(shared.json ? json(toldJson(told, line), world) : toldText(told, line).join("\n"));
	return EXIT.completed;
}
