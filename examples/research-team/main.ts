import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { auditFileName, type RunHandle, type RunOutcome, verifyAudit } from "dagswarm";
import { type Answerer, answerApproval, atTerminal, byItself } from "./approval.ts";
import { topic } from "./corpus.ts";
import { FakeModel } from "./model.ts";
import { Progress } from "./progress.ts";
import { COST_LIMIT, graphOf, teamOf } from "./team.ts";

const USAGE = `usage: npm run example -- [--yes] [--fast] [--plan] [--seed N] [--out FOLDER]

A team of agents writes a report: a planner, searchers, a writer, a critic, and you, who approve it. The model is a
fake one: nothing leaves this machine.

  --yes         approves by itself; so does a run without a terminal
  --fast        does not wait as long as a model would take
  --plan        says what would run, and runs nothing
  --seed N      other latencies and refusals
  --out FOLDER  where the report and the records go (default: examples/research-team/output)`;

const values = readOptions();
const { env, stdin, stdout } = process;
// npm runs scripts in the folder of the package; paths are meant from where the user is.
const folder = resolve(env["INIT_CWD"] ?? ".", values.out);
// Only who has the key can write records that verify: yours belongs where you keep secrets.
const auditKey = env["RESEARCH_TEAM_AUDIT_KEY"] ?? "the key of an example";
const model = new FakeModel({ seed: Number(values.seed), speed: values.fast ? 100 : 2, refused: 0.1 });
const terminal = stdout.isTTY === true && stdin.isTTY === true;
const graph = graphOf(topic);

// `npm run example | head` closes the pipe: no reason for a stack.
stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code !== "EPIPE") throw error;
	process.exit(0);
});

if (values.help) stdout.write(`${USAGE}\n`);
else if (values.plan) plan();
else process.exitCode = await work();

/** What the command line asks for; ends the process where that is unclear. */
function readOptions() {
	try {
		return parseArgs({
			options: {
				yes: { type: "boolean", default: false },
				fast: { type: "boolean", default: false },
				plan: { type: "boolean", default: false },
				seed: { type: "string", default: "1" },
				out: { type: "string", default: fileURLToPath(new URL("output", import.meta.url)) },
				help: { type: "boolean", short: "h", default: false },
			},
		}).values;
	} catch (error) {
		process.stderr.write(`example: ${(error as Error).message} (--help shows the usage)\n`);
		process.exit(2);
	}
}

/** What is known before anything runs. */
function plan(): void {
	const { nodes, estimate } = teamOf({ model, folder, auditKey }).plan(graph);
	for (const { id, agent, after } of nodes)
		stdout.write(`${id} (${agent})${after.length > 0 ? ` after ${after.join(", ")}` : ""}\n`);
	stdout.write(`expected to cost ${(estimate.cost ?? 0).toFixed(4)} before the planner adds to it\n`);
}

/** @returns the exit code */
async function work(): Promise<number> {
	const stop = new AbortController();
	process.once("SIGINT", () => stop.abort("interrupted"));
	await using team = teamOf({ model, folder, auditKey });
	const progress = new Progress(stdout, terminal, COST_LIMIT);
	const run = team.start(graph, {
		// Also the name of what is delivered and recorded.
		runId: `report-${Date.now()}`,
		signal: stop.signal,
		deadline: "10m",
		metadata: { caller: userInfo().username, channel: "terminal" },
	});
	await follow(run, progress, stop);
	const outcome = await run.result();
	const delivery = await run.delivered();
	const audit = join(folder, "audit", auditFileName(run.id));
	const verdict = await verifyAudit(audit, auditKey);
	progress.end();
	for (const line of summaryOf(outcome)) progress.say(line);
	if (delivery?.ok === true) progress.say(`delivered to ${join(folder, "delivered", run.id)}`);
	progress.say(`recorded in ${audit}`);
	progress.say(verdict.ok ? `which verifies: ${verdict.records} records` : `which does not verify: ${verdict.reason}`);
	return outcome.status === "completed" && delivery?.ok === true && verdict.ok ? 0 : 1;
}

/** Shows what happens and what is streamed, and has questions answered one after the other, until the run is over. */
async function follow(run: RunHandle, progress: Progress, stop: AbortController): Promise<void> {
	const say = (line: string): void => progress.say(line);
	const answer = terminal && !values.yes ? atTerminal(stdin, stdout, stop) : byItself(say);
	const answerer: Answerer = (question) => progress.hold(() => answer(question));
	let asking = Promise.resolve();
	for await (const item of run.stream()) {
		if (item.type === "chunk") progress.stream(item.node, String(item.chunk));
		else progress.observe(item);
		if (item.type === "node.parked")
			asking = asking.then(() => answerApproval(run, item, { by: userInfo().username, answerer, say }));
	}
	await asking;
}

function summaryOf({ status, reason, stats }: RunOutcome): string[] {
	const { cost = 0, largeCalls = 0, smallCalls = 0 } = stats.usage;
	return [
		`${status}${reason === undefined ? "" : `: ${reason}`}: ${stats.nodes} nodes, ${stats.attempts} attempts`,
		`spent ${cost.toFixed(4)} of ${COST_LIMIT.toFixed(4)}: ${largeCalls} calls of the large model, ${smallCalls} of the small one`,
	];
}
