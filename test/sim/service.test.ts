import type { Overlap, TriggerSpec } from "dagswarm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hold, isFixed } from "../random.js";
import { judgeService } from "./service-judge.js";
import { type Behaviour, type Death, LEASE, ServiceWorld } from "./service-world.js";

const FIRING_MS = 15_000;
const STEP_MS = 50;
/** Others take a run over when its process was silent for so long. */
const SETTLING_MS = 600_000;
const STARTED_AT = Date.parse("2026-03-02T12:00:00Z");

const overlap: fc.Arbitrary<Overlap> = fc.constantFrom("skip", "queue", "cancelPrevious", "allow");

const timed = fc.record({
	every: fc.constantFrom(250, 500, 700, 1_000, 2_300),
	mode: fc.constantFrom("rate" as const, "rate" as const, "rate" as const, "delay" as const),
	missed: fc.constantFrom("skip" as const, "one" as const, "all" as const),
	overlap,
	retry: fc.constantFrom(1, 1, 3),
	jitter: fc.constantFrom(0, 0, 400),
	maxRuns: fc.constantFrom(undefined, undefined, undefined, 7),
});

const manual = fc.record({ overlap, retry: fc.constantFrom(1, 2), maxRunning: fc.constantFrom(1, 2, 100) });

type Deed =
	| { readonly what: "die"; readonly how: Death; readonly back: number }
	| { readonly what: "stop" | "cut"; readonly back: number }
	| { readonly what: "fire" | "submit" | "cancel"; readonly key: number };

const deed: fc.Arbitrary<Deed> = fc.oneof(
	{
		weight: 3,
		arbitrary: fc.record({
			what: fc.constant("die" as const),
			how: fc.constantFrom<Death>("now", "in a write", "after a write", "in an append", "after an append"),
			back: fc.nat(3_000),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ what: fc.constantFrom("stop" as const, "cut" as const), back: fc.nat(3_000) }) },
	{
		weight: 4,
		arbitrary: fc.record({
			what: fc.constantFrom("fire" as const, "submit" as const, "cancel" as const),
			key: fc.nat(7),
		}),
	},
);

const plans = fc.record({
	timed: fc.array(timed, { minLength: 1, maxLength: 3 }),
	manual: fc.array(manual, { minLength: 1, maxLength: 2 }),
	processes: fc.integer({ min: 1, max: 3 }),
	deeds: fc.array(fc.tuple(fc.nat(FIRING_MS - 1), fc.nat(10), deed), { maxLength: 25 }),
	seed: fc.nat(1_000_000),
	longest: fc.constantFrom(0, 200, 3_000),
	failing: fc.constantFrom(0, 0, 300),
});

type Plan = typeof plans extends fc.Arbitrary<infer Value> ? Value : never;

test("no slot is lost or doubled, whichever processes die, stop or are cut off, and policies hold over all of them", async () => {
	const tally = { executions: 0, died: 0, skipped: 0, completed: 0, cancelled: 0, failed: 0 };
	await hold(
		"service",
		fc.asyncProperty(plans, async (plan) => {
			const world = await carriedOut(plan);
			const problems = await judgeService(world);
			tally.executions += world.executions.length;
			tally.died += world.executions.filter(({ how }) => how === "died").length;
			for (const { state } of await world.store.occurrences()) if (state in tally) tally[state as keyof typeof tally]++;
			if (problems.length > 0) throw new Error(problems.slice(0, 20).join("\n"));
		}),
		25,
		() => tally,
	);
	if (!isFixed) return;
	for (const count of Object.values(tally)) expect(count).toBeGreaterThan(0);
});

async function carriedOut(plan: Plan): Promise<ServiceWorld> {
	const world = new ServiceWorld(triggersOf(plan), behaviourOf(plan));
	const deeds = plan.deeds.toSorted(([a], [b]) => a - b);
	const coming: number[] = [];
	for (let at = 0; at < plan.processes; at++) world.begin();
	for (let passed = 0; passed < FIRING_MS; passed += STEP_MS) {
		for (let next = deeds[0]; next !== undefined && next[0] <= passed; next = deeds[0]) {
			deeds.shift();
			const back = does(world, next[1], next[2]);
			if (back !== undefined) coming.push(passed + back);
		}
		for (const at of coming) if (at <= passed) world.begin();
		coming.splice(0, coming.length, ...coming.filter((at) => at > passed));
		await world.pass(STEP_MS, STEP_MS);
	}
	world.begin();
	for (let passed = 0; passed < SETTLING_MS && !(await isOver(world)); passed += 1_000) await world.pass(1_000, 250);
	for (const process of world.living) world.stop(process);
	await world.pass(1_000, 100);
	return world;
}

/** @returns after how long another process comes */
function does(world: ServiceWorld, choice: number, deed: Deed): number | undefined {
	const process = world.pick(choice);
	if (process === undefined) return 0;
	switch (deed.what) {
		case "die":
			world.kill(process, deed.how);
			return deed.back;
		case "stop":
			world.stop(process);
			return deed.back;
		case "cut":
			world.cut(process, 3 * LEASE);
			return undefined;
		case "fire":
			world.put(process, (service) => service.fire(`m${choice % 2}`, { key: `${deed.key}` }).catch(gone));
			return undefined;
		case "submit":
			world.put(process, (service) => service.submit("work", { key: `s${deed.key}` }));
			return undefined;
		case "cancel":
			world.cancel(process, deed.key < 4 ? `s${deed.key}` : `m${choice % 2}@1:${deed.key}`);
			return undefined;
	}
}

/** Before anybody has led there are no triggers. */
function gone(error: { readonly code?: string }): { readonly key: string; readonly isNew: boolean } {
	if (error.code === "UNKNOWN_TRIGGER") return { key: "none", isNew: false };
	throw error;
}

async function isOver(world: ServiceWorld): Promise<boolean> {
	const { pending = 0, running = 0, waiting = 0 } = await world.store.counts();
	const records = await world.store.triggers();
	const timed = records.filter(({ spec }) => spec.on.kind === "every");
	return pending + running + waiting === 0 && timed.every(({ over }) => over !== undefined);
}

function triggersOf({ timed, manual }: Plan): TriggerSpec[] {
	const endAt = STARTED_AT + FIRING_MS;
	return [
		...timed.map(({ every, mode, missed, jitter, maxRuns, ...rest }, at): TriggerSpec => {
			const on = mode === "delay" ? { kind: "every" as const, every, mode } : { kind: "every" as const, every, missed };
			const more = { ...(jitter > 0 && { jitter }), ...(maxRuns !== undefined && { maxRuns }) };
			return { id: `t${at}`, on, start: "work", endAt, history: 10_000, ...rest, ...more };
		}),
		...manual.map(
			({ maxRunning, ...rest }, at): TriggerSpec => ({
				id: `m${at}`,
				on: { kind: "manual" },
				start: "work",
				...rest,
				...(rest.overlap === "allow" && { maxRunning }),
			}),
		),
	];
}

/** The same for the same key and attempt, whenever it is asked. */
function behaviourOf({ seed, longest, failing }: Plan): Behaviour {
	return (key, attempt) => {
		let hash = seed;
		for (const char of `${key}#${attempt}`) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
		hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
		return { ms: longest === 0 ? 0 : hash % longest, fails: (hash >>> 8) % 1_000 < failing };
	};
}
