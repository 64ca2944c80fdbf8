import { clearLine, cursorTo } from "node:readline";
import type { RunEvent } from "dagswarm";

/** Where progress is shown. */
export interface Output {
	readonly columns?: number;
	write(text: string): boolean;
}

/** About so many characters are a token. */
const CHARACTERS = 4;

/** Shows a run: a line for what happened, and in a terminal one that is redrawn for what is going on. */
export class Progress {
	readonly #output: Output;
	readonly #terminal: boolean;
	readonly #limit: number;
	/** Of each running node, what it has streamed. */
	readonly #streams = new Map<string, number>();
	#spent = 0;
	#done = 0;
	#nodes = 0;
	#held = false;

	/** @param limit - what may be spent */
	constructor(output: Output, terminal: boolean, limit: number) {
		this.#output = output;
		this.#terminal = terminal;
		this.#limit = limit;
	}

	/** What was spent so far. */
	get spent(): number {
		return this.#spent;
	}

	observe(event: RunEvent): void {
		if (event.type === "node.added") this.#nodes++;
		if (event.type === "node.started") this.#streams.set(event.node, this.#streams.get(event.node) ?? 0);
		if (event.type === "node.charged") this.#spent += event.usage.cost ?? 0;
		if (event.type === "node.completed" || event.type === "node.failed") this.#done++;
		const line = this.#tell(event);
		if (line !== undefined) this.say(line);
		if (event.type === "node.completed" || event.type === "node.failed") this.#streams.delete(event.node);
		this.#draw();
	}

	/** A piece of text that a node has streamed. */
	stream(node: string, text: string): void {
		this.#streams.set(node, (this.#streams.get(node) ?? 0) + text.length);
		this.#draw();
	}

	/** A line that stays. */
	say(line: string): void {
		this.#clear();
		this.#output.write(`${line}\n`);
	}

	/** Draws nothing while somebody types. */
	async hold<Value>(meanwhile: () => Promise<Value>): Promise<Value> {
		this.#clear();
		this.#held = true;
		try {
			return await meanwhile();
		} finally {
			this.#held = false;
		}
	}

	end(): void {
		this.#clear();
		this.#held = true;
	}

	#tell(event: RunEvent): string | undefined {
		switch (event.type) {
			case "node.added":
				return event.addedBy === undefined ? undefined : `+ ${event.node}, which ${event.addedBy} asked for`;
			case "node.completed": {
				const tokens = Math.ceil((this.#streams.get(event.node) ?? 0) / CHARACTERS);
				return `✓ ${event.node}${tokens > 0 ? `: ${tokens} tokens` : ""}, ${this.#spending()}`;
			}
			case "node.attemptFailed":
				return `↻ ${event.node}: ${event.error.message}`;
			case "node.failed":
				return `✗ ${event.node}: ${event.error.message}`;
			case "node.steered":
				return `! ${event.node} is told: ${String(event.payload)}`;
			case "run.portFailed":
				return `! the port ${event.port} failed: ${event.message}`;
			default:
				return undefined;
		}
	}

	#spending(): string {
		return `${this.#spent.toFixed(4)} of ${this.#limit.toFixed(4)} spent`;
	}

	#draw(): void {
		if (!this.#terminal || this.#held) return;
		this.#clear();
		const streams = [...this.#streams].map(([node, length]) =>
			length === 0 ? node : `${node} ${Math.ceil(length / CHARACTERS)}`,
		);
		const line = `[${this.#done}/${this.#nodes}] ${this.#spending()}; ${streams.join(", ")}`;
		// A line that wraps cannot be redrawn in place. Some terminals say that they have no columns.
		this.#output.write(line.slice(0, Math.max(10, (this.#output.columns || 80) - 1)));
	}

	#clear(): void {
		if (!this.#terminal || this.#held) return;
		const stream = this.#output as Output & NodeJS.WritableStream;
		cursorTo(stream, 0);
		clearLine(stream, 0);
	}
}
