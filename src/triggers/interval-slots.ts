import type { SlotSource } from "./slots.js";

/**
 * The slots `anchor + n * every`, by arithmetic alone: a year of them costs no more than one.
 *
 * @param first - the least n
 */
export function intervalSlots(anchor: number, every: number, first: 0 | 1): SlotSource {
	const at = (n: number): number => anchor + n * every;
	return {
		after: (time) => at(Math.max(first, Math.floor((time - anchor) / every) + 1)),
		before: (time) => {
			const n = Math.ceil((time - anchor) / every) - 1;
			return n < first ? undefined : at(n);
		},
		count: (after, until) => {
			const last = Math.floor((until - anchor) / every);
			return Math.max(0, last - Math.max(first - 1, Math.floor((after - anchor) / every)));
		},
	};
}
