import type { Chunk } from "../core/chunk-log.js";
import { SwarmError } from "../core/errors.js";
import { findNotPlain } from "../core/plain.js";
import type { Attempt } from "./attempt.js";

/** How a chunk is emitted. */
export interface EmitOptions {
	/** Also as an event of the run, which its journal keeps. */
	readonly persist?: boolean;
}

/** Chunks of one attempt that wait to be kept; more are refused. */
const MAX_UNKEPT = 4_096;

/** A chunk that has not gone out. */
interface Held {
	readonly chunk: Chunk;
	/** The journal is to keep it, and has not answered. */
	readonly unkept: boolean;
}

/**
 * What one attempt lets out before its output. Readers get it in order of index: a chunk that is to be kept goes out
 * when it is, and those after it wait for it.
 */
export class Emission {
	readonly #attempt: Attempt;
	#index = 0;
	/** Begins with a chunk that is to be kept, or is empty. */
	#held: Held[] | undefined;
	#unkept = 0;

	constructor(attempt: Attempt) {
		this.#attempt = attempt;
	}

	/** @throws SwarmError `INVALID_INPUT` */
	emit(value: unknown, persist: boolean): Promise<void> | undefined {
		const attempt = this.#attempt;
		const { lease, run } = attempt;
		const wrong = findNotPlain(value);
		if (wrong !== undefined) {
			const holds = `a chunk of "${lease.node}" holds ${wrong.found} at "${wrong.path}"`;
			throw new SwarmError("INVALID_INPUT", holds, { nodes: [lease.node], path: wrong.path });
		}
		if (!attempt.isCurrent) return persist ? heard(Promise.reject(this.#over())) : undefined;
		if (persist && this.#unkept >= MAX_UNKEPT) return heard(Promise.reject(this.#tooMany()));
		const { actor, chunks } = run;
		const chunk: Chunk = {
			type: "chunk",
			run: actor.state.run,
			node: lease.node,
			attempt: lease.attempt,
			index: this.#index++,
			at: actor.clock.now(),
			chunk: value,
			after: actor.log.last,
		};
		run.control?.emitted(attempt, value);
		if (persist) return this.#keep(chunk);
		if (this.#held === undefined) chunks.append(chunk);
		else this.#hold(this.#held, { chunk, unkept: false });
		return undefined;
	}

	#keep(chunk: Chunk): Promise<void> {
		const { run, lease } = this.#attempt;
		const kept = Promise.withResolvers<void>();
		this.#held ??= [];
		this.#held.push({ chunk, unkept: true });
		this.#unkept++;
		run.actor.post({ type: "emit", lease, index: chunk.index, value: chunk.chunk }, (answer) => {
			this.#unkept--;
			// The first of those that wait: they are answered in the order in which they were asked.
			this.#held?.shift();
			if ("code" in answer) {
				kept.reject(SwarmError.from(answer));
				this.#goOn(this.#attempt.isCurrent ? run.actor.log.last : undefined);
				return;
			}
			const seq = answer.seq as number;
			run.chunks.append({ ...chunk, after: seq, seq });
			kept.resolve();
			this.#goOn(seq);
		});
		return heard(kept.promise);
	}

	/** Those go out that waited for a chunk to be kept. Without `after` they are dropped: the attempt ended before them. */
	#goOn(after: number | undefined): void {
		const held = this.#held ?? [];
		const next = held.findIndex(({ unkept }) => unkept);
		for (const { chunk } of held.splice(0, next < 0 ? held.length : next))
			if (after !== undefined) this.#attempt.run.chunks.append({ ...chunk, after });
		if (held.length === 0) this.#held = undefined;
	}

	#hold(held: Held[], one: Held): void {
		held.push(one);
		if (held.length - this.#unkept < this.#attempt.run.chunks.capacity) return;
		// No more of them are kept for readers anyway: the order is given up before memory is.
		const { last } = this.#attempt.run.actor.log;
		for (const { chunk, unkept } of held) if (!unkept) this.#attempt.run.chunks.append({ ...chunk, after: last });
		this.#held = held.filter(({ unkept }) => unkept);
	}

	#over(): SwarmError {
		const { node, attempt } = this.#attempt.lease;
		return new SwarmError("STALE_LEASE", `attempt ${attempt} of "${node}" is over and emits nothing any more`, {
			nodes: [node],
		});
	}

	#tooMany(): SwarmError {
		const { node } = this.#attempt.lease;
		return new SwarmError("LIMIT_EXCEEDED", `${MAX_UNKEPT} chunks of "${node}" wait to be kept`, {
			nodes: [node],
			hint: "await what emit returns, or keep fewer chunks",
		});
	}
}

/** Nobody has to wait for it: a journal that fails ends the run anyway. */
function heard(promise: Promise<void>): Promise<void> {
	promise.catch(() => {});
	return promise;
}
