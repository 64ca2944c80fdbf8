import { driven, expectSize, oneByOne } from "./driven.ts";
import type { GraphHandle } from "./product.ts";
import { permutation, seeded } from "./random.ts";
import type { Trial } from "./trial.ts";
import { load, type Spec } from "./workloads.ts";

/** As many different nodes as are reshaped, at random. */
function targets(size: number): string[] {
	const order = permutation(size, seeded(25));
	return Array.from({ length: Math.min(2000, Math.floor(size / 20)) }, (_, at) => `n${order[at]}`);
}

function injectBefore(name: string, inherit: boolean): Trial {
	return {
		name,
		unit: "mutation",
		limit: 50,
		prepare: (size) => {
			const handle = driven(load("layered", size).specs);
			const wanted = targets(size).map((id) => {
				const node = { id: `before-${id}`, agent: "noop" };
				return { type: "injectBefore", id, node, ...(inherit && { inherit }) } as const;
			});
			return {
				units: wanted.length,
				run: () => oneByOne(handle, wanted),
				verify: () => expectSize(handle, size + wanted.length),
			};
		},
	};
}

const splitNode: Trial = {
	name: "splitNode into two",
	unit: "mutation",
	limit: 50,
	prepare: (size) => {
		const handle = driven(load("layered", size).specs);
		const wanted = targets(size).map((id) => {
			const into = [`${id}-left`, `${id}-right`].map((part) => ({ id: part, agent: "noop" }));
			return { type: "splitNode", id, into } as const;
		});
		return {
			units: wanted.length,
			run: () => oneByOne(handle, wanted),
			verify: () => expectSize(handle, size + 2 * wanted.length),
		};
	},
};

async function claim(handle: GraphHandle, id: string) {
	const claimed = await handle.claim(id);
	if (!claimed.ok) throw new Error(`${id} could not be claimed: ${claimed.code}: ${claimed.message}`);
	return claimed.lease;
}

function completionPatch(name: string, nodes: (size: number) => readonly Spec[]): Trial {
	return {
		name,
		unit: "node",
		limit: 2.5,
		prepare: async (size) => {
			const handle = driven([{ id: "root", agent: "root" }]);
			const lease = await claim(handle, "root");
			const added = nodes(size);
			return {
				units: size,
				run: async () => {
					const reply = await handle.complete(lease, undefined, [{ type: "addNodes", nodes: added }]);
					if (!reply.ok) throw new Error(`the completion was refused: ${reply.code}: ${reply.message}`);
					return undefined;
				},
				verify: () => expectSize(handle, size + 1),
			};
		},
	};
}

const cascade: Trial = {
	name: "failure cascade down a chain",
	unit: "node",
	limit: 1,
	prepare: async (size) => {
		const handle = driven(load("chain", size).specs);
		const lease = await claim(handle, "n0");
		return {
			units: size,
			run: async () => {
				const reply = await handle.fail(lease, new Error("on purpose"));
				if (!reply.ok) throw new Error(`the failure was refused: ${reply.code}: ${reply.message}`);
				return undefined;
			},
			verify: () => {
				const { skipped } = handle.snapshot().counts;
				if (skipped !== size - 1) throw new Error(`expected ${size - 1} skipped nodes, found ${skipped}`);
			},
		};
	},
};

export const nodeTrials: readonly Trial[] = [
	injectBefore("injectBefore", false),
	injectBefore("injectBefore, inherit", true),
	splitNode,
	completionPatch("completion patch, layered", (size) => load("layered", size).specs),
	completionPatch("completion patch, independent", (size) => load("independent", size).specs),
	cascade,
];
