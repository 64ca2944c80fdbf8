/**
 * Seeded random numbers in integer arithmetic alone, so that a seed gives the same numbers on every
 * machine. For tests; not for secrets.
 *
 * @see SplitMix32: the state is a Weyl sequence, mixed by the finaliser of MurmurHash3 (Appleby); after
 * Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014)
 *
 * @example
 * ```ts
 * import { Random } from "dagswarm/testing";
 *
 * const random = new Random(1);
 * const again = new Random(1);
 * random.below(6) === again.below(6); // true
 * ```
 */
export class Random {
	#state: number;

	/** @param seed - a 32-bit integer */
	constructor(seed: number) {
		this.#state = seed | 0;
	}

	/** A whole number from 0 up to 2^32 - 1. */
	next(): number {
		this.#state = (this.#state + 0x9e3779b9) | 0;
		let mixed = this.#state;
		mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
		mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
		return (mixed ^ (mixed >>> 16)) >>> 0;
	}

	/** @param bound - at least 1. @returns a whole number from 0 to `bound - 1` */
	below(bound: number): number {
		return this.next() % bound;
	}

	/** @param perMille - 0 for never to 1,000 for always */
	chance(perMille: number): boolean {
		return perMille > 0 && this.below(1_000) < perMille;
	}

	/** One of a list; undefined when it is empty. */
	pick<Value>(values: readonly Value[]): Value | undefined {
		return values.length === 0 ? undefined : values[this.below(values.length)];
	}
}
