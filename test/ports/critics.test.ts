import {
	type CriticActivity,
	type CriticEscalation,
	type CriticHandle,
	type CriticPort,
	type CriticSubject,
	type CriticVerdict,
	combineCritics,
	type IdleCriticOptions,
	idleCritic,
	type LoopDetectorOptions,
	loopDetector,
} from "dagswarm";
import { describe, expect, test } from "vitest";
import { attemptInfo, runInfo } from "./samples.js";

const attempt: CriticSubject = { run: runInfo("r"), attempt: attemptInfo(), startedAt: 0, limit: 60_000 };
const wholeRun: CriticSubject = { run: runInfo("r"), startedAt: 0, limit: 600_000 };

function watched(critic: CriticPort, subject = attempt): CriticHandle {
	const handle = critic.watch(subject);
	if (handle === null) throw new Error("nobody watches");
	return handle;
}

function done(handle: CriticHandle, kind: CriticActivity["kind"] = "step", rest: Partial<CriticActivity> = {}) {
	return handle.activity?.({ kind, at: 1, node: "n", ...rest });
}

function asked(handle: CriticHandle, cause: CriticEscalation["cause"], elapsed = 60_000, idle = 5_000) {
	return handle.escalate?.({ cause, elapsed, idle, before: 0 });
}

describe("an idle critic", () => {
	test("tells who is idle, and kills who still is (E8)", () => {
		const handle = watched(idleCritic({ idleAfter: "5s", warnings: 2 }));
		expect(handle.idleAfter).toBe(5_000);
		const told = { action: "steer", message: "nothing was done for 5 s", by: 5_000 };
		expect([asked(handle, "idle"), asked(handle, "idle"), asked(handle, "idle")]).toEqual([
			told,
			told,
			{ action: "kill", reason: "nothing was done for 5 s" },
		]);
	});

	test("gives who is busy more time, and tells who is not (E9)", () => {
		const handle = watched(idleCritic({ extendBy: "20s" }));
		expect(handle).not.toHaveProperty("softAfter");
		done(handle, "output");
		expect(asked(handle, "deadline")).toEqual({ action: "extend", by: 20_000 });
		done(handle);
		expect(asked(handle, "deadline")).toEqual({ action: "extend", by: 20_000 });
		expect(asked(handle, "deadline")).toEqual({
			action: "steer",
			message: "60 s have passed, and that is too long",
			by: 20_000,
		});
		done(handle);
		expect(asked(handle, "deadline")).toEqual({ action: "extend", by: 20_000 });
		expect(asked(handle, "deadline")).toMatchObject({ action: "kill" });
	});

	test("extends by half of the soft limit, and no more often than it may", () => {
		const handle = watched(idleCritic({ softAfter: "8s", maxExtensions: 1 }));
		expect(handle.softAfter).toBe(8_000);
		done(handle);
		expect(asked(handle, "deadline")).toEqual({ action: "extend", by: 4_000 });
		done(handle);
		expect(asked(handle, "deadline")).toMatchObject({ action: "steer", by: 4_000 });
		const limited = watched(idleCritic({}));
		done(limited);
		expect(asked(limited, "deadline")).toEqual({ action: "extend", by: 30_000 });
	});

	test.each([
		["steps", "step"],
		["tools", "tool"],
		["usages", "usage"],
	] as const)("tells and kills who runs away in %s", (option, kind) => {
		const handle = watched(idleCritic({ [option]: 2, message: "stop here" }));
		expect([done(handle, kind), done(handle, kind), done(handle, "output")]).toEqual([undefined, undefined, undefined]);
		expect(done(handle, kind)).toEqual({ action: "steer", message: "stop here" });
		expect(done(handle, kind)).toEqual({ action: "kill", reason: `${option}: 4, and 2 are allowed` });
	});

	test("kills for good: nothing that comes later takes it back (E8)", () => {
		const handle = watched(idleCritic({ idleAfter: "5s", warnings: 0 }));
		const killed = asked(handle, "idle");
		expect(killed).toMatchObject({ action: "kill" });
		expect(done(handle)).toBe(killed);
		expect(asked(handle, "deadline")).toBe(killed);
	});

	test("counts the warnings of each cause by itself", () => {
		const handle = watched(idleCritic({ idleAfter: "5s", steps: 0 }));
		expect([done(handle), asked(handle, "idle"), done(handle, "tool")]).toMatchObject([
			{ action: "steer" },
			{ action: "steer" },
			undefined,
		]);
		expect(done(handle)).toMatchObject({ action: "kill", reason: "steps: 2, and 0 are allowed" });
	});

	test("has counts for each subject: what one was given is not taken from another (mistake 36)", () => {
		const critic = idleCritic({ maxExtensions: 1, warnings: 0 });
		const handles = [watched(critic), watched(critic), watched(critic, wholeRun)];
		for (const handle of handles) {
			done(handle);
			expect(asked(handle, "deadline")).toMatchObject({ action: "extend" });
		}
	});

	test("leaves a run to its own time limit, and idleness to its attempts", () => {
		const critic = idleCritic({ idleAfter: "5s", softAfter: "1s", steps: 1, hardFactor: 3 });
		expect({ ...watched(critic, wholeRun) }).toEqual({ hardFactor: 3 });
		expect({ ...watched(critic) }).toEqual({ idleAfter: 5_000, softAfter: 1_000, hardFactor: 3 });
		expect([1, 2, 3].map(() => done(watched(critic, wholeRun)))).toEqual([undefined, undefined, undefined]);
	});

	test("watches runs or attempts alone when it is told to", () => {
		const runs = idleCritic({ idleAfter: "5s", watch: "runs" });
		expect(runs.watch(attempt)).toBeNull();
		expect(watched(runs, wholeRun).idleAfter).toBe(5_000);
		expect(idleCritic({ idleAfter: "5s", watch: "attempts" }).watch(wholeRun)).toBeNull();
	});

	test("watches nobody about whom it could never be asked", () => {
		const { run, startedAt } = attempt;
		expect(idleCritic().watch({ run, startedAt, attempt: attemptInfo() })).toBeNull();
		expect(idleCritic({ steps: 3 }).watch({ run, startedAt })).toBeNull();
		expect(idleCritic({ steps: 3 }).watch({ run, startedAt, attempt: attemptInfo() })).not.toBeNull();
	});

	test.each([
		[{ idleAfter: 0 }, "idleAfter"],
		[{ softAfter: "soon" }, "softAfter"],
		[{ extendBy: 0.5 }, "extendBy"],
		[{ hardFactor: 0.9 }, "hardFactor"],
		[{ hardFactor: Number.POSITIVE_INFINITY }, "hardFactor"],
		[{ steps: -1 }, "steps"],
		[{ tools: 1.5 }, "tools"],
		[{ usages: -1 }, "usages"],
		[{ warnings: -1 }, "warnings"],
		[{ maxExtensions: 0.5 }, "maxExtensions"],
		[{ watch: "nodes" }, "watch"],
	])("refuses %o (mistake 38)", (options, name) => {
		expect(() => idleCritic(options as IdleCriticOptions)).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(name) }),
		);
	});
});

describe("a loop detector", () => {
	const calls = (options: LoopDetectorOptions, script: string): (string | undefined)[] => {
		const handle = watched(loopDetector(options));
		return [...script].map((call) => done(handle, "tool", { name: "look", input: { call } })?.action);
	};

	test("tells of the third equal call in a row, and kills at the sixth", () => {
		expect(calls({}, "aaaaaa")).toEqual([undefined, undefined, "steer", undefined, undefined, "kill"]);
		expect(calls({}, "aabaab").filter(Boolean)).toEqual([]);
		expect(calls({ times: 2, killAfter: 3 }, "aaa")).toEqual([undefined, "steer", "kill"]);
		expect(calls({ times: 2, killAfter: Number.POSITIVE_INFINITY }, "aaaaaaaa").filter(Boolean)).toEqual(["steer"]);
	});

	test("counts within a window, too", () => {
		expect(calls({ times: 3, window: 5 }, "ababa")).toEqual([undefined, undefined, undefined, undefined, "steer"]);
		expect(calls({ times: 3, window: 5 }, "abcdabcdabcd").filter(Boolean)).toEqual([]);
		expect(calls({ times: 2, window: 4, killAfter: 3 }, "abaca").filter(Boolean)).toEqual(["steer", "kill"]);
		expect(calls({ times: 2, window: 4, killAfter: 3 }, "abaa")).toEqual([undefined, undefined, "steer", "kill"]);
		expect(calls({ times: 3, window: 3 }, "aaaaaa")).toEqual([
			undefined,
			undefined,
			"steer",
			undefined,
			undefined,
			"kill",
		]);
		expect(calls({ times: 2, window: 2 }, "aabaabbaa").filter(Boolean)).toEqual(["steer", "steer", "steer", "steer"]);
	});

	test("says which call it was", () => {
		const handle = watched(loopDetector({ times: 2, killAfter: 3 }));
		const verdicts = [1, 2, 3, 4].map(() => done(handle, "tool", { name: "look" }));
		expect(verdicts).toEqual([
			undefined,
			{ action: "steer", message: '"look" was called 2 times with the same arguments' },
			{ action: "kill", reason: '"look" was called 3 times with the same arguments' },
			verdicts[2],
		]);
		const own = watched(loopDetector({ times: 2, message: "you have that already" }));
		done(own, "tool");
		expect(done(own, "tool")).toEqual({ action: "steer", message: "you have that already" });
	});

	test("compares arguments, not how they were written, and tells tools apart", () => {
		const second = (a: Partial<CriticActivity>, b: Partial<CriticActivity>): string | undefined => {
			const handle = watched(loopDetector({ times: 2 }));
			done(handle, "tool", a);
			return done(handle, "tool", b)?.action;
		};
		expect(second({ input: { a: 1, b: [2] } }, { input: { b: [2], a: 1, c: undefined } })).toBe("steer");
		expect(second({ input: new Uint8Array([1]) }, { input: new Uint8Array([1]) })).toBe("steer");
		expect(second({ input: new Uint8Array([1]) }, { input: { $bytes: "AQ==" } })).toBeUndefined();
		expect(second({ input: [1, 2] }, { input: [2, 1] })).toBeUndefined();
		expect(second({ name: "a", input: 1 }, { name: "b", input: 1 })).toBeUndefined();
		expect(second({ name: 'a" 1', input: 2 }, { name: "a", input: 2 })).toBeUndefined();
	});

	test("looks at tools only, and takes what cannot be compared for something new", () => {
		const handle = watched(loopDetector({ times: 2 }));
		const cycle: Record<string, unknown> = {};
		cycle["self"] = cycle;
		expect([1, 2, 3].map(() => done(handle, "step", { name: "same" }))).toEqual([undefined, undefined, undefined]);
		expect([1, 2, 3].map(() => done(handle, "tool", { input: cycle }))).toEqual([undefined, undefined, undefined]);
		// A call in between ends a row.
		done(handle, "tool", { input: 1 });
		done(handle, "tool", { input: cycle });
		expect(done(handle, "tool", { input: 1 })).toBeUndefined();
	});

	test("leaves time limits as they are, and runs alone (mistake 38)", () => {
		const handle = watched(loopDetector());
		expect(handle.escalate).toBeUndefined();
		expect(handle.hardFactor).toBe(1);
		expect(loopDetector().watch(wholeRun)).toBeNull();
	});

	test.each([
		[{ times: 1 }, "times"],
		[{ times: 3, window: 2 }, "window"],
		[{ times: 3, killAfter: 3 }, "killAfter"],
	])("refuses %o", (options, name) => {
		expect(() => loopDetector(options)).toThrow(
			expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(name) }),
		);
	});
});

describe("several critics", () => {
	/** A critic that always says the same, and how often it was asked for it. */
	function saying(verdict: CriticVerdict, thresholds: Partial<CriticHandle> = {}) {
		const times: number[] = [];
		const critic: CriticPort = {
			watch: () => ({
				...thresholds,
				activity: () => (verdict.action === "continue" ? undefined : verdict),
				escalate: ({ elapsed }) => {
					times.push(elapsed);
					return verdict;
				},
			}),
		};
		return { critic, times };
	}
	const CONTINUE: CriticVerdict = { action: "continue" };
	const EXTEND: CriticVerdict = { action: "extend", by: 7 };
	const STEER: CriticVerdict = { action: "steer", message: "hurry" };
	const KILL: CriticVerdict = { action: "kill", reason: "late" };

	test.each([
		[[CONTINUE, EXTEND], { action: "extend", by: 7 }],
		[[EXTEND, STEER], { action: "steer", message: "hurry", by: 7 }],
		[[STEER, KILL, EXTEND], KILL],
		[[CONTINUE, CONTINUE], CONTINUE],
		[[STEER, { action: "steer", message: "stop" }], { action: "steer", message: "hurry\nstop" }],
	] as const)("the strictest verdict counts: %j", async (verdicts, strictest) => {
		const handle = watched(combineCritics(...verdicts.map((verdict) => saying(verdict).critic)));
		expect(await asked(handle, "deadline")).toEqual(strictest);
		const { by: _, ...told } = { by: 0, ...strictest };
		const acted = watched(combineCritics(...verdicts.map((verdict) => saying(verdict).critic)));
		const { by: __, ...done_ } = { by: 0, ...(done(acted) ?? CONTINUE) };
		expect(done_).toEqual(told);
	});

	test("a kill by one is a kill by all, whatever the others say afterwards (E8)", async () => {
		const handle = watched(combineCritics(loopDetector({ times: 2, killAfter: 3 }), saying(EXTEND).critic));
		for (let i = 0; i < 3; i++) done(handle, "tool");
		expect(await asked(handle, "deadline")).toMatchObject({ action: "kill" });
		expect(done(handle)).toMatchObject({ action: "kill" });
	});

	test("thresholds are the smallest, and the hard limit is the earliest of theirs (mistake 38)", () => {
		const hour = saying(EXTEND, { idleAfter: 500, softAfter: 60, hardFactor: 2 });
		const tenth = saying(EXTEND, { idleAfter: 900, softAfter: 10, hardFactor: 12 });
		const { limit: _, ...unlimited } = attempt;
		expect(watched(combineCritics(hour.critic, tenth.critic), unlimited)).toMatchObject({
			idleAfter: 500,
			softAfter: 10,
			hardFactor: 12,
		});
		// Their own limit is later than what both mind: it is what the factors are about.
		expect(watched(combineCritics(hour.critic, tenth.critic))).toMatchObject({ softAfter: 10, hardFactor: 2 });
		expect(watched(combineCritics(loopDetector(), tenth.critic), unlimited)).toMatchObject({
			softAfter: 10,
			hardFactor: 12,
		});
		expect(watched(combineCritics(idleCritic(), loopDetector()))).toMatchObject({ softAfter: 60_000, hardFactor: 2 });
		const plain = watched(combineCritics(loopDetector(), loopDetector({ window: 9 })));
		expect(plain.escalate).toBeUndefined();
	});

	test("each is asked at its own soft limit", async () => {
		const early = saying({ action: "extend", by: 30 }, { softAfter: 10 });
		const late = saying(CONTINUE, { softAfter: 60 });
		const handle = watched(combineCritics(early.critic, late.critic));
		expect(await asked(handle, "deadline", 10)).toEqual({ action: "extend", by: 30 });
		expect(await asked(handle, "deadline", 40)).toEqual({ action: "extend", by: 20 });
		expect(await asked(handle, "deadline", 60)).toEqual({ action: "extend", by: 10 });
		expect([early.times, late.times]).toEqual([[10, 40], [60]]);
	});

	test("each is asked after the idleness that it minds, and anew after activity", async () => {
		const patient = saying(KILL, { idleAfter: 50 });
		const quick = saying(STEER, { idleAfter: 10 });
		const handle = watched(
			combineCritics(quick.critic, {
				watch: (s) => ({ ...patient.critic.watch(s), activity: () => undefined }) as CriticHandle,
			}),
		);
		expect(await asked(handle, "idle", 10, 10)).toEqual({ ...STEER, by: 40 });
		expect(patient.times).toEqual([]);
		done(handle);
		expect(await asked(handle, "idle", 30, 10)).toEqual({ ...STEER, by: 40 });
		expect(await asked(handle, "idle", 70, 50)).toEqual(KILL);
		expect(patient.times).toEqual([70]);
		// Somebody has answered it: it has done nothing, and is idle anew.
		const waited = watched(combineCritics(quick.critic, saying(KILL, { idleAfter: 50 }).critic));
		expect(await asked(waited, "idle", 10, 10)).toEqual({ ...STEER, by: 40 });
		expect(await asked(waited, "idle", 30, 20)).toEqual({ action: "extend", by: 30 });
		expect(await asked(waited, "idle", 95, 10)).toEqual({ ...STEER, by: 40 });
	});

	test("nobody watches when none does, and one alone is itself", () => {
		expect(combineCritics().watch(attempt)).toBeNull();
		expect(combineCritics({ watch: () => null }, loopDetector()).watch(wholeRun)).toBeNull();
		const handle = combineCritics({ watch: () => null }, loopDetector()).watch(attempt);
		expect(handle?.escalate).toBeUndefined();
	});

	test("all are told of every activity and of the end", () => {
		let ends = 0;
		const silent: CriticPort = { watch: () => ({ end: () => ends++ }) };
		const handle = watched(combineCritics(idleCritic({ steps: 0 }), silent, idleCritic({ steps: 1 })));
		expect([done(handle)?.action, done(handle)?.action]).toEqual(["steer", "kill"]);
		handle.end?.();
		expect(ends).toBe(1);
	});

	test("one that fails is the failure of all", async () => {
		const failing: CriticPort = { watch: () => ({ escalate: () => Promise.reject(new Error("down")) }) };
		const handle = watched(combineCritics(failing, idleCritic()));
		await expect(asked(handle, "deadline")).rejects.toThrow("down");
	});
});
