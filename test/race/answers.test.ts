import { type AgentContext, defineAgent, type RunHandle, type StandardSchema, type VirtualClock } from "dagswarm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Lives } from "../durability/fixture.js";
import { rest } from "../swarm/fixture.js";

const QUESTIONS = 3;
const TIMEOUT_MS = 60_000;

/** Even numbers; it takes a moment to know. */
const even: StandardSchema<number, { half: number }> = {
	"~standard": {
		version: 1,
		vendor: "x",
		validate: async (value) => {
			await new Promise<void>((resolve) => setImmediate(resolve));
			return typeof value === "number" && value % 2 === 0
				? { value: { half: value / 2 } }
				: { issues: [{ message: "is odd" }] };
		},
	},
};

/** What came of a question, as the agent was told. */
interface Heard {
	readonly by?: string;
	readonly code?: string;
	readonly data?: unknown;
}

async function ask(ctx: AgentContext, i: number, kind: Kind): Promise<Heard> {
	const common = { reason: `question ${i}`, name: `q${i}`, timeout: TIMEOUT_MS };
	try {
		if (kind === "choices") return await ctx.requestApproval({ ...common, choices: ["0", "2"] });
		if (kind === "schema") return await ctx.requestApproval({ ...common, schema: even });
		return await ctx.requestApproval({ ...common, schema: even, onTimeout: "approve", default: 8 });
	} catch (error) {
		const { code, message } = error as { code: string; message: string };
		if (code !== "REJECTED" && code !== "TIMEOUT") throw error;
		return { code, ...(code === "REJECTED" && { by: / by (\w+)/.exec(message)?.[1] ?? "" }) };
	}
}

type Kind = "choices" | "schema" | "default";

type Move =
	| { readonly do: "approve" | "reject"; readonly to: number; readonly data: number; readonly named: boolean }
	| { readonly do: "time"; readonly ms: number }
	| { readonly do: "turn" | "rest" | "pause" | "resume" | "restart" };

const moves: fc.Arbitrary<Move> = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.record({
			do: fc.constantFrom("approve" as const, "approve" as const, "approve" as const, "reject" as const),
			to: fc.nat(QUESTIONS - 1),
			data: fc.nat(3),
			named: fc.constantFrom(true, true, false),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ do: fc.constant("time" as const), ms: fc.constantFrom(1, 30_000, TIMEOUT_MS) }) },
	{
		weight: 4,
		arbitrary: fc.record({
			do: fc.constantFrom(
				"turn" as const,
				"rest" as const,
				"rest" as const,
				"pause" as const,
				"resume" as const,
				"restart" as const,
			),
		}),
	},
);

/** An answer that somebody has given. */
interface Given {
	readonly by: string;
	/** The question that it was meant for; undefined for whichever is there. */
	readonly to: number | undefined;
	readonly fits: boolean;
	/** Undefined while nobody knows, and for ever when the process died before it was told. */
	outcome: "taken" | "refused" | undefined;
	code?: string;
}

class Race {
	readonly given: Given[] = [];
	readonly #lives: Lives;
	#run: RunHandle;
	#clock: VirtualClock;

	constructor(private readonly kinds: readonly Kind[]) {
		const agent = defineAgent({
			name: "agent",
			run: async (_: unknown, ctx) => {
				const heard: Heard[] = [];
				for (const [i, kind] of kinds.entries()) heard.push(await ask(ctx, i, kind));
				return heard;
			},
		});
		this.#lives = new Lives([agent]);
		const { swarm, clock } = this.#lives.next();
		this.#clock = clock;
		this.#run = swarm.start({ nodes: [{ id: "a", agent: "agent" }] }, { runId: "r" });
	}

	async make(move: Move): Promise<void> {
		switch (move.do) {
			case "approve":
			case "reject":
				return this.#answer(move);
			case "time":
				this.#clock.advance(move.ms);
				return;
			case "turn":
				return new Promise((resolve) => setImmediate(resolve));
			case "rest":
				return rest();
			case "restart": {
				if (this.#hasEnded) return;
				const { run, clock } = await this.#lives.recover("r");
				this.#run = run;
				this.#clock = clock;
				return;
			}
			default:
				void this.#run[move.do]().catch(() => {});
		}
	}

	get #hasEnded(): boolean {
		const { status } = this.#run.snapshot();
		return status === "completed" || status === "failed";
	}

	#answer({ do: how, to, data: number, named }: Extract<Move, { do: "approve" | "reject" }>): void {
		const by = `p${this.given.length}`;
		const data = this.kinds[to] === "choices" ? `${number}` : number;
		const given: Given = {
			by,
			to: named ? to : undefined,
			fits: how === "reject" || number % 2 === 0,
			outcome: undefined,
		};
		this.given.push(given);
		const name = named ? { name: `q${to}` } : {};
		const told =
			how === "approve" ? this.#run.approve("a", { by, data, ...name }) : this.#run.reject("a", { by, ...name });
		told.then(
			() => {
				given.outcome = "taken";
			},
			(error) => {
				given.outcome = "refused";
				given.code = error.code;
			},
		);
	}

	/** Lets it come to its end. @returns nothing where a third crash was the end of it */
	async end(): Promise<readonly Heard[] | undefined> {
		await rest();
		await this.#run.resume().catch(() => {});
		for (let turns = 0; turns < 50; turns++) {
			await rest();
			if (this.#hasEnded) {
				const { outputs, failures } = await this.#run.result();
				if (failures[0]?.code !== "CRASHED") expect(failures).toEqual([]);
				return outputs["a"] as Heard[] | undefined;
			}
			this.#clock.advance(TIMEOUT_MS);
		}
		throw new Error(`it hangs: ${JSON.stringify(this.#run.waiting())}`);
	}
}

describe("answers, time-outs, pauses and restarts in any order", () => {
	test("the agent hears the first fitting answer that was taken, and nothing else", async () => {
		const kinds = fc.array(fc.constantFrom<Kind>("choices", "schema", "default"), {
			minLength: QUESTIONS,
			maxLength: QUESTIONS,
		});
		const property = fc.asyncProperty(kinds, fc.array(moves, { maxLength: 25 }), async (asked, steps) => {
			const race = new Race(asked);
			for (const step of steps) await race.make(step);
			const heard = await race.end();
			if (heard === undefined) return;
			expect(heard).toHaveLength(QUESTIONS);
			for (const { outcome, code } of race.given)
				if (outcome === "refused") expect(["ILLEGAL_STATE", "INVALID_INPUT", "RUN_ENDED"]).toContain(code);
			for (const [i, { by, code, data }] of heard.entries()) {
				const answer = race.given.find((given) => given.by === by);
				// It was not refused, and was meant for this question.
				if (by !== undefined) {
					expect(answer?.outcome).not.toBe("refused");
					expect(answer?.to ?? i).toBe(i);
				} else if (code === undefined) expect(data).toEqual({ half: 4 });
				if (asked[i] === "choices" && code === undefined) expect(["0", "2"]).toContain(data);
				// Nobody else was told that theirs was taken, unless it did not fit and was asked for again.
				for (const other of race.given)
					if (other.to === i && other.outcome === "taken" && other.fits) expect(by).toBe(other.by);
			}
			// Whoever was told that it was taken was heard.
			const voices = heard.flatMap(({ by }) => by ?? []);
			expect(new Set(voices).size).toBe(voices.length);
		});
		await fc.assert(property, { seed: 20_260, numRuns: 150, endOnFailure: false });
	});
});
