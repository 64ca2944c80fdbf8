import { type Contender, concurrency, works } from "./contender.ts";
import { importOnce } from "./library.ts";
import type { Spec } from "./workloads.ts";

/** As much of an effect as `yield*` needs. */
interface Effect<Value> {
	[Symbol.iterator](): Iterator<unknown, Value, unknown>;
}

interface Deferred {
	readonly resumes?: unknown;
}

interface EffectModule {
	readonly Effect: {
		gen<Value>(body: () => Generator<unknown, Value, unknown>): Effect<Value>;
		promise<Value>(work: () => Promise<Value>): Effect<Value>;
		forEach(
			specs: readonly Spec[],
			body: (spec: Spec) => Effect<void>,
			options: { readonly concurrency: number; readonly discard: true },
		): Effect<void>;
		runPromise<Value>(effect: Effect<Value>): Promise<Value>;
	};
	readonly Deferred: {
		make(): Effect<Deferred>;
		await(deferred: Deferred): Effect<void>;
		succeed(deferred: Deferred, value: undefined): Effect<boolean>;
	};
}

/**
 * A deferred per node, and `forEach` with its bound on concurrency. A node that waits for its dependencies holds a
 * place; since specs come after their dependencies, these are ahead of it and it cannot lock itself in. A fiber per node
 * behind a semaphore would not need the order, and takes up to three times as long.
 */
export const effect: Contender = {
	name: "effect",
	peer: true,
	library: "effect",
	run: async (load) => {
		const { Effect, Deferred } = await importOnce<EffectModule>("effect");
		const agents = works(load);
		const ends = new Map<string, Deferred>();
		let completed = 0;
		const runAll = (specs: readonly Spec[]): Effect<void> =>
			Effect.gen(function* () {
				for (const { id } of specs) ends.set(id, yield* Deferred.make());
				yield* Effect.forEach(specs, runNode, { concurrency, discard: true });
			});
		const runNode = ({ id, agent, dependsOn }: Spec): Effect<void> =>
			Effect.gen(function* () {
				if (dependsOn !== undefined) for (const from of dependsOn) yield* Deferred.await(ends.get(from)!);
				const added = yield* Effect.promise(agents[agent]!);
				yield* Deferred.succeed(ends.get(id)!, undefined);
				completed++;
				if (added !== undefined) yield* runAll(added);
			});
		await Effect.runPromise(runAll(load.specs));
		return { completed, held: ends };
	},
};
