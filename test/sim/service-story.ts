import type { TriggerSpec } from "dagswarm";
import type { Deed, Plan } from "./service-cases.js";
import { type Behaviour, LEASE, ServiceWorld } from "./service-world.js";

/** Slots come for so long. */
export const FIRING_MS = 15_000;
const STEP_MS = 50;
/** Others take a run over when its process was silent for so long. */
const SETTLING_MS = 600_000;
const STARTED_AT = Date.parse("2026-03-02T12:00:00Z");

/** Lets a plan come about, and then all that it has begun come to its end. */
export async function carriedOut(plan: Plan): Promise<ServiceWorld> {
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
	while (world.isHalted) await world.pass(1_000, 250);
	const last = world.living.at(-1);
	// What came before a pause waits for its end.
	if (last !== undefined) for (const at of plan.timed.keys()) world.ask(last, (service) => service.resume(`t${at}`));
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
		case "halt":
			world.halt(process, LEASE + 2 * deed.back);
			return undefined;
		case "fire":
			world.put(process, (service) => service.fire(`m${choice % 2}`, { key: `${deed.key}` }).catch(gone));
			return undefined;
		case "submit":
			world.put(process, (service) => service.submit("work", { key: `s${deed.key}` }));
			return undefined;
		case "cancel":
			world.ask(process, (service) =>
				service.cancel(deed.key < 4 ? `s${deed.key}` : `m${choice % 2}@1:${deed.key}`, "enough"),
			);
			return undefined;
		case "pause":
			world.ask(process, (service) => service.pause(`t${deed.key % 3}`));
			return undefined;
		case "resume":
			world.ask(process, (service) => service.resume(`t${deed.key % 3}`));
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
