import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Packed, packed } from "./packed.js";
import { Terminal } from "./terminal.js";

let installation: Packed;
let terminal: Terminal;
beforeAll(async () => {
	installation = await packed();
	terminal = new Terminal(installation.consumer);
});
afterAll(() => {
	terminal.close();
	installation.library.remove();
});

// What a new user does with the packed package, in an empty folder, in processes of their own.
test("a session from the first project to the end of its service is as it is written down", async () => {
	const { consumer: folder } = installation;
	const dagswarm = (...args: string[]) => terminal.type(["dagswarm", ...args]);

	terminal.say("A project that runs, and passes its own test.");
	await dagswarm("init");
	await terminal.type(["npm", "test", "--silent", "--offline"], (line) => /^(✔|✖|ℹ (pass|fail))/.test(line));

	terminal.say("It asks before it publishes. Nobody sits here, so it is let go of until somebody has answered.");
	await dagswarm("run", "project.ts", "--id", "first");
	await dagswarm("approve", "first", "--answer", "publish");
	await dagswarm("resume", "first");

	terminal.say("A process that dies in the middle loses nothing: what was done stays done.");
	const killed = terminal.begin(["dagswarm", "run", "project.ts", "--id", "second", "--wait"]);
	await killed.said(/publish .*approval/);
	await killed.end("SIGKILL");
	await dagswarm("ls");
	await dagswarm("resume", "second");
	await dagswarm("approve", "second", "publish", "--answer", "publish");
	await dagswarm("resume", "second");

	terminal.say("Runs that start on their own: every second, when a file changes, by hand, or handed in.");
	mkdirSync(join(folder, "inbox"));
	terminal.typed("mkdir inbox");
	await dagswarm("trigger", "add", "inbox", "--file", "inbox/*", "--start", "heartbeat");
	const service = terminal.begin(["dagswarm", "serve", "project.ts"]);
	await service.said(/ready/);
	// Its slot would come in the middle where the machine is slow; and two of these would come together.
	await dagswarm("trigger", "pause", "heartbeat");
	const slots = ["--every", "1s", "--max-runs", "3", "--overlap", "queue"];
	await dagswarm("trigger", "add", "tick", ...slots, "--start", "heartbeat");
	await service.said(/tick@.* completed/, 3);
	writeFileSync(join(folder, "inbox", "letter.txt"), "hello\n");
	terminal.typed("echo hello > inbox/letter.txt");
	await service.said(/inbox@1:1-.* completed/);
	await dagswarm("trigger", "run", "inbox", "--key", "by-hand", "--wait");

	terminal.say("What waits in the service is answered from another terminal.");
	await dagswarm("submit", "graph", "--key", "third", "--input", '{"topics":["ants"]}');
	await service.said(/third waits/);
	await dagswarm("approve", "third", "--answer", "publish");
	await service.said(/third completed/);

	terminal.say("How it stands, and what has happened.");
	await dagswarm("trigger", "ls");
	await dagswarm("occurrences");
	await dagswarm("show", "third");
	await dagswarm("explain", "third", "publish");
	await dagswarm("graph", "third", "--mermaid");
	await dagswarm("graph", "third", "--svg", "--out", "third.svg");
	expect(readFileSync(join(folder, "third.svg"), "utf8")).toMatch(/<svg [\s\S]*>publish<[\s\S]*<\/svg>\s*$/);

	terminal.say("The end: nothing is lost, and nothing is left running.");
	await service.end("SIGTERM");
	await dagswarm("ls", "--state", "running,waiting");
	await dagswarm("occurrences", "--state", "pending,running,waiting");
	expect(terminal.running).toBe(0);

	await expect(terminal.transcript).toMatchFileSnapshot("transcript.golden.txt");
});
