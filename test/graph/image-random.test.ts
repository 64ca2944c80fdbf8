import { type ActorFactory, ActorRun, actorCommands, actorStarts } from "dagswarm/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GraphActor } from "../../src/graph/actor.js";
import { apply } from "../../src/graph/apply.js";
import type { RunImage } from "../../src/graph/image-format.js";
import { restoreState } from "../../src/graph/image-restore.js";
import { checkState } from "../../src/graph/invariants.js";
import { RunState } from "../../src/graph/state.js";
import type { Lease, RunEvent, RunFact } from "../../src/graph/types.js";
import { runsOf, SEED } from "../random.js";
import { Chain, expectSame, stored } from "./state-picture.js";

/** What the random cases were made of: without all of this they would prove little. */
const seen = {
	whole: 0,
	changes: 0,
	failed: 0,
	behind: 0,
	order: 0,
	alias: 0,
	steps: 0,
	waited: 0,
	early: 0,
	withheld: 0,
};

function count({ base, ready, order, nodes }: RunImage, isSaved: boolean): void {
	if (base === undefined) seen.whole++;
	else seen.changes++;
	if (!isSaved) seen.failed++;
	if (base !== undefined && ready.behind) seen.behind++;
	if (order.length > 0) seen.order++;
	for (const { into, extras } of nodes) {
		if (into?.some(([, alias]) => alias !== undefined)) seen.alias++;
		if (extras?.steps !== undefined) seen.steps++;
		if (extras?.waited !== undefined) seen.waited++;
		if (extras?.early !== undefined) seen.early++;
		if (extras?.withheld !== undefined) seen.withheld++;
	}
}

/** Numbers that are the same for a case whenever it is run. */
class Dice {
	constructor(private seed: number) {}

	/** Whether one of so many chances comes true. */
	oneIn(chances: number): boolean {
		this.seed = (Math.imul(this.seed, 1_664_525) + 1_013_904_223) >>> 0;
		return (this.seed >>> 8) % chances === 0;
	}
}

/** Folds events, takes images of it at any of them, and lets what is restored fold on beside it. */
class Fold {
	readonly state = new RunState();
	readonly chain = new Chain(this.state);
	#restored: RunState | undefined;
	#extra = 0;

	constructor(private readonly dice: Dice) {}

	take(event: RunEvent): void {
		this.#apply({ ...event, seq: event.seq + this.#extra } as RunEvent);
		const { dice, state } = this;
		if (event.seq > 1 && dice.oneIn(60)) {
			const fact: RunFact = { type: "run.recovered", epoch: state.epoch + 1, ask: ["work"], timed: dice.oneIn(2) };
			this.#apply({ seq: state.seq + 1, at: state.at, ...fact });
			this.#extra++;
		}
		if (!dice.oneIn(12)) return;
		this.#restored = this.chain.take(!dice.oneIn(3), dice.oneIn(10)) ?? this.#restored;
	}

	#apply(event: RunEvent): void {
		apply(this.state, event);
		if (this.#restored === undefined) return;
		apply(this.#restored, event);
		expectSame(this.#restored, this.state);
	}
}

describe("images of random histories", () => {
	const property = fc.asyncProperty(
		actorStarts(),
		actorCommands({ maxCommands: 40, weights: { park: 8, commit: 6 } }),
		fc.nat(),
		async (start, commands, seed) => {
			const dice = new Dice(seed);
			const made: GraphActor[] = [];
			const create: ActorFactory = (config) => {
				const result = GraphActor.create({ ...config, settings: { durable: true, timed: seed % 2 === 0 } });
				made.push(result.actor);
				stepNowAndThen(result, dice);
				return result;
			};
			const run = new ActorRun(start, { create, check: "off" });
			const [actor] = made;
			if (actor === undefined) throw new Error("there is no actor");
			const chain = new Chain(actor.state);
			const fold = new Fold(dice);
			const { events } = run.actor;
			let told = 0;
			for (const command of commands) {
				if (!(await command.check(run))) continue;
				await command.run(run, run.actor.handle);
				for (; told < events.length; told++) fold.take(events[told] as RunEvent);
				if (dice.oneIn(5)) {
					const isSaved = !dice.oneIn(3);
					const before = chain.saved;
					chain.take(isSaved, dice.oneIn(10));
					if (isSaved && chain.saved !== before) count(chain.last, true);
					else seen.failed++;
				}
			}
			if (chain.saved.length === 0) return;
			const restored = restoreState(stored(chain.saved));
			for (const event of events) if (event.seq > restored.seq) apply(restored, event);
			expect(checkState(restored)).toBeUndefined();
			expectSame(restored, actor.state, false);
		},
	);

	test("and the events after them fold into the same state", async () => {
		await fc.assert(property, { seed: SEED, numRuns: runsOf(600) });
		for (const [what, times] of Object.entries(seen)) expect.soft(times, what).toBeGreaterThan(0);
	});
});

/** The model knows nothing of steps: whenever a node is claimed, some node takes one. */
function stepNowAndThen({ actor, handle }: ReturnType<typeof GraphActor.create>, dice: Dice): void {
	const claim = handle.claim.bind(handle);
	const leases: Lease[] = [];
	handle.claim = async (id) => {
		const reply = await claim(id);
		if (reply.ok) leases.push(reply.lease);
		const lease = leases.find(() => dice.oneIn(leases.length + 1));
		if (!reply.ok || lease === undefined) return reply;
		const value = dice.oneIn(3) ? undefined : new Uint8Array([1, 2]);
		actor.post({ type: "step", lease, name: `after ${id} ${reply.lease.seq}`, value }, () => {});
		return reply;
	};
}
