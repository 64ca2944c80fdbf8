import { appendFileSync } from "node:fs";
import { type Occurrence, readRun, type Store, sqliteStore } from "dagswarm";
import { afterAll, describe, expect, test } from "vitest";
import { judge } from "../../bench/soak-judge.js";
import { type Exit, type Program, programs } from "./processes.js";
import type { ServiceTask } from "./programs/service.js";

const available = programs();
const opened: Store[] = [];
afterAll(async () => {
	for (const store of opened) await store.close();
});

const CLEAN: Exit = { code: 0, signal: null, stderr: "" };

/** A service of several processes on one file, and a look at it from outside. */
function service(options: Partial<ServiceTask> = {}) {
	const task: ServiceTask = {
		file: available.path("service.db"),
		effects: available.path("effects.jsonl"),
		lease: 500,
		grace: "5s",
		triggers: 0,
		every: 100,
		endAt: 1,
		serves: true,
		...options,
	};
	appendFileSync(task.effects, "");
	const store = sqliteStore(task.file);
	opened.push(store);
	const begin = async (more: Partial<ServiceTask> = {}): Promise<Program> => {
		const program = available.start("service", { ...task, ...more });
		await program.expectLine("there");
		return program;
	};
	/** Waits for what the store tells, and is asked again whenever that changes. */
	const until = async <Value>(find: () => Promise<Value | undefined>): Promise<Value> => {
		const { promise, resolve, reject } = Promise.withResolvers<Value>();
		const look = (): void => {
			find().then((value) => value !== undefined && resolve(value), reject);
		};
		const stop = await store.watch(look, reject);
		look();
		return promise.finally(stop);
	};
	return {
		task,
		store,
		begin,
		row: (key: string, state: Occurrence["state"]) =>
			until(async () => {
				const row = await store.occurrence(key);
				return row?.state === state ? row : undefined;
			}),
		/** Waits until another process leads than did. */
		leader: (of: readonly Program[]) =>
			until(async () => {
				const [lease] = await store.leases("leader");
				return of.find(({ pid }) => pid === lease?.holder.pid);
			}),
		/** Waits until so many more have completed. */
		completed: (more: number, endAt: number) => {
			let wanted: number | undefined;
			return until(async () => {
				const { completed = 0 } = await store.counts();
				wanted ??= completed + more;
				// On a machine that is slow there may not be as many any more.
				return completed >= wanted || Date.now() > endAt ? completed : undefined;
			});
		},
		over: () =>
			until(async () => {
				const { pending = 0, running = 0, waiting = 0 } = await store.counts();
				const records = await store.triggers();
				return records.every(({ over }) => over === "endAt") && pending + running + waiting === 0 ? true : undefined;
			}),
		verdict: (killed: ReadonlyMap<number, number>, endAt: number) =>
			judge(
				{ file: task.file, effects: task.effects, intervalMs: task.every, endAt, killed },
				{ readRun, sqliteStore },
			),
	};
}

async function killed(program: Program): Promise<[number, number]> {
	program.signal("SIGKILL");
	await program.ended;
	return [program.pid, Date.now()];
}

describe.concurrent("processes of a service", () => {
	test("three, of which the leader is killed twice and then halted, lose no slot and double none", async () => {
		const { begin, leader, completed, over, row, store, verdict } = service({ triggers: 5 });
		const asked = Date.now();
		const handing = await begin({ serves: false });
		// As long as it takes to begin six more of them, and some.
		const endAt = Date.now() + 2_500 + 6 * (Date.now() - asked);
		const serving = (): Promise<Program> => begin({ endAt });
		let members: Program[] = await Promise.all([serving(), serving(), serving()]);
		const deaths = new Map<number, number>();
		for (let death = 0; death < 2; death++) {
			await completed(20, endAt);
			const first = await leader(members);
			const [pid, at] = await killed(first);
			deaths.set(pid, at);
			members = members.filter((member) => member !== first);
			await leader(members);
			members.push(await serving());
		}
		// The run of one that is handed in goes on in a process that is taken for dead. Who leads may change at any moment.
		handing.tell("submit gate gated");
		const halted = await Promise.race(members.map((member) => member.expectLine("gated gate").then(() => member)));
		const others = members.filter((member) => member !== halted);
		halted.tell("halt");
		await leader(others);
		await completed(20, endAt);
		expect(await store.occurrence("gate")).toMatchObject({ state: "running", attempt: 1 });
		halted.signal("SIGCONT");
		halted.tell("go");
		await row("gate", "completed");
		await over();
		members.push(handing);
		for (const member of members) member.signal("SIGTERM");
		for (const member of members) expect(await member.ended).toEqual(CLEAN);
		const { due, completed: ended, lost, doubled, unasked, problems } = await verdict(deaths, endAt);
		expect({ lost, doubled, problems }).toEqual({ lost: 0, doubled: 0, problems: ["gate: it was not due"] });
		expect(due).toBeGreaterThan(0);
		expect(ended).toBe(due + unasked);
		for (const member of members) expect(member.lines.filter((line) => line.startsWith("error"))).toEqual([]);
	});

	test("R2: what was handed in is on the disk: it runs once when everybody was killed right after", async () => {
		const { begin, row, verdict } = service();
		const submitting = await begin({ serves: false });
		submitting.tell("submit x note");
		await submitting.expectLine("did submit x note");
		await killed(submitting);
		const serving = await begin();
		expect(await row("x", "completed")).toMatchObject({ attempt: 1 });
		serving.signal("SIGTERM");
		expect(await serving.ended).toEqual(CLEAN);
		expect(await verdict(new Map(), 0)).toMatchObject({ completed: 1, unasked: 1, repeatedAfterKill: 0 });
	});

	test("one cancels what the other runs; a second signal ends one at once, and the other goes on with its run", async () => {
		const { begin, row, store } = service({ grace: "1h", lease: "1m" });
		const leading = await begin();
		const standing = await begin();
		standing.tell("submit a gated");
		await leading.expectLine("gated a");
		standing.tell("cancel a");
		expect(await row("a", "cancelled")).toMatchObject({ reason: "enough", status: "cancelled" });
		leading.tell("go");
		standing.tell("cancel a");
		await standing.expectLine(/^refused ILLEGAL_STATE/);

		standing.tell("submit b gated");
		await leading.expectLine("gated b");
		leading.signal("SIGTERM");
		await leading.expectLine("stopping");
		leading.signal("SIGTERM");
		expect(await leading.ended).toEqual(CLEAN);
		await standing.expectLine("gated b");
		standing.tell("go");
		expect(await row("b", "completed")).toMatchObject({ attempt: 1 });
		expect(await store.occurrence("a")).toMatchObject({ state: "cancelled" });
		standing.signal("SIGTERM");
		expect(await standing.ended).toEqual(CLEAN);
	});
});
