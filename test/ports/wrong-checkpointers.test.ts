import { type CheckpointerPort, type CheckpointerStore, memoryCheckpoints, type RunInfo } from "dagswarm";
import { checkpointerConformance } from "dagswarm/testing";
import { proves } from "./wrong-ports.js";

/** A right checkpointer with something wrong about its stores. */
function storing(
	fault: (right: CheckpointerStore, run: RunInfo) => Partial<CheckpointerStore>,
): () => CheckpointerPort {
	return () => {
		const right = memoryCheckpoints();
		return {
			async open(run) {
				const store = await right.open(run);
				return {
					load: () => store.load(),
					save: (node, state) => store.save(node, state),
					clear: (node) => store.clear(node),
					close: (ended) => store.close?.(ended),
					...fault(store, run),
				};
			},
		};
	};
}

/** A right checkpointer that is asked about runs by another name or in another way. */
function opening(change: (run: RunInfo) => Partial<RunInfo>): () => CheckpointerPort {
	return () => {
		const right = memoryCheckpoints();
		return { open: (run) => right.open({ ...run, ...change(run) }) };
	};
}

/** A right checkpointer that knows nodes by other names. */
function naming(name: (node: string) => string): () => CheckpointerPort {
	return storing((right) => ({
		save: (node, state) => right.save(name(node), state),
		clear: (node) => right.clear(name(node)),
	}));
}

/** A map that keeps whatever it is given, by run. */
function keeping(copy: (state: unknown) => unknown): () => CheckpointerPort {
	return () => {
		const runs = new Map<string, Map<string, unknown>>();
		return {
			open({ run, resumed }) {
				const states = resumed ? (runs.get(run) ?? new Map<string, unknown>()) : new Map<string, unknown>();
				runs.set(run, states);
				return {
					load: () => states,
					save: (node, state) => void states.set(node, copy(state)),
					clear: (node) => void states.delete(node),
					close: (ended) => void (ended && runs.delete(run)),
				};
			},
		};
	};
}

const asJson = (state: unknown): unknown => (state === undefined ? undefined : JSON.parse(JSON.stringify(state)));

const checks = checkpointerConformance({ durable: true });

proves(
	checks.map(({ name, run }) => ({
		name,
		run: async (make: () => CheckpointerPort) => {
			// The same place twice.
			let port: CheckpointerPort | undefined;
			const open = (): CheckpointerPort => {
				port ??= make();
				return port;
			};
			await run(open, open);
		},
	})),
	memoryCheckpoints,
	{
		"has one store for all runs (mistake 35)": opening(() => ({ run: "all" })),
		"gives everybody an old state": storing(() => ({ load: () => new Map([["old", 1]]) })),
		"keeps the first state": storing((right) => {
			const known = new Set<string>();
			return {
				save: async (node, state) => {
					if (!known.has(node)) await right.save(node, state);
					known.add(node);
				},
			};
		}),
		"lets saves overtake each other": storing((right) => ({
			save: async (node, state) => {
				const turns = JSON.stringify(state)?.length ?? 0;
				for (let turn = 0; turn < turns / 100; turn++) await Promise.resolve();
				await right.save(node, state);
			},
		})),
		"answers before it has saved (mistake 17)": storing((right) => {
			const waiting: (() => unknown)[] = [];
			return {
				save: (node, state) => void waiting.push(() => right.save(node, state)),
				close: async (ended) => {
					for (const save of waiting) await save();
					await right.close?.(ended);
				},
			};
		}),
		"takes bytes for objects": keeping(asJson),
		"keeps what is still changed": keeping((state) => state),
		"cannot save undefined": storing((right) => ({
			save: (node, state) => right.save(node, JSON.parse(JSON.stringify(state))),
		})),
		"clears nothing": storing(() => ({ clear: () => {} })),
		"clears all nodes with one": storing((right) => ({
			clear: async () => {
				for (const node of (await right.load()).keys()) await right.clear(node);
			},
		})),
		"fails to clear what is not there": storing((right) => ({
			clear: async (node) => {
				if (!(await right.load()).has(node)) throw new Error("no such file");
				await right.clear(node);
			},
		})),
		"knows no upper case in runs": opening(({ run }) => ({ run: run.toLowerCase() })),
		"cuts long runs off": opening(({ run }) => ({ run: run.slice(0, 200) })),
		"knows no upper case in nodes": naming((node) => node.toLowerCase()),
		"takes nodes for paths": naming((node) => node.replaceAll("/", "%2F")),
		"writes halves of characters as one": naming((node) => node.toWellFormed()),
		"keeps ended runs": storing((right) => ({ close: () => right.close?.(false) })),
		"forgets a run that this process lets go of": storing((right) => ({ close: () => right.close?.(true) })),
		"gives new runs what old ones of their name have left": opening(() => ({ resumed: true })),
		"forgets the others with a run that has ended": () => {
			let right = memoryCheckpoints();
			return {
				async open(run) {
					const store = await right.open(run);
					return {
						...bound(store),
						close: async (ended) => {
							await store.close?.(ended);
							if (ended) right = memoryCheckpoints();
						},
					};
				},
			};
		},
	},
);

function bound(store: CheckpointerStore): CheckpointerStore {
	return {
		load: () => store.load(),
		save: (node, state) => store.save(node, state),
		clear: (node) => store.clear(node),
	};
}
