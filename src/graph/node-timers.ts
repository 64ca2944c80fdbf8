import type { Clock, Timer } from "../core/clock.js";
import type { NodeId } from "../core/ids.js";
import type { Effect, TimerKind } from "./batch.js";

/** A request to set a timer. */
export type TimerEffect = Extract<Effect, { readonly type: "timer" }>;

/** The timers of a run's nodes: at most one of each kind a node. */
export class NodeTimers {
	readonly #byNode = new Map<NodeId, Map<TimerKind, Timer>>();

	constructor(
		private readonly clock: Clock,
		private readonly fire: (timer: TimerEffect) => void,
	) {}

	/** Sets a timer, in the place of one of its kind. */
	set(effect: TimerEffect): void {
		const { node, kind } = effect;
		let timers = this.#byNode.get(node);
		if (timers === undefined) {
			timers = new Map();
			this.#byNode.set(node, timers);
		}
		const before = timers.get(kind);
		if (before !== undefined) this.clock.clear(before);
		const timer = this.clock.set(effect.due, () => {
			if (this.#byNode.get(node)?.get(kind) === timer) this.#forget(node, kind);
			this.fire(effect);
		});
		timers.set(kind, timer);
	}

	/** Takes back a node's timers, or the one of a kind. */
	clear(node: NodeId, kind: TimerKind | undefined): void {
		for (const [each, timer] of this.#byNode.get(node) ?? []) {
			if (kind !== undefined && each !== kind) continue;
			this.clock.clear(timer);
			this.#forget(node, each);
		}
	}

	clearAll(): void {
		for (const timers of this.#byNode.values()) for (const timer of timers.values()) this.clock.clear(timer);
		this.#byNode.clear();
	}

	#forget(node: NodeId, kind: TimerKind): void {
		const timers = this.#byNode.get(node);
		timers?.delete(kind);
		if (timers?.size === 0) this.#byNode.delete(node);
	}
}
