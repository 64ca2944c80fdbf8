import {
	type AnyAgent,
	countingIds,
	createSwarm,
	defineAgent,
	type NodeSpec,
	type RunEvent,
	type RunHandle,
	type RunOutcome,
	type Swarm,
	type SwarmOptions,
	VirtualClock,
} from "dagswarm";
import { rest as settle } from "../rest.js";

/** Ten turns of the event loop unless told: what a whole swarm has under way takes several. */
export function rest(turns = 10): Promise<void> {
	return settle(turns);
}

/** A swarm on a clock that stands still, with every invariant checked after every command. */
export function virtualSwarm(
	agents: readonly AnyAgent[],
	options: Partial<SwarmOptions> = {},
): { readonly clock: VirtualClock; readonly swarm: Swarm } {
	const clock = new VirtualClock(1_000_000);
	const swarm = createSwarm<AnyAgent>({ agents, clock, ids: countingIds(), check: "full", ...options });
	return { clock, swarm };
}

/** Moves the clock from timer to timer until the run has ended. */
export async function finish(run: RunHandle, clock: VirtualClock): Promise<RunOutcome> {
	let outcome: RunOutcome | undefined;
	void run.result().then((value) => {
		outcome = value;
	});
	for (;;) {
		await rest();
		if (outcome !== undefined) return outcome;
		if (!clock.step()) throw new Error(`nothing is under way, and the run is ${run.snapshot().status}`);
	}
}

/** Moves the clock on, and lets what comes of it come to rest. */
export async function pass(clock: VirtualClock, ms: number): Promise<void> {
	await rest();
	const end = clock.now() + ms;
	for (let due = clock.nextDue; due !== undefined && due <= end; due = clock.nextDue) {
		clock.advance(due - clock.now());
		await rest();
	}
	clock.advance(end - clock.now());
	await rest();
}

/** Starts to collect a run's events; call it in the tick of `start`. */
export function record(run: RunHandle): RunEvent[] {
	const events: RunEvent[] = [];
	void (async () => {
		for await (const event of run.events()) events.push(event);
	})().catch(() => {});
	return events;
}

/** Events as short lines: `type node`. */
export function lines(events: readonly RunEvent[], types?: RegExp): string[] {
	return events
		.filter((event) => types === undefined || types.test(event.type))
		.map((event) => ("node" in event && event.node !== undefined ? `${event.type} ${event.node}` : event.type));
}

/** Something a test can wait for and set off itself. */
export interface Gate<Value = void> {
	readonly promise: Promise<Value>;
	readonly open: (value: Value) => void;
	readonly fail: (error: unknown) => void;
}

export function gate<Value = void>(): Gate<Value> {
	const { promise, resolve, reject } = Promise.withResolvers<Value>();
	promise.catch(() => {});
	return { promise, open: resolve, fail: reject };
}

/** Returns its input. */
export const echo = defineAgent({ name: "echo", run: async (input: unknown) => input });

/** Returns what it sees of its dependencies. */
export const deps = defineAgent({ name: "deps", run: async (_: unknown, ctx) => ({ ...ctx.deps }) });

/** Returns how its dependencies ended. */
export const settled = defineAgent({
	name: "settled",
	run: async (_: unknown, ctx) =>
		Object.fromEntries(Object.entries(ctx.settled).map(([name, { status, error }]) => [name, error?.code ?? status])),
});

/** Throws an error with its input as the message. */
export const fail = defineAgent({
	name: "fail",
	run: async (input: unknown): Promise<unknown> => {
		throw new Error(typeof input === "string" ? input : "failed");
	},
});

/** Never returns, whatever happens. */
export const forever = defineAgent({ name: "forever", run: () => new Promise<never>(() => {}) });

/** Runs until it is aborted. */
export const obedient = defineAgent({
	name: "obedient",
	run: (_: unknown, ctx) =>
		new Promise<never>((_resolve, reject) => {
			ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
		}),
});

/** A chain of nodes of one agent. */
export function chain(length: number, agent = "echo"): NodeSpec[] {
	return Array.from({ length }, (_, i) => ({
		id: `n${i}`,
		agent,
		...(i > 0 && { dependsOn: [`n${i - 1}`] }),
	}));
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
	try {
		await promise;
	} catch (error) {
		return error as Error & { readonly code?: string };
	}
	throw new Error("it did not reject");
}
