/** Seeded numbers from 0 (inclusive) to 1 (exclusive), the same on every machine (mulberry32). */
export function seeded(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}

/** The numbers from 0 to `size - 1` in a seeded random order. */
export function permutation(size: number, random: () => number): Int32Array {
	const order = Int32Array.from({ length: size }, (_, at) => at);
	for (let at = size - 1; at > 0; at--) {
		const other = Math.floor(random() * (at + 1));
		const kept = order[at]!;
		order[at] = order[other]!;
		order[other] = kept;
	}
	return order;
}
