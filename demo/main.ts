import { command } from "./command.ts";

const { env, stdout, stderr } = process;
const stop = new AbortController();
const interrupt = () => stop.abort();

// `npm run demo | head` closes the pipe: no reason for a stack.
stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code !== "EPIPE") throw error;
	process.exit(0);
});
process.once("SIGINT", interrupt);
process.exitCode = await command(process.argv.slice(2), {
	// npm runs scripts in the folder of the package; paths are meant from where the user is.
	cwd: (env["npm_lifecycle_event"] === "demo" ? env["INIT_CWD"] : undefined) ?? process.cwd(),
	out: stdout,
	err: stderr,
	terminal: stdout.isTTY === true && env["TERM"] !== "dumb",
	signal: stop.signal,
});
process.off("SIGINT", interrupt);
