import { type AgentContext, defineAgent, type Mutation, type NodeSpec, result, type VirtualClock } from "dagswarm";

/** What a node is told to do: one number for each step, and which limits it takes. */
export interface Orders {
	readonly plan: readonly number[];
	readonly limits: readonly string[];
	/** It has a time limit, so it may hang. */
	readonly limited: boolean;
}

/** An aborted function that has not returned after so long holds its slot no more. */
export const GRACE_MS = 50;

/** Who runs right now, seen from inside the functions: no more at a time than the swarm may run. */
export class Census {
	readonly problems: string[] = [];
	readonly #running = new Set<string>();
	readonly #used = new Map<string, number>();
	#slots = 0;
	/** Nodes that agents may still add: a simulation has to end. */
	budget = 30;
	calls = 0;

	constructor(
		readonly clock: VirtualClock,
		readonly concurrency: number,
		readonly limits: Readonly<Record<string, number>>,
	) {}

	/** A function is called. @returns what is to be called when it returns or is given up */
	call(ctx: AgentContext): () => void {
		const name = `${ctx.runId}/${ctx.nodeId}`;
		if (this.#running.has(name)) this.problems.push(`two functions of ${name} run at once (attempt ${ctx.attempt})`);
		this.#running.add(name);
		this.calls++;
		return once(() => this.#running.delete(name));
	}

	/** A slot and limits are held from now on. @returns what gives them back */
	hold(ctx: AgentContext, limits: readonly string[]): () => void {
		this.#slots++;
		if (this.#slots > this.concurrency) this.problems.push(`${this.#slots} run at once, ${ctx.nodeId} the last`);
		for (const limit of limits) {
			const used = (this.#used.get(limit) ?? 0) + 1;
			this.#used.set(limit, used);
			if (used > (this.limits[limit] as number)) this.problems.push(`${used} hold ${limit}, ${ctx.nodeId} the last`);
		}
		return once(() => {
			this.#slots--;
			for (const limit of limits) this.#used.set(limit, (this.#used.get(limit) as number) - 1);
		});
	}

	/** Whether no slot is held. */
	get idle(): boolean {
		return this.#slots === 0;
	}
}

function once(act: () => void): () => void {
	let done = false;
	return () => {
		if (!done) act();
		done = true;
	};
}

/** One call of an agent function, step by step. */
class Performance {
	readonly #leave: () => void;
	#free: () => void;

	constructor(
		readonly census: Census,
		readonly orders: Orders,
		readonly ctx: AgentContext,
	) {
		this.#leave = census.call(ctx);
		this.#free = census.hold(ctx, orders.limits);
		const giveUp = (): void => {
			census.clock.set(census.clock.now() + GRACE_MS, () => this.end());
		};
		// The signal is made when it is touched, so not every function does.
		if (orders.plan.length > 0) ctx.signal.addEventListener("abort", giveUp, { once: true });
	}

	end(): void {
		this.#free();
		this.#leave();
	}

	async run(): Promise<unknown> {
		try {
			for (const order of this.orders.plan) {
				const step = order % 20;
				const arg = Math.floor(order / 20);
				const answer = step < 12 ? await this.#step(step, arg) : await this.#last(step, arg);
				if (answer !== undefined) return answer;
			}
			return this.ctx.nodeId;
		} finally {
			this.end();
		}
	}

	/** Steps after which it goes on; 8 to 11 may end it. */
	async #step(step: number, arg: number): Promise<unknown> {
		const { ctx, orders } = this;
		switch (step) {
			case 1:
				for (let i = 0; i < arg % 7; i++) await undefined;
				return undefined;
			case 2:
				return this.#hold(1 + (arg % 30), true);
			case 3:
				return this.#parked(() => ctx.sleep(arg % 40));
			case 4:
				if (this.#may()) ctx.graph.addNode(this.#child(arg));
				return undefined;
			case 5:
				if (this.#may()) ctx.graph.addNode(this.#child(arg));
				return this.#commit();
			case 6:
				ctx.graph.mutate({ type: "addEdge", from: "nobody", to: ctx.nodeId });
				return this.#commit();
			case 7:
				return this.#parked(() => ctx.waitForSignal(`s${arg % 2}`, { timeout: 30 }).catch(() => {}));
			case 8:
				throw new Error("planned");
			case 9:
				throw [undefined, "text", null, 0, { retryable: false, message: "final" }, Symbol("odd")][arg % 6];
			case 10:
				return this.#hold(orders.limited ? 100_000 : 200, true);
			case 11:
				return this.#hold(orders.limited ? arg % 120 : 20, false);
			default:
				return undefined;
		}
	}

	/** Steps that may return: with a patch, or with a failure that mends itself. */
	async #last(step: number, arg: number): Promise<unknown> {
		const { ctx } = this;
		switch (step) {
			case 12: {
				const nodes: NodeSpec[] = [];
				for (let i = 0; i <= arg % 3 && this.#may(); i++) nodes.push(this.#child(arg + i));
				return result(ctx.nodeId, { nodes, expand: arg % 2 === 0 });
			}
			case 13: {
				if (!this.#may()) return undefined;
				return result(ctx.nodeId, { mutations: [{ type: "splitNode", id: ctx.nodeId, into: [this.#child(arg)] }] });
			}
			case 14: {
				const other = this.#other(arg);
				if (other === undefined) return undefined;
				const scope = arg % 2 === 0 ? "exclusive" : "descendants";
				return result(ctx.nodeId, { mutations: [{ type: "pruneSubgraph", id: other, scope }] });
			}
			case 15:
				return result(ctx.nodeId, { nodes: [{ agent: "work", dependsOn: ["nobody"] }] });
			case 16:
				if (ctx.attempt === 1) throw new Error("not yet");
				return undefined;
			case 17:
				return this.#parked(() => ctx.requestApproval({ reason: "why not", timeout: 25 }).catch(() => {}));
			case 18: {
				const other = this.#other(arg);
				if (other === undefined) return undefined;
				ctx.graph.mutate(...reshaping(arg, ctx.nodeId, other));
				return arg % 2 === 0 ? this.#commit() : undefined;
			}
			default:
				return ctx.settled && undefined;
		}
	}

	#may(): boolean {
		return this.census.budget-- > 0;
	}

	#child(arg: number): NodeSpec {
		const orders: Orders = { plan: [arg % 3 === 0 ? 0 : arg % 400], limits: [], limited: false };
		return { agent: "work", input: orders, ...(arg % 5 === 0 && { id: `${this.ctx.nodeId}:${arg % 4}` }) };
	}

	#other(arg: number): string | undefined {
		const ids = [...this.ctx.graph.nodes()].map(({ id }) => id);
		return ids[arg % ids.length];
	}

	/** A refused commit throws, and the attempt goes on. */
	#commit(): Promise<undefined> {
		return this.ctx.graph.commit().then(nothing, nothing);
	}

	/** Holds the slot for some virtual time. */
	#hold(ms: number, heedful: boolean): Promise<undefined> {
		const { clock } = this.census;
		return new Promise((resolve, reject) => {
			const timer = clock.set(clock.now() + ms, () => resolve(undefined));
			if (!heedful) return;
			const { signal } = this.ctx;
			const stop = (): void => {
				clock.clear(timer);
				reject(signal.reason);
			};
			if (signal.aborted) stop();
			else signal.addEventListener("abort", stop, { once: true });
		});
	}

	/** The slot is given back while it waits. */
	async #parked(wait: () => Promise<unknown>): Promise<undefined> {
		this.#free();
		await wait();
		// A wait that was aborted gets no slot again.
		if (!this.ctx.signal.aborted) this.#free = this.census.hold(this.ctx, this.orders.limits);
		return undefined;
	}
}

function nothing(): undefined {
	return undefined;
}

/** Something that may or may not be legal to do to another node. */
export function reshaping(arg: number, own: string, other: string): Mutation[] {
	const limits = [["x"], ["y"], ["x", "y"], []][arg % 4] as string[];
	const input: Orders = { plan: [arg % 400], limits, limited: false };
	const all: Mutation[] = [
		{ type: "addEdge", from: own, to: other },
		{ type: "updateNode", id: other, changes: { priority: arg } },
		{ type: "removeNode", id: other },
		{ type: "markSpeculative", id: other, mode: arg % 3 === 0 ? "hold" : "eager" },
		{ type: "confirmSpeculative", id: other },
		{
			type: "injectBefore",
			id: other,
			node: { agent: "work", input: { plan: [], limits: [], limited: false } },
			inherit: true,
		},
		{ type: "updateNode", id: other, changes: { limits, input } },
		{ type: "pruneSubgraph", id: other, scope: "exclusive" },
	];
	return [all[arg % all.length] as Mutation];
}

/** The two agents of a simulation: one that does as it is told, one that never waits for anything. */
export function cast(census: Census) {
	const work = defineAgent({
		name: "work",
		run: (orders: Orders, ctx) => new Performance(census, orders, ctx).run(),
	});
	const prompt = defineAgent({
		name: "prompt",
		run: (orders: Orders, ctx) => {
			const leave = census.call(ctx);
			const free = census.hold(ctx, orders.limits);
			free();
			leave();
			if ((orders.plan[0] ?? 0) % 20 === 8) throw new Error("planned");
			return ctx.nodeId;
		},
	});
	return [work, prompt];
}
