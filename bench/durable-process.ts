import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DurableCaseName, DurableSample } from "./durable-cases.ts";

/** What a process of the durable section is asked to do. */
export type DurableTask =
	| { readonly kind: "run"; readonly name: DurableCaseName; readonly nodes: number }
	| { readonly kind: "sync"; readonly commits: number; readonly characters: number };

export interface DurableReply {
	readonly sample?: DurableSample;
	readonly times?: readonly number[];
	readonly error?: string;
}

/** A process of its own for one case, which takes a sample at a time. */
export class DurableProcess {
	readonly #child: ChildProcess;

	constructor() {
		const { NODE_OPTIONS: _, ...env } = process.env;
		this.#child = fork(fileURLToPath(new URL("durable-child.ts", import.meta.url)), [], { env, execArgv: [] });
	}

	async run(name: DurableCaseName, nodes: number): Promise<DurableSample> {
		// A task of this kind has a sample or an error as its answer.
		return (await this.#ask({ kind: "run", name, nodes })).sample!;
	}

	/** Microseconds that commits take which do nothing but wait for the disk. */
	async sync(commits: number, characters: number): Promise<readonly number[]> {
		return (await this.#ask({ kind: "sync", commits, characters })).times ?? [];
	}

	close(): void {
		this.#child.kill("SIGKILL");
	}

	async #ask(task: DurableTask): Promise<DurableReply> {
		const ended = new AbortController();
		const { signal } = ended;
		this.#child.send(task);
		try {
			const [reply] = (await Promise.race([
				once(this.#child, "message", { signal }),
				once(this.#child, "exit", { signal }).then(([code, by]) => {
					throw new Error(`the process of a durable case ended with ${by ?? `code ${code}`}`);
				}),
			])) as [DurableReply];
			if (reply.error !== undefined) throw new Error(reply.error);
			return reply;
		} finally {
			ended.abort();
		}
	}
}
