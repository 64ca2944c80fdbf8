import { type ActorConfig, GraphActor, GraphHandle, type Lease, type NodeSpec, type Patch, type Reply } from "dagswarm";
import { checkModel, type ModelReport, type ModelRequest } from "dagswarm/testing";
import { describe, expect, test } from "vitest";

/** A handle with a bug in it. */
type Broken = new (actor: GraphActor) => GraphHandle;

function broken(Handle: Broken): (config: ActorConfig) => { actor: GraphActor; handle: GraphHandle } {
	return (config) => {
		const { actor } = GraphActor.create(config);
		return { actor, handle: new Handle(actor) };
	};
}

class ForgetsReadyNodes extends GraphHandle {
	override ready(): string[] {
		const { size } = this.snapshot();
		return super.ready().filter((id) => size < 3 || this.snapshot().get(id)?.dependsOn.length !== 2);
	}
}

class TakesStaleLeases extends GraphHandle {
	override async complete(lease: Lease, output?: unknown, patch?: Patch): Promise<Reply> {
		const reply = await super.complete(lease, output, patch);
		return !reply.ok && reply.code === "STALE_LEASE" ? { ok: true } : reply;
	}
}

class PrunesTooMuch extends GraphHandle {
	override mutate(patch: Patch, options = {}): Promise<Reply> {
		const wide = patch.map((each) =>
			each.type === "pruneSubgraph" ? { ...each, scope: "descendants" as const } : each,
		);
		return super.mutate(wide, options);
	}
}

class RefusesSecondAttempts extends GraphHandle {
	override async claim(id: string): ReturnType<GraphHandle["claim"]> {
		const view = this.snapshot().get(id);
		if (view?.state === "ready" && view.attempt > 0 && view.error !== undefined)
			return { ok: false, code: "ILLEGAL_STATE", message: "once is enough" };
		return super.claim(id);
	}
}

const bugs: readonly (readonly [name: string, Handle: Broken, problem: string])[] = [
	["nodes with two dependencies that are left out of what is ready", ForgetsReadyNodes, "ready are"],
	["a stale lease that is taken", TakesStaleLeases, "the actor says yes, the model STALE_LEASE"],
	["a pruning that spares nothing", PrunesTooMuch, "state is"],
	["a second attempt that is refused", RefusesSecondAttempts, "ILLEGAL_STATE (once is enough)"],
];

function nodesIn({ failure }: ModelReport): number {
	const added = (failure?.requests ?? []).flatMap((request: ModelRequest) => {
		const mutations = "patch" in request ? (request.patch?.mutations ?? []) : [];
		return mutations.flatMap((each): readonly NodeSpec[] => {
			if (each.type === "addNodes") return each.nodes;
			if (each.type === "splitNode") return each.into;
			return "node" in each ? [each.node] : [];
		});
	});
	return (failure?.start.nodes.length ?? 0) + added.length;
}

describe.each(bugs)("%s", (_, Handle, problem) => {
	const create = broken(Handle);

	test("shrinks to what can be read at a glance", async () => {
		const report = await checkModel({ create, seed: 3, runs: 300 });
		expect(report.counterexample).toContain(problem);
		expect(nodesIn(report), report.counterexample).toBeLessThanOrEqual(4);
		expect(report.failure?.requests.length, report.counterexample).toBeLessThanOrEqual(6);
	});

	test("is seen again by seed, path and replayPath", async () => {
		const { seed, path, replayPath } = await checkModel({ create, seed: 4, runs: 300 });
		if (path === undefined || replayPath === undefined) throw new Error("it was not found");
		const again = await checkModel({ create, seed, path, replayPath, endOnFailure: true });
		expect(again).toMatchObject({ failed: true, runs: 1 });
		expect(again.counterexample).toContain(problem);
	});
});

test("an actor that breaks is a failure with its case, too", async () => {
	const create = broken(
		class extends GraphHandle {
			override pause(): Promise<Reply> {
				return Promise.reject(new Error("it fell over"));
			}
		},
	);
	const { counterexample, failure } = await checkModel({ create, seed: 1, runs: 200 });
	expect(counterexample).toContain("it fell over");
	expect(failure?.requests).toEqual([{ type: "pause" }]);
});

test("a failing case need not be made small", async () => {
	const { failed, shrinks, runs } = await checkModel({
		create: broken(TakesStaleLeases),
		seed: 3,
		runs: 300,
		endOnFailure: true,
	});
	expect({ failed, shrinks }).toEqual({ failed: true, shrinks: 0 });
	expect(runs).toBeLessThan(300);
});
