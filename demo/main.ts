import { command } from "./command.ts";
import { stopOnSignals } from "./stop.ts";

const { env, stdout, stderr } = process;

// `npm run demo | head` closes the pipe: no reason for a stack.
stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code !== "EPIPE") throw error;
	process.exit(0);
});
const stop = stopOnSignals(process, (code) => process.exit(code));
process.exitCode = await command(process.argv.slice(2), {
	// npm runs scripts in the folder of the package; paths are meant from where the user is.
	cwd: (env["npm_lifecycle_event"] === "demo" ? env["INIT_CWD"] : undefined) ?? process.cwd(),
	out: stdout,
	err: stderr,
	terminal: stdout.isTTY === true && env["TERM"] !== "dumb",
	signal: stop.signal,
});
stop.close();
