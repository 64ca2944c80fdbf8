import assert from "node:assert/strict";
import type {
	CriticActivity,
	CriticEscalation,
	CriticHandle,
	CriticPort,
	CriticSubject,
	CriticVerdict,
} from "../../ports/critic.js";
import type { PortAnswer } from "../../ports/port.js";
import { attemptOf, runOf } from "./port-samples.js";

/** Makes a critic. */
export type MakeCritic = () => PortAnswer<CriticPort>;

const LIMIT = 60_000;

/** Who is watched: attempts and a run, with a time limit and without. */
function subjects(run: string): readonly CriticSubject[] {
	const info = runOf(run);
	return [
		{ run: info, startedAt: 1_000, limit: LIMIT },
		{ run: info, attempt: attemptOf("n"), startedAt: 1_000, limit: LIMIT },
		{ run: info, attempt: attemptOf("m"), startedAt: 1_000 },
	];
}

/** What may happen to a subject, as a script. */
type Happening =
	| { readonly does: CriticActivity["kind"]; readonly input?: unknown }
	| { readonly cause: CriticEscalation["cause"] };

/** Busy, silent, late, and in a loop: enough for any critic to make up its mind. */
const LIFE: readonly Happening[] = [
	{ does: "step" },
	{ does: "tool", input: { q: 1 } },
	{ cause: "deadline" },
	...Array.from({ length: 40 }, (): Happening => ({ does: "tool", input: { q: 2, of: ["same"] } })),
	{ cause: "idle" },
	...Array.from({ length: 40 }, (): Happening => ({ does: "step" })),
	{ cause: "idle" },
	{ cause: "deadline" },
	...Array.from({ length: 40 }, (): Happening => ({ does: "usage" })),
	{ does: "output" },
	{ cause: "deadline" },
	{ cause: "idle" },
	{ cause: "idle" },
	{ cause: "deadline" },
];

/** Plays a script to a handle, one happening at a time. */
class Play {
	readonly verdicts: (CriticVerdict | undefined)[] = [];
	readonly #handle: CriticHandle;
	#at = 1_000;
	#before = 0;

	constructor(handle: CriticHandle) {
		this.#handle = handle;
	}

	async step(happening: Happening): Promise<void> {
		this.#at += 1_000;
		this.verdicts.push(await this.#verdict(happening));
	}

	async #verdict(happening: Happening): Promise<CriticVerdict | undefined> {
		if ("does" in happening) {
			const { does: kind, input } = happening;
			const activity: CriticActivity = { kind, at: this.#at, node: "n", name: "look" };
			return this.#handle.activity?.(input === undefined ? activity : { ...activity, input });
		}
		const { cause } = happening;
		return await this.#handle.escalate?.({ cause, elapsed: this.#at - 1_000, idle: 500, before: this.#before++ });
	}
}

async function verdictsOf(handle: CriticHandle): Promise<readonly (CriticVerdict | undefined)[]> {
	const play = new Play(handle);
	for (const happening of LIFE) await play.step(happening);
	return play.verdicts;
}

/** Handles of a fresh critic for whomever it watches of {@link subjects}. */
async function handles(make: MakeCritic): Promise<readonly CriticHandle[]> {
	const critic = await make();
	const watched = subjects("r").map((subject) => critic.watch(subject));
	return watched.filter((handle) => handle !== null);
}

function isAbove(value: unknown, least: number): boolean {
	return typeof value === "number" && value >= least && value < Number.POSITIVE_INFINITY;
}

/** What {@link CriticPort} promises. */
export const critics: Readonly<Record<string, (make: MakeCritic) => Promise<void>>> = {
	"gives null, or a handle with thresholds in their ranges": async (make) => {
		const critic = await make();
		for (const subject of subjects("r")) {
			const handle = critic.watch(subject);
			if (handle === null) continue;
			const { idleAfter = 1, softAfter = 1, hardFactor = 1 } = handle;
			assert.ok(isAbove(idleAfter, 1), `idleAfter is ${idleAfter}`);
			assert.ok(isAbove(softAfter, 1), `softAfter is ${softAfter}`);
			assert.ok(isAbove(hardFactor, 1), `hardFactor is ${hardFactor}: no hard limit comes before the soft one`);
		}
	},

	"gives verdicts that can be carried out": async (make) => {
		for (const handle of await handles(make)) {
			for (const verdict of await verdictsOf(handle)) {
				switch (verdict?.action) {
					case undefined:
					case "continue":
						break;
					case "extend":
						assert.ok(isAbove(verdict.by, 1), `an extension is by ${verdict.by}`);
						break;
					case "steer":
						assert.ok(verdict.message.length > 0, "a message says something");
						assert.ok(isAbove(verdict.by ?? 1, 1), `it is asked again after ${verdict.by}`);
						break;
					case "kill":
						assert.ok(verdict.reason.length > 0, "a kill has a reason");
						break;
					default:
						assert.fail(`there is no such verdict: ${JSON.stringify(verdict)}`);
				}
			}
		}
	},

	"changes its mind about nobody whom it has killed": async (make) => {
		for (const handle of await handles(make)) {
			const verdicts = await verdictsOf(handle);
			const killed = verdicts.findIndex((verdict) => verdict?.action === "kill");
			const after = killed < 0 ? [] : verdicts.slice(killed).filter((verdict) => verdict !== undefined);
			assert.deepEqual([...new Set(after.map(({ action }) => action))], killed < 0 ? [] : ["kill"]);
		}
	},

	"judges each subject by itself, whatever others have done before": async (make) => {
		const critic = await make();
		const alone = await Promise.all((await handles(make)).map(verdictsOf));
		for (const run of ["before", "r"]) {
			const watched = subjects(run).map((subject) => critic.watch(subject));
			const verdicts: (readonly (CriticVerdict | undefined)[])[] = [];
			for (const handle of watched) if (handle !== null) verdicts.push(await verdictsOf(handle));
			assert.deepEqual(verdicts, alone, `run "${run}" is judged as it would be alone`);
		}
	},

	"judges each subject by itself, whatever others do meanwhile": async (make) => {
		const alone = await Promise.all((await handles(make)).map(verdictsOf));
		const critic = await make();
		const watched = ["a", "b"].flatMap((run) => subjects(run).map((subject) => critic.watch(subject)));
		const plays = watched.filter((handle) => handle !== null).map((handle) => new Play(handle));
		for (const happening of LIFE) for (const play of plays) await play.step(happening);
		assert.deepEqual(
			plays.map(({ verdicts }) => verdicts),
			[...alone, ...alone],
		);
	},

	"takes whatever an agent calls a tool with": async (make) => {
		const cycle: Record<string, unknown> = {};
		cycle["self"] = cycle;
		const trap = Object.defineProperty({}, "x", {
			enumerable: true,
			get() {
				throw new Error("a getter that throws");
			},
		});
		for (const handle of await handles(make)) {
			for (const input of [undefined, null, cycle, trap, 1n, () => 1, Symbol("s"), Number.NaN, new Date(0)]) {
				for (let times = 0; times < 3; times++)
					handle.activity?.({ kind: "tool", at: 2_000, node: "n", name: "look", input });
			}
			handle.activity?.({ kind: "tool", at: 2_000, node: "n" });
		}
	},

	"lets go of one subject without losing the others": async (make) => {
		const alone = await Promise.all((await handles(make)).map(verdictsOf));
		const critic = await make();
		for (const subject of subjects("gone")) {
			const handle = critic.watch(subject);
			handle?.activity?.({ kind: "step", at: 2_000, node: "n" });
		}
		const kept = subjects("r").map((subject) => critic.watch(subject));
		for (const subject of subjects("ended")) critic.watch(subject)?.end?.();
		const verdicts: (readonly (CriticVerdict | undefined)[])[] = [];
		for (const handle of kept) if (handle !== null) verdicts.push(await verdictsOf(handle));
		assert.deepEqual(verdicts, alone);
	},
};
