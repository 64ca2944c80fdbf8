import type { RunId } from "../core/ids.js";
import type { RunEvent } from "../graph/types.js";
import type { RunOutcome } from "../outcome.js";
import type { RunHandle } from "../run.js";
import type { Swarm } from "../swarm.js";
import type { WaitingNode } from "../waiting-list.js";
import type { Viewer } from "./live/viewer.js";
import { askAtTerminal } from "./terminal-answer.js";
import type { World } from "./world.js";

/** How a run is attended. */
export interface AttendOptions {
	readonly viewer: Viewer;
	/** Somebody sits there and answers. */
	readonly asks: boolean;
	/** Stay although nothing goes on before somebody answers. */
	readonly wait: boolean;
	/** What brings it back, for whoever interrupts it. */
	readonly resume: string;
	/** How long functions may take to return after the first Ctrl-C; milliseconds. */
	readonly grace: number;
}

/** What came of attending a run. `waiting`, `interrupted`: it was let go of, and has not ended. */
export type Attended =
	| { readonly type: "ended"; readonly outcome: RunOutcome }
	| { readonly type: "waiting"; readonly waiting: readonly WaitingNode[] }
	| { readonly type: "interrupted" };

/**
 * Stays with a run until it has ended or is let go of: shows its events, has questions answered by whoever sits there, those
 * of the runs that it has called, too.
 *
 * @param events - of the run, from where the viewer stands
 */
export function attend(
	run: RunHandle,
	events: AsyncIterable<RunEvent>,
	swarm: Swarm,
	options: AttendOptions,
	world: World,
): Promise<Attended> {
	return new Attendance(run, swarm, options, world).stay(events);
}

class Attendance {
	readonly #run: RunHandle;
	readonly #swarm: Swarm;
	readonly #options: AttendOptions;
	readonly #world: World;
	readonly #followed = new Set<RunId>();
	/** One question after the other. */
	#asking: Promise<void> = Promise.resolve();
	/** Ends what is being asked. */
	readonly #over = new AbortController();
	readonly #left = Promise.withResolvers<Attended>();
	#leaving = false;
	/** Ends hearing of runs that begin; a function as soon as there is one that has called. */
	#stopWatching: () => void = () => {};
	#watchesJournal = false;

	constructor(run: RunHandle, swarm: Swarm, options: AttendOptions, world: World) {
		this.#run = run;
		this.#swarm = swarm;
		this.#options = options;
		this.#world = world;
	}

	async stay(events: AsyncIterable<RunEvent>): Promise<Attended> {
		const { signal, abort } = this.#world;
		const interrupt = (): void => void this.#interrupt();
		const stop = (): void => this.#left.resolve({ type: "interrupted" });
		signal.addEventListener("abort", interrupt);
		abort.addEventListener("abort", stop);
		if (signal.aborted) interrupt();
		const watching = this.#watch(events);
		this.#follow(this.#run, false);
		// Of one that has been brought back there may be nothing more to hear than this.
		this.#look();
		const ended = this.#run.result().then(async (outcome): Promise<Attended> => {
			if (outcome.status === "suspended") return this.#left.promise;
			await watching;
			return { type: "ended", outcome };
		});
		try {
			return await Promise.race([ended, this.#left.promise]);
		} finally {
			this.#over.abort();
			this.#stopWatching();
			signal.removeEventListener("abort", interrupt);
			abort.removeEventListener("abort", stop);
			this.#options.viewer.end();
		}
	}

	async #watch(events: AsyncIterable<RunEvent>): Promise<void> {
		try {
			for await (const event of events) {
				this.#options.viewer.observe(event);
				this.#heed(event);
			}
		} catch {
			// The result says why there is nothing more to be seen.
		}
	}

	/** Hears of a run, and answers its questions. */
	#follow(run: RunHandle, reads: boolean): void {
		if (this.#followed.has(run.id)) return;
		this.#followed.add(run.id);
		if (reads) void this.#listen(run);
		if (this.#options.asks) void this.#ask(run);
	}

	async #listen(run: RunHandle): Promise<void> {
		try {
			for await (const event of run.events({ types: ["node.parked", "run.waiting"] })) this.#heed(event);
		} catch {
			// Whoever called it hears of it.
		}
	}

	#heed(event: RunEvent): void {
		if (event.type === "node.parked" && event.wait.kind === "child") this.#heedCalls();
		// Other runs of the same turn may not have heard of it yet.
		if (event.type === "run.waiting") this.#world.clock.yield(() => this.#look());
	}

	/** A run that is called begins some time after its caller has parked: the journal tells when. */
	#heedCalls(): void {
		if (this.#watchesJournal) return;
		this.#watchesJournal = true;
		const look = (): void => this.#look();
		const stop = this.#swarm.journal?.watch?.(look, () => {});
		void Promise.resolve(stop).then((end = () => {}) => {
			if (this.#over.signal.aborted) end();
			else this.#stopWatching = end;
			this.#look();
		});
	}

	/** Follows the runs that were called meanwhile; lets go where nothing goes on before somebody answers. */
	#look(): void {
		if (this.#over.signal.aborted) return;
		for (const run of this.#swarm.runs()) this.#follow(run, true);
		if (this.#options.asks || this.#options.wait || this.#leaving) return;
		const waiting = whatIsAwaited(this.#swarm);
		if (waiting.length > 0) void this.#letGo({ type: "waiting", waiting }, 0);
	}

	async #interrupt(): Promise<void> {
		if (this.#leaving) return;
		this.#options.viewer.say(`Letting go of it: \`${this.#options.resume}\` goes on. Ctrl-C again stops at once.`);
		await this.#letGo({ type: "interrupted" }, this.#options.grace);
	}

	async #letGo(why: Attended, grace: number): Promise<void> {
		this.#leaving = true;
		this.#over.abort();
		try {
			await this.#swarm.drain(grace);
		} catch (error) {
			// After the second Ctrl-C the store may be closed by now; the next one who takes the run over finds it as it was.
			if (!this.#world.abort.aborted) this.#options.viewer.say(`! ${(error as Error).message}`);
		} finally {
			this.#left.resolve(why);
		}
	}

	async #ask(run: RunHandle): Promise<void> {
		try {
			for await (const question of run.approvals()) {
				this.#asking = this.#asking.then(() =>
					this.#options.viewer.hold(() => askAtTerminal(run, question, this.#desk(question.node, run))),
				);
				await this.#asking;
			}
		} catch {
			// The result says why.
		}
	}

	#desk(node: string, run: RunHandle) {
		const world = this.#world;
		return {
			by: world.user,
			show: (lines: readonly string[]) => {
				for (const line of lines) world.error(line);
			},
			read: (prompt: string) => this.#read(prompt, node, run),
		};
	}

	/** A line that is typed; undefined when the question is gone before, or nobody types any more. */
	async #read(prompt: string, node: string, run: RunHandle): Promise<string | undefined> {
		const { questions, screen } = this.#world;
		if (questions === undefined || this.#over.signal.aborted) return undefined;
		screen?.write(prompt);
		const lines = questions[Symbol.asyncIterator]();
		const gone = new AbortController();
		const cancelled = Promise.withResolvers<undefined>();
		const cancel = (): void => cancelled.resolve(undefined);
		this.#over.signal.addEventListener("abort", cancel);
		void answeredElsewhere(run, node, gone.signal).then(cancel);
		try {
			const line = await Promise.race([lines.next(), cancelled.promise]);
			if (line === undefined) {
				screen?.write("\n");
				return undefined;
			}
			if (line.done !== true) return line.value;
			// Ctrl-D: whoever sat there has gone.
			void this.#letGo({ type: "waiting", waiting: this.#swarm.waiting() }, this.#options.grace);
			return undefined;
		} finally {
			gone.abort();
			this.#over.signal.removeEventListener("abort", cancel);
			await lines.return?.();
		}
	}
}

/** Resolves when the node does not wait any more: somebody else has answered, or its time is over. */
async function answeredElsewhere(run: RunHandle, node: string, signal: AbortSignal): Promise<void> {
	const events = run.events();
	signal.addEventListener("abort", () => void events.return());
	try {
		for await (const event of events) {
			if (event.type === "run.ended") return;
			if (event.type !== "node.parked" && "node" in event && event.node === node) return;
		}
	} catch {
		// Its end is told elsewhere.
	}
}

/**
 * What a swarm waits for that only people, or other programs, can bring: nothing as long as anything goes on by itself.
 */
export function whatIsAwaited(swarm: Swarm): WaitingNode[] {
	const found: WaitingNode[] = [];
	for (const run of swarm.runs()) {
		const waiting = run.waiting();
		const { counts } = run.snapshot();
		// Those that are not listed wait for their next attempt, which comes by itself.
		if (counts.running + counts.ready > 0 || counts.waiting !== waiting.length) return [];
		for (const each of waiting) {
			if (each.kind === "sleep") return [];
			if (each.kind !== "child") found.push(each);
		}
	}
	return found;
}
