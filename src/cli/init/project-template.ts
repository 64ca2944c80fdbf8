/** How the files of a new project are written. */
export interface TemplateOptions {
	readonly name: string;
	/** Of the library. */
	readonly version: string;
	/** Of the project's own modules: `ts` and `js` where its package says that they are modules, else `mts` and `mjs`. */
	readonly extension: "ts" | "js" | "mts" | "mjs";
	/** Whether the Node at hand runs TypeScript by itself. */
	readonly typescript: boolean;
}

/** A file of a new project. */
export interface ProjectFile {
	readonly path: string;
	readonly content: string;
}

/** The name that a manifest may have for a folder. */
export function packageName(folder: string): string {
	const name = folder
		.toLowerCase()
		.replace(/[^a-z0-9._-]+/g, "-")
		.replace(/^[._-]+|-+$/g, "");
	return name === "" ? "agents" : name;
}

/** The scripts of a new project, by name. */
export function scriptsOf({ extension, typescript }: TemplateOptions): Record<string, string> {
	const strips = typescript || extension.endsWith("js") ? "" : " --experimental-strip-types";
	return {
		start: `dagswarm run project.${extension}`,
		serve: `dagswarm serve project.${extension}`,
		test: `node${strips} --test`,
	};
}

/** All files but the manifest. */
export function projectFiles(options: TemplateOptions): ProjectFile[] {
	const { extension } = options;
	const isTyped = extension.endsWith("ts");
	const plain = (source: string): string => (isTyped ? source.replace(/\/\*[:;]\*\//g, "") : withoutTypes(source));
	return [
		{ path: `project.${extension}`, content: plain(PROJECT) },
		{ path: `project.test.${extension}`, content: plain(TEST.replaceAll("EXTENSION", extension)) },
		...(isTyped ? [{ path: "tsconfig.json", content: TSCONFIG }] : []),
		{ path: "README.md", content: readme(options) },
		{ path: ".gitignore", content: IGNORED },
	];
}

/** The manifest of a project that has none yet. */
export function manifestOf(options: TemplateOptions): string {
	const manifest = {
		name: options.name,
		version: "0.0.0",
		private: true,
		type: "module",
		scripts: scriptsOf(options),
		dependencies: { dagswarm: `^${options.version}` },
	};
	return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Types in the templates are between these marks, so that JavaScript is the same without them. */
function withoutTypes(source: string): string {
	return source.replace(/\/\*:\*\/.*?\/\*;\*\//gs, "");
}

const PROJECT = `import { defineAgent, defineGraph, defineProject, defineTrigger, result } from "dagswarm";

/** Plans: adds a node for each topic, and whoever waits for the plan waits for them. */
const plan = defineAgent({
  name: "plan",
  run: async ({ topics }/*:*/: { topics: string[] }/*;*/) =>
    result(
      { planned: topics.length },
      { expand: true, nodes: topics.map((topic) => ({ id: \`look-up-\${topic}\`, agent: "look-up", input: { topic } })) },
    ),
});

/** Looks something up. Here a model or a service would be asked; pass on ctx.signal, so that it can be stopped. */
const lookUp = defineAgent({
  name: "look-up",
  retry: 3,
  timeout: "30s",
  run: async ({ topic }/*:*/: { topic: string }/*;*/) => \`\${topic} have six legs\`,
});

/** Writes a report of all that was found. */
const write = defineAgent({
  name: "write",
  dependsOn: { found: { agent: lookUp, many: true } },
  run: async (_/*:*/: undefined/*;*/, ctx) => Object.values(ctx.deps.found).join("; "),
});

/** Asks a person before anything leaves the house. */
const publish = defineAgent({
  name: "publish",
  dependsOn: { report: write },
  run: async (_/*:*/: undefined/*;*/, ctx) => {
    const { report } = ctx.deps;
    const { by = "somebody" } = await ctx.requestApproval({ reason: "publish this?", data: report, choices: ["publish"] });
    return \`\${report} (approved by \${by})\`;
  },
});

/** Runs by itself, see triggers below. */
const heartbeat = defineAgent({ name: "heartbeat", run: async () => "still here" });

export default defineProject({
  agents: [plan, lookUp, write, publish, heartbeat],

  // What \`dagswarm run\` starts, with what --input says; triggers start it as "graph".
  graph: ({ topics = ["bees", "wasps"] }/*:*/: { topics?: string[] }/*;*/ = {}) =>
    defineGraph({
      plan: { agent: plan, input: { topics } },
      write: { agent: write, dependsOn: { found: "plan" } },
      publish: { agent: publish, dependsOn: { report: "write" } },
    }),

  // What \`dagswarm serve\` starts by itself.
  triggers: [defineTrigger({ id: "heartbeat", on: "every 1m", start: "heartbeat" })],

  options: { concurrency: 4 },
});
`;

const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { /*:*/type AnyAgent, /*;*/createSwarm, memoryJournal } from "dagswarm";
import project from "./project.EXTENSION";

test("what was found is published once somebody has approved it", async () => {
  const { agents = [], graph } = project;
  assert(typeof graph === "function");
  const swarm = createSwarm/*:*/<AnyAgent>/*;*/({ ...project.options, agents, journal: memoryJournal() });
  const run = swarm.start(await graph({ topics: ["ants"] }));
  for await (const { node } of run.approvals()) await run.approve(node, { by: "Ada", data: "publish" });
  const { status, outputs } = await run.result();
  assert.equal(status, "completed");
  assert.equal(outputs["publish"], "ants have six legs (approved by Ada)");
  await swarm.close();
});
`;

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2024", "esnext.disposable"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "skipLibCheck": true
  },
  "include": ["*.ts", "*.mts"]
}
`;

const IGNORED = `node_modules/
dagswarm.db*
`;

function readme({ name, extension }: TemplateOptions): string {
	return `# ${name}

Agents that run with [dagswarm](https://www.npmjs.com/package/dagswarm): \`project.${extension}\` has them, and what they do.

\`\`\`sh
npm test                                 # runs the project's own test
npx dagswarm run project.${extension}           # runs it, and asks you before it publishes
npx dagswarm ls                          # the runs there are; they are kept in dagswarm.db
npx dagswarm show @last                  # the last one, node by node
npx dagswarm resume                      # goes on with one that was interrupted
npx dagswarm serve project.${extension}         # starts what the triggers say, until it is stopped
npx dagswarm doctor project.${extension}        # looks whether all is well
\`\`\`

There is no build step. Kill it while it runs, and resume it: what is done stays done.
`;
}
