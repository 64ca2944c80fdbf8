import { type Journal, planDiff, type RunAppend } from "dagswarm";
import { foldProblem, judgeTrace, Random } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { finish } from "../swarm/fixture.js";
import { Lives, promised, stored } from "./fixture.js";
import { outlivingJournal } from "./outliving-journal.js";
import { agents, drive, type Plot, plots, ran } from "./plots.js";

/** Dies at its n-th append, before or after it is written. */
function dying(inner: Journal) {
	let left = Number.POSITIVE_INFINITY;
	let written = true;
	let dead = false;
	const state = {
		get isDead() {
			return dead;
		},
		arm: (appends: number, isWritten: boolean) => {
			left = appends;
			written = isWritten;
			dead = false;
		},
		journal: new Proxy(inner, {
			get(target, key) {
				const member: unknown = Reflect.get(target, key, target);
				if (typeof member !== "function") return member;
				return (...given: unknown[]) => {
					if (dead) return new Promise(() => {});
					if (key !== "append") return member.apply(target, given);
					if (--left > 0) return member.apply(target, given);
					dead = true;
					if (written) target.append(given[0] as Iterable<RunAppend>);
					return new Promise(() => {});
				};
			},
		}),
	};
	return state;
}

const untold = ["early commits"];

describe.each(Object.keys(plots))("a process that dies over and over, with %s", (name) => {
	const plot = plots[name] as Plot;
	test.each([
		["strict", false, 40],
		["relaxed", false, 40],
		["strict", true, 20],
	] as const)(
		"ends as if it had not, and repeats nothing that was written: %s, by promises: %s",
		async (durability, byPromises, rounds) => {
			const whole = new Lives(agents, { durability, concurrency: 2 });
			const one = whole.next();
			const straight = one.swarm.start({ nodes: plot.nodes }, { runId: `whole-${durability}-${byPromises}-${name}` });
			await drive(straight, one.clock);
			const random = new Random(20_260);
			for (let round = 0; round < rounds; round++) {
				const inner = outlivingJournal();
				const mortal = dying(inner);
				const lives = new Lives(
					agents,
					{ durability, concurrency: 2 },
					byPromises ? promised(mortal.journal) : mortal.journal,
				);
				const runId = `${durability}-${byPromises}-${name}-${round}`;
				let before = new Set<string>();
				let { swarm, clock } = lives.next();
				mortal.arm(1 + (round % 20), round % 2 === 0);
				let run = swarm.start({ nodes: plot.nodes }, { runId });
				for (let deaths = 1; !(await drive(run, clock, () => mortal.isDead)); deaths++) {
					const done = (await stored(inner, runId)).flatMap((event) =>
						event.type === "node.completed" ? [event.node] : [],
					);
					expect((ran.get(runId) ?? []).filter((id) => before.has(id))).toEqual([]);
					before = new Set(done);
					ran.delete(runId);
					mortal.arm(deaths > 1 ? Number.POSITIVE_INFINITY : 2 + random.below(8), random.chance(500));
					({ swarm, clock } = lives.next());
					if (inner.find(runId) === undefined) run = swarm.start({ nodes: plot.nodes }, { runId });
					else run = await swarm.recover(runId);
				}
				expect(
					(ran.get(runId) ?? []).filter((id) => before.has(id)),
					`round ${round}`,
				).toEqual([]);
				const events = await stored(inner, runId);
				expect([round, foldProblem(events, run.snapshot())]).toEqual([round, undefined]);
				expect([round, judgeTrace(events)]).toEqual([round, []]);
				if (untold.includes(name)) continue;
				const states = (of: typeof run): string[] =>
					[...of.snapshot().nodes()].map(({ id, state }) => `${id} ${state}`).sort();
				expect([round, states(run)]).toEqual([round, states(straight)]);
				if (["a diamond", "a planner", "surgery while it runs"].includes(name))
					expect([round, planDiff(straight, run).changed]).toEqual([round, []]);
			}
			await finish(straight, one.clock);
		},
	);
});
