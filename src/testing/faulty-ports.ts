import type { Clock } from "../core/clock.js";
import type { Ports } from "../swarm-ports.js";
import type { Random } from "./random.js";

/** How often a call of a port goes wrong, and in which way; in 1,000. */
export interface PortFaults {
	/** It throws at once. */
	readonly throw?: number;
	/** It rejects. */
	readonly reject?: number;
	/** It never answers. */
	readonly hang?: number;
	/** It answers with something else. */
	readonly lie?: number;
	/** It answers later, by up to 200 virtual milliseconds. */
	readonly delay?: number;
}

const LIES: readonly unknown[] = [undefined, null, 7, "yes", {}, { verdict: "maybe" }, { action: "dance" }, []];
const LONGEST_DELAY_MS = 200;

/**
 * Ports that are not to be relied on: those that are given, each call of which may throw, reject, hang, lie or come late. A
 * run of a swarm with them has to end all the same.
 *
 * @param ports - what they do when nothing goes wrong
 * @param random - where chances are drawn from
 * @param clock - of the simulation
 * @returns ports, and how often something went wrong so far
 *
 * @example
 * ```ts
 * import { type BudgetPort, VirtualClock } from "dagswarm";
 * import { faultyPorts, Random, simulate } from "dagswarm/testing";
 *
 * const budget: BudgetPort = {
 *   reserve: ({ node, attempt }) => ({ verdict: "allowed", reservation: `${node} ${attempt}` }),
 *   settle: () => {},
 * };
 * const clock = new VirtualClock(1_000);
 * const { ports, faults } = faultyPorts({ budget }, { throw: 200, hang: 200 }, new Random(3), clock);
 * const nodes = Array.from({ length: 20 }, (_, i) => ({ id: `n${i}`, agent: "work" as const, input: [] }));
 * const { outcome } = await simulate({
 *   seed: 1,
 *   clock,
 *   graph: { nodes },
 *   swarm: { ports, portPolicies: { budget: { onFailure: "warn", deadline: 50 } } },
 * });
 * outcome.status; // "completed"
 * faults() > 0;   // true
 * ```
 */
export function faultyPorts(
	ports: Ports,
	chances: PortFaults,
	random: Random,
	clock: Clock,
): { readonly ports: Ports; readonly faults: () => number } {
	const wrap = new Unreliable(chances, random, clock);
	const faulty: Record<string, unknown> = {};
	for (const [name, port] of Object.entries(ports)) if (port !== undefined) faulty[name] = wrap.object(port as object);
	return { ports: faulty as Ports, faults: () => wrap.faults };
}

class Unreliable {
	faults = 0;

	constructor(
		private readonly chances: PortFaults,
		private readonly random: Random,
		private readonly clock: Clock,
	) {}

	/** An object whose methods, and those of what they give, may go wrong. */
	object<Port extends object>(port: Port): Port {
		return new Proxy(port, {
			get: (target, key) => {
				const member: unknown = Reflect.get(target, key, target);
				if (typeof member !== "function") return member;
				return (...given: unknown[]) => this.#call(() => member.apply(target, given));
			},
		});
	}

	#call(answer: () => unknown): unknown {
		const { throw: thrown = 0, reject = 0, hang = 0, lie = 0, delay = 0 } = this.chances;
		const { random } = this;
		if (random.chance(thrown)) throw this.#fault("threw");
		if (random.chance(reject)) return Promise.reject(this.#fault("rejected"));
		if (random.chance(hang)) {
			this.#fault("hung");
			return new Promise(() => {});
		}
		if (random.chance(lie)) {
			this.#fault("lied");
			return random.pick(LIES);
		}
		const value = answer();
		if (!random.chance(delay)) return this.#wrapped(value);
		return new Promise((resolve) => {
			this.clock.set(this.clock.now() + 1 + random.below(LONGEST_DELAY_MS), () => resolve(this.#wrapped(value)));
		});
	}

	/** What a port gives may be a port itself: a recorder, a handle, a store. */
	#wrapped(value: unknown): unknown {
		if (value instanceof Promise) return value.then((later) => this.#wrapped(later));
		if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) === Map.prototype) return value;
		const isPort = Object.values(value).some((member) => typeof member === "function");
		return isPort ? this.object(value) : value;
	}

	#fault(what: string): Error {
		this.faults++;
		return new Error(`the port ${what}`);
	}
}
