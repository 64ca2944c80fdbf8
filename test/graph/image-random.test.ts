import { type ActorFactory, ActorRun, actorCommands, actorStarts, type ModelStart } from "dagswarm/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/core/clock.js";
import { countingIds } from "../../src/core/ids.js";
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

function count({ base, ready, order, nodes }: RunImage): void {
	if (base === undefined) seen.whole++;
	else seen.changes++;
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

/** A run of a durable actor, and what is made of it. */
class Case {
	readonly run: ActorRun;
	readonly fold: Fold;
	readonly chain: Chain;
	readonly #dice: Dice;
	#told = 0;

	constructor(start: ModelStart, seed: number) {
		const dice = new Dice(seed);
		const made: GraphActor[] = [];
		const create: ActorFactory = (config) => {
			const result = GraphActor.create({ ...config, settings: { durable: true, timed: seed % 2 === 0 } });
			made.push(result.actor);
			stepNowAndThen(result, dice);
			return result;
		};
		this.run = new ActorRun(start, { create, check: "off" });
		this.fold = new Fold(dice);
		// The factory was called.
		this.chain = new Chain((made[0] as GraphActor).state);
		this.#dice = dice;
	}

	/** After each command: the events are folded, and perhaps an image is taken. */
	look(): void {
		const { events } = this.run.actor;
		for (; this.#told < events.length; this.#told++) this.fold.take(events[this.#told] as RunEvent);
		if (!this.#dice.oneIn(5)) return;
		const isSaved = !this.#dice.oneIn(3);
		if (this.chain.take(isSaved, this.#dice.oneIn(10)) === undefined) return;
		if (isSaved) count(this.chain.last);
		else seen.failed++;
	}

	/** What was saved and the events after it must lead to where the run is. */
	finish(): void {
		if (this.chain.saved.length === 0) return;
		const restored = restoreState(stored(this.chain.saved));
		for (const event of this.run.actor.events) if (event.seq > restored.seq) apply(restored, event);
		expect(checkState(restored)).toBeUndefined();
		expectSame(restored, this.chain.state, false);
	}
}

const FAULT = new Error("planned");

/** Takes a run over and goes on with it for a while. @returns the events of that, as text */
async function goOn(state: RunState): Promise<string> {
	const events: RunEvent[] = [];
	const clock = new VirtualClock(state.at);
	const { handle } = GraphActor.create({
		recovered: { state, epoch: state.epoch + 1 },
		run: state.run,
		check: "full",
		clock,
		ids: countingIds(),
		journal: { append: (batch) => void events.push(...batch) },
	});
	for (let i = 0; i < 40 && !state.ended; i++) {
		const [id] = handle.ready();
		const claimed = id === undefined ? undefined : await handle.claim(id);
		if (claimed === undefined || !claimed.ok) clock.advance(1_000);
		else if (i % 3 === 0) await handle.fail(claimed.lease, FAULT);
		else if (i % 3 === 1) await handle.complete(claimed.lease, i, [{ type: "addNode", node: { agent: "work" } }]);
		else await handle.complete(claimed.lease, i);
	}
	return JSON.stringify(events);
}

describe("images of random histories", () => {
	const commands = actorCommands({ maxCommands: 40, weights: { park: 8, commit: 6 } });

	test("and the events after them fold into the same state", async () => {
		const property = fc.asyncProperty(actorStarts(), commands, fc.nat(), async (start, commands, seed) => {
			const played = new Case(start, seed);
			for (const command of commands) {
				if (!(await command.check(played.run))) continue;
				await command.run(played.run, played.run.actor.handle);
				played.look();
			}
			played.finish();
		});
		await fc.assert(property, { seed: SEED, numRuns: runsOf(600) });
		for (const [what, times] of Object.entries(seen)) expect.soft(times, what).toBeGreaterThan(0);
	});

	test("are gone on with like the state that they were made of", async () => {
		const property = fc.asyncProperty(actorStarts(), commands, fc.nat(), async (start, commands, seed) => {
			const { run, fold } = new Case(start, seed);
			for (const command of commands) if (await command.check(run)) await command.run(run, run.actor.handle);
			for (const event of run.actor.events) fold.take(event);
			const restored = fold.chain.take() ?? restoreState(stored(fold.chain.saved));
			expect(await goOn(restored)).toBe(await goOn(fold.state));
		});
		await fc.assert(property, { seed: SEED, numRuns: runsOf(200) });
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
