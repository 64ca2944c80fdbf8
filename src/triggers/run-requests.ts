import type { AnySwarm } from "../any-swarm.js";
import { type Clock, wallClock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { type ErrorInfo, errorInfo, SwarmError, withoutStacks } from "../core/errors.js";
import { type IdSource, type NodeId, type RunId, randomIds } from "../core/ids.js";
import { parseTagged, taggedText } from "../core/tagged-json.js";
import type { RunSummary } from "../journal/journal.js";
import { isGone } from "../recovery.js";
import type { RunHandle } from "../run.js";
import { findRun } from "../stored-run.js";
import type { RunRequest, Store } from "./store.js";

/** What can be asked of a run that another process has. */
export type RunCommand =
	| { readonly type: "cancel"; readonly reason?: string }
	| {
			readonly type: "approve";
			readonly node: NodeId;
			readonly by?: string;
			readonly data?: unknown;
			readonly name?: string;
			readonly since?: number;
	  }
	| {
			readonly type: "reject";
			readonly node: NodeId;
			readonly by?: string;
			readonly reason?: string;
			readonly name?: string;
			readonly since?: number;
	  }
	| { readonly type: "signal"; readonly name: string; readonly payload?: unknown; readonly node?: NodeId }
	| { readonly type: "steer"; readonly node: NodeId; readonly message: unknown }
	| { readonly type: "pause" }
	| { readonly type: "resume" };

/** A run that has ended may have ended because of what was asked: so long it is waited for the answer. */
const ANSWER_MS = 1_000;

type Answer = { readonly ok: true } | { readonly ok: false; readonly error: ErrorInfo };

/** What {@link askRun} needs beside the command. */
export interface AskRunOptions {
	/** How long to wait for the answer; default 10 seconds. */
	readonly timeout?: Duration;
	readonly clock?: Clock;
	readonly ids?: IdSource;
}

/**
 * Asks the process that has a run, through the store, and waits until it has answered: so one terminal approves what waits in
 * another. What was asked in vain is taken back.
 *
 * @throws SwarmError what the run refuses it with; `UNKNOWN_RUN`; `RUN_ENDED`; `ILLEGAL_STATE` when no process has the run;
 * `TIMEOUT` when nobody answers
 */
export async function askRun(
	store: Store,
	run: RunId,
	command: RunCommand,
	{ timeout = "10s", clock = wallClock, ids = randomIds }: AskRunOptions = {},
): Promise<void> {
	const ms = milliseconds(timeout, "timeout");
	const found = await findRun(store.journal, run);
	const refusal = whyNobody(found);
	if (refusal !== undefined) throw refusal;
	const pid = found.writer?.pid ?? 0;
	const id = ids.run();
	const answered = Promise.withResolvers<string | undefined>();
	// What is thrown below is told in its place.
	answered.promise.catch(() => {});
	let isLeft = false;
	const look = async (): Promise<void> => {
		const { answer } = (await store.request(id)) ?? {};
		if (answer !== undefined) return answered.resolve(answer);
		const left = isLeft ? undefined : whyNobody(await findRun(store.journal, run));
		if (left === undefined) return;
		// What ended it may be what was asked: then the answer is on its way.
		isLeft = true;
		clock.clear(timer);
		timer = clock.set(clock.now() + ANSWER_MS, () => answered.reject(left));
	};
	const release = clock.hold();
	let timer = clock.set(clock.now() + ms, () => answered.resolve(undefined));
	const looks = (): void => void look().catch(answered.reject);
	const stop = await store.watch(looks, answered.reject);
	// A store need not tell of the ends of runs.
	const stopJournal = await store.journal.watch?.(looks, answered.reject);
	try {
		await store.ask({ id, run, body: taggedText(command), at: clock.now() });
		await look();
		take(await answered.promise, run, ms, pid);
	} finally {
		clock.clear(timer);
		release();
		stop();
		stopJournal?.();
		await store.forget(id);
	}
}

/** Why nobody answers for a run; undefined while a process has it. */
function whyNobody({ run, ended, writer }: RunSummary): SwarmError | undefined {
	if (ended) return new SwarmError("RUN_ENDED", `the run "${run}" has ended`);
	if (writer !== undefined && !isGone(writer)) return undefined;
	return new SwarmError("ILLEGAL_STATE", `no process has the run "${run}" at the moment`, {
		hint: "bring it back with swarm.recover, and ask it there",
	});
}

function take(answer: string | undefined, run: RunId, ms: number, pid: number): void {
	if (answer === undefined)
		throw new SwarmError("TIMEOUT", `process ${pid}, which has the run "${run}", has not answered for ${ms} ms`, {
			hint: "it may be halted, or take no requests: those of a service and of `dagswarm run` do",
		});
	const parsed = JSON.parse(answer) as Answer;
	if (parsed.ok) return;
	const { code, message, nodes, path } = parsed.error;
	throw SwarmError.from({
		code: code as SwarmError["code"],
		message,
		...(nodes !== undefined && { nodes }),
		...(path !== undefined && { path }),
	});
}

/** Options of {@link answerRequests}. */
export interface AnswerRequestsOptions {
	/** Takes what goes wrong with the store itself; by default it is a warning of the process. */
	readonly onError?: (error: unknown) => void;
}

/**
 * Does to the runs of a swarm what other processes ask of them through the store, see {@link askRun}. A service does this by
 * itself.
 *
 * @returns ends it
 */
export async function answerRequests(
	store: Store,
	swarm: AnySwarm,
	{ onError = warn }: AnswerRequestsOptions = {},
): Promise<() => void> {
	const requests = new RequestDesk(store, swarm, onError);
	const stop = await store.watch(() => requests.look(), onError);
	requests.look();
	return () => {
		requests.close();
		stop();
	};
}

function warn(error: unknown): void {
	process.emitWarning(`requests to runs cannot be read: ${String(error)}`, "SwarmStoreWarning");
}

/** Looks once after each change, however many there are while it looks. */
class RequestDesk {
	readonly #store: Store;
	readonly #swarm: AnySwarm;
	readonly #onError: (error: unknown) => void;
	/** Requests that are being answered. */
	readonly #underWay = new Set<string>();
	#looking = false;
	#again = false;
	#closed = false;

	constructor(store: Store, swarm: AnySwarm, onError: (error: unknown) => void) {
		this.#store = store;
		this.#swarm = swarm;
		this.#onError = onError;
	}

	look(): void {
		this.#again = true;
		if (this.#looking || this.#swarm.runs().length === 0) return;
		this.#looking = true;
		void this.#look().catch((error) => {
			if (!this.#closed) this.#onError(error);
		});
	}

	close(): void {
		this.#closed = true;
	}

	async #look(): Promise<void> {
		try {
			// What is written side by side is looked at once.
			await new Promise<void>((resolve) => wallClock.yield(resolve));
			while (this.#again && !this.#closed) {
				this.#again = false;
				for (const request of await this.#store.requests()) this.#begin(request);
			}
		} finally {
			this.#looking = false;
		}
	}

	#begin(request: RunRequest): void {
		const run = this.#swarm.get(request.run);
		if (run === undefined || this.#underWay.has(request.id)) return;
		this.#underWay.add(request.id);
		void this.#answer(run, request)
			.catch(this.#onError)
			.finally(() => this.#underWay.delete(request.id));
	}

	async #answer(run: RunHandle, { id, body }: RunRequest): Promise<void> {
		let answer: Answer = { ok: true };
		try {
			await carryOut(run, parseTagged(body) as RunCommand);
		} catch (error) {
			answer = { ok: false, error: withoutStacks(errorInfo(error)) };
		}
		if (!this.#closed) await this.#store.answer(id, JSON.stringify(answer));
	}
}

/**
 * Does to a run what a command says.
 *
 * @throws SwarmError what the run refuses it with; `INVALID_INPUT` for what is no command
 */
export async function carryOut(run: RunHandle, command: RunCommand): Promise<void> {
	switch (command.type) {
		case "cancel":
			await run.cancel(command.reason);
			return;
		case "approve": {
			const { type: _, node, ...answer } = command;
			return run.approve(node, answer);
		}
		case "reject": {
			const { type: _, node, ...answer } = command;
			return run.reject(node, answer);
		}
		case "signal":
			return run.signal(command.name, command.payload, command.node === undefined ? {} : { node: command.node });
		case "steer":
			return run.steer(command.node, command.message);
		case "pause":
			return run.pause();
		case "resume":
			return run.resume();
		default:
			throw new SwarmError("INVALID_INPUT", `${JSON.stringify(command)} is nothing that a run can be asked`);
	}
}
