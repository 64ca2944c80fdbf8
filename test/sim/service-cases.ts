import type { Overlap } from "dagswarm";
import fc from "fast-check";
import { FIRING_MS } from "./service-story.js";
import type { Death } from "./service-world.js";

const overlap: fc.Arbitrary<Overlap> = fc.constantFrom("skip", "queue", "cancelPrevious", "allow");

const timed = fc.record({
	every: fc.constantFrom(250, 500, 700, 1_000, 2_300),
	mode: fc.constantFrom("rate" as const, "rate" as const, "rate" as const, "delay" as const),
	missed: fc.constantFrom("skip" as const, "one" as const, "all" as const),
	overlap,
	retry: fc.constantFrom(1, 3),
	jitter: fc.constantFrom(0, 0, 400),
	maxRuns: fc.constantFrom(undefined, undefined, undefined, 7),
});

const manual = fc.record({ overlap, retry: fc.constantFrom(1, 2), maxRunning: fc.constantFrom(1, 2, 100) });

export type Deed =
	| { readonly what: "die"; readonly how: Death; readonly back: number }
	| { readonly what: "stop" | "cut" | "halt"; readonly back: number }
	| { readonly what: "fire" | "submit" | "cancel" | "pause" | "resume"; readonly key: number };

const deed: fc.Arbitrary<Deed> = fc.oneof(
	{
		weight: 3,
		arbitrary: fc.record({
			what: fc.constant("die" as const),
			how: fc.constantFrom<Death>("now", "in a write", "after a write", "in an append", "after an append"),
			back: fc.nat(3_000),
		}),
	},
	{
		weight: 3,
		arbitrary: fc.record({
			what: fc.constantFrom("stop" as const, "cut" as const, "halt" as const),
			back: fc.nat(3_000),
		}),
	},
	{
		weight: 4,
		arbitrary: fc.record({
			what: fc.constantFrom("fire" as const, "submit" as const, "cancel" as const),
			key: fc.nat(7),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({ what: fc.constantFrom("pause" as const, "resume" as const), key: fc.nat(2) }),
	},
);

export const plans = fc.record({
	timed: fc.array(timed, { minLength: 1, maxLength: 3 }),
	manual: fc.array(manual, { minLength: 1, maxLength: 2 }),
	processes: fc.integer({ min: 1, max: 3 }),
	deeds: fc.array(fc.tuple(fc.nat(FIRING_MS - 1), fc.nat(10), deed), { maxLength: 25, size: "max" }),
	seed: fc.nat(1_000_000),
	longest: fc.constantFrom(0, 200, 3_000),
	failing: fc.constantFrom(0, 300, 600),
});

export type Plan = typeof plans extends fc.Arbitrary<infer Value> ? Value : never;
