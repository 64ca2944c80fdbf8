import { isBuiltin } from "node:module";
import { action, type Command } from "../action.js";
import { type Check, ok, problem, warning } from "../doctor/check.js";
import { projectChecks } from "../doctor/project-checks.js";
import { storeChecks } from "../doctor/store-checks.js";
import { EXIT } from "../exit-code.js";
import { isInRange, packageFacts } from "../package-facts.js";
import { json } from "../report/json.js";
import { oneLine } from "../report/one-line.js";
import { type Paint, painter } from "../report/paint.js";
import type { NodeFacts, Shared } from "../world.js";

/** `dagswarm doctor`: whether all that is needed is there, and what to do where it is not. */
export const doctor: Command = (program, world) => {
	program
		.command("doctor")
		.description("Looks whether Node, the store and a project are as they should be, and says what to do.")
		.argument("[file]", "the module of a project")
		.addHelpText("after", "\nExit code: 0 all is well, 1 there is a problem")
		.action(
			action(world, async (shared: Shared, file: string | undefined) => {
				const checks = [
					...nodeChecks(world.node),
					...(await storeChecks(shared.store)),
					...(file === undefined ? [] : await projectChecks(file, world.cwd)),
				];
				const isWell = !checks.some(({ status }) => status === "problem");
				if (shared.json) world.out(json({ ok: isWell, checks }, world));
				else world.out(checks.flatMap((check) => checkText(check, painter(world))).join("\n"));
				return isWell ? EXIT.completed : EXIT.failed;
			}),
		);
};

function nodeChecks({ version, typescript }: NodeFacts): Check[] {
	const { node: range, version: own } = packageFacts();
	return [
		ok("dagswarm", own),
		isInRange(version, range)
			? ok("node", version)
			: problem("node", `${version} is not in the range ${range}`, "use a newer Node, see https://nodejs.org"),
		isBuiltin("node:sqlite")
			? ok("sqlite", "node:sqlite is there")
			: problem("sqlite", "this Node has no node:sqlite", "start it without --no-experimental-sqlite"),
		typescript
			? ok("typescript", "Node runs it by itself; what it does not take is translated")
			: warning(
					"typescript",
					"this Node does not run it: files are translated, which takes a moment",
					"use Node 22.18 or newer",
				),
	];
}

const LOOKS = { ok: ["✓", "green"], warning: ["!", "yellow"], problem: ["✗", "red"] } as const;

function checkText({ name, status, message, hint }: Check, paint: Paint): string[] {
	const [sign, format] = LOOKS[status];
	const line = `${paint(format, sign)} ${name}: ${oneLine(message, 400)}`;
	return hint === undefined ? [line] : [line, `    ${oneLine(hint, 400)}`];
}
