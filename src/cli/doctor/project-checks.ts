import { SwarmError } from "../../core/errors.js";
import { loadProject, swarmOf } from "../project.js";
import { counted } from "../report/one-line.js";
import { type Check, ok, problem, warning } from "./check.js";

/** Looks whether a project file can be used. */
export async function projectChecks(file: string, cwd: string): Promise<Check[]> {
	try {
		const project = await loadProject(file, cwd);
		swarmOf(project, undefined);
		const { agents, triggers, startable } = project;
		const said = `${counted(agents.length, "agent")}, ${counted(triggers.length, "trigger")}`;
		if (startable || triggers.length > 0) return [ok("project", `${project.file}: ${said}`)];
		return [
			warning("project", `${project.file}: ${said}, and nothing to run`, "export `graph` or `plan`, or `triggers`"),
		];
	} catch (error) {
		if (!SwarmError.is(error)) throw error;
		return [problem("project", `${error.code}: ${error.message}`, error.hint ?? "mend it")];
	}
}
