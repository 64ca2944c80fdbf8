import { relative, resolve } from "node:path";
import { action, type Command } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeProject } from "../init/write-project.js";
import { packageFacts } from "../package-facts.js";
import { json } from "../report/json.js";
import { shellWord } from "../report/one-line.js";
import type { Shared } from "../world.js";

/** `dagswarm init`: a small project that runs and passes its own test. */
export const init: Command = (program, world) => {
	program
		.command("init")
		.description("Writes a small project that runs and passes its own test. What is there is not touched.")
		.argument("[folder]", "where to; it is made when it is not there", ".")
		.option("--js", "JavaScript in place of TypeScript")
		.action(
			action(world, (shared: Shared, path: string, options: { readonly js?: boolean }) => {
				const folder = resolve(world.cwd, path);
				const { version } = packageFacts();
				const { typescript } = world.node;
				const written = writeProject({ folder, js: options.js === true, version, typescript });
				if (shared.json) {
					world.out(json({ folder, ...written }, world));
					return EXIT.completed;
				}
				for (const file of written.files) world.out(`wrote ${relative(world.cwd, resolve(folder, file))}`);
				if (written.added !== undefined && written.added.length > 0)
					world.out(`added to package.json: ${written.added.map((name) => `the script ${name}`).join(", ")}`);
				world.out("next:");
				if (folder !== world.cwd) world.out(`  cd ${shellWord(relative(world.cwd, folder))}`);
				if (written.installs) world.out("  npm install");
				world.out("  npm test");
				world.out(`  npx dagswarm run ${written.main}`);
				return EXIT.completed;
			}),
		);
};
