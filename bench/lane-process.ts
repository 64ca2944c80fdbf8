import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Sample } from "./measure.ts";
import type { WorkloadName } from "./workloads.ts";

/** What a lane's process is asked to do. */
export type Task =
	| { readonly kind: "prove"; readonly workload: WorkloadName; readonly size: number }
	| { readonly kind: "settle" }
	| { readonly kind: "run"; readonly workload: WorkloadName; readonly size: number; readonly times: number };

export interface Reply {
	readonly sample?: Sample;
	readonly error?: string;
}

/** A task was not finished in its time; its process was killed. */
export class Overdue extends Error {}

/** A process of its own for one contender: only so can a run that never returns to the event loop be stopped. */
export class LaneProcess {
	readonly #child: ChildProcess;
	#ended: string | undefined;

	constructor(contender: string) {
		const { NODE_OPTIONS: _, ...env } = process.env;
		const path = fileURLToPath(new URL("lane-child.ts", import.meta.url));
		this.#child = fork(path, [contender], { env, execArgv: [] });
		this.#child.once("exit", (code, signal) => {
			this.#ended = `its process ended with ${signal ?? `code ${code}`}`;
		});
	}

	/** Does a task, within so many microseconds where a limit is given. One at a time. */
	async perform(task: Task, limit?: number): Promise<Sample | undefined> {
		if (this.#ended !== undefined) throw new Error(this.#ended);
		const { error, sample } = await this.#ask(task, limit);
		if (error !== undefined) throw new Error(error);
		return sample;
	}

	close(): void {
		if (this.#ended === undefined) this.#child.kill("SIGKILL");
	}

	#ask(task: Task, limit: number | undefined): Promise<Reply> {
		return new Promise((resolve, reject) => {
			const child = this.#child;
			let overdue = false;
			const finish = () => {
				clearTimeout(timer);
				child.off("message", onReply);
				child.off("exit", onExit);
			};
			const onReply = (reply: Reply) => {
				finish();
				resolve(reply);
			};
			const onExit = (code: number | null, signal: string | null) => {
				finish();
				reject(overdue ? new Overdue() : new Error(`its process ended with ${signal ?? `code ${code}`}`));
			};
			const timer =
				limit === undefined
					? undefined
					: setTimeout(() => {
							overdue = true;
							child.kill("SIGKILL");
						}, limit / 1000);
			child.on("message", onReply);
			child.on("exit", onExit);
			child.send(task);
		});
	}
}
