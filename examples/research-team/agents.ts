import { type AgentContext, type AnyAgent, artifact, defineAgent, RetryableError, result } from "dagswarm";
import type { Question } from "./answers.ts";
import { type Angle, corpus, type Fact } from "./corpus.ts";
import { type FakeModel, ModelError, type ModelName } from "./model.ts";

/** What a searcher brings back. */
export interface Findings {
	readonly angle: Angle;
	readonly facts: readonly Fact[];
}

/** What a writer hands over. */
export interface Draft {
	readonly report: string;
	readonly facts: readonly Fact[];
}

/** What another draft starts from. */
interface Revision {
	/** What the draft before it knew. */
	readonly facts: readonly Fact[];
	/** What the critic said of it. */
	readonly remarks: string;
}

/** A searcher that has found nothing more after so many queries gives up. */
const MOST_QUERIES = 6;
/** A report is sent back once; then a person decides. */
const MOST_ROUNDS = 2;

/** What holds for every agent that asks the model. */
const asking = {
	limits: ["model"],
	retry: { maxAttempts: 5, delay: 20, factor: 2, jitter: 0.5 },
	fallback: { model: "small" },
} as const;

/** The agents of the team: all of them ask the same model. */
export function agentsOf(model: FakeModel): readonly AnyAgent[] {
	/** Asks the model, shows what comes as it comes, says what it cost, and makes its refusals worth another attempt. */
	async function ask(question: Question, ctx: AgentContext): Promise<string> {
		const name: ModelName = ctx.budget.model === "small" ? "small" : "large";
		let text = "";
		try {
			for await (const piece of model.stream(name, question, ctx.signal)) {
				// Beside what is paid for, whatever else is worth counting.
				if (piece.type === "usage") ctx.usage({ ...piece.usage, [`${name}Calls`]: 1 });
				else {
					text += piece.text;
					ctx.emit(piece.text);
				}
			}
		} catch (error) {
			if (!(error instanceof ModelError)) throw error;
			throw new RetryableError(error.message, { retryAfter: error.retryAfter, cause: error });
		}
		return text;
	}

	const planner = defineAgent({
		...asking,
		name: "planner",
		estimate: { inputTokens: 400, outputTokens: 40, cost: 0.002 },
		run: async ({ topic, missing }: { topic: string; missing?: readonly Angle[] }, ctx) => {
			// After a review it is known what to search for.
			const angles = missing ?? (JSON.parse(await ask({ part: "planner", topic }, ctx)) as Angle[]);
			// Whoever waits for the plan waits for what is searched for.
			return result(
				{ angles },
				{
					expand: true,
					nodes: angles.map((angle) => ({ id: `search-${angle}`, agent: "searcher", input: { angle } })),
				},
			);
		},
	});

	const lookUp = defineAgent({
		name: "look-up",
		run: ({ query }: { query: string }) => corpus.filter(({ angle, keyword }) => query === `${angle} ${keyword}`),
	});

	const searcher = defineAgent({
		...asking,
		name: "searcher",
		estimate: { inputTokens: 1_800, outputTokens: 60, cost: 0.007 },
		run: async ({ angle }: { angle: Angle }, ctx): Promise<Findings> => {
			const facts: Fact[] = [];
			const queries: string[] = [];
			const messages: string[] = [];
			for (let turn = 1; turn <= MOST_QUERIES; turn++) {
				for (const message of ctx.inbox()) messages.push(String(message));
				// A step that is done is not paid for again when the model refuses a later one.
				const said = await ctx.step(`turn ${turn}`, () =>
					ask({ part: "searcher", angle, queries, facts, messages }, ctx),
				);
				const { query } = JSON.parse(said) as { query?: string };
				if (query === undefined) break;
				queries.push(query);
				for (const fact of await ctx.call(lookUp, { query }))
					if (!facts.some(({ id }) => id === fact.id)) facts.push(fact);
			}
			return { angle, facts };
		},
	});

	const writer = defineAgent({
		...asking,
		name: "writer",
		// Behind the planner: as many searchers as it has planned.
		dependsOn: { research: { agent: searcher, many: true } },
		estimate: { inputTokens: 1_100, outputTokens: 600, cost: 0.013 },
		run: async ({ topic, revised }: { topic: string; revised?: Revision }, ctx): Promise<Draft> => {
			const { facts: known = [], remarks = "" } = revised ?? {};
			const facts = [...known, ...Object.values(ctx.deps.research).flatMap((findings) => findings.facts)];
			return { report: await ask({ part: "writer", topic, facts, remarks }, ctx), facts };
		},
	});

	const critic = defineAgent({
		...asking,
		name: "critic",
		dependsOn: { draft: writer },
		estimate: { inputTokens: 1_100, outputTokens: 30, cost: 0.004 },
		run: async ({ topic, round }: { topic: string; round: number }, ctx) => {
			const { draft } = ctx.deps;
			const judgement = JSON.parse(await ask({ part: "critic", report: draft.report }, ctx)) as Judgement;
			if (judgement.verdict === "accept" || round >= MOST_ROUNDS) return draft;
			return result(draft, { expand: true, nodes: anotherRound(topic, round + 1, draft, judgement) });
		},
	});

	const publisher = defineAgent({
		name: "publisher",
		dependsOn: { draft: critic },
		run: async ({ topic }: { topic: string }, ctx) => {
			const { report } = ctx.deps.draft;
			const { by = "somebody", data } = await ctx.requestApproval({
				reason: `publish "${topic}"?`,
				data: { report },
				choices: ["publish", "publish as draft"],
				timeout: "1h",
			});
			const text = data === "publish as draft" ? report.replace("\n", "\n\n**Draft.**\n") : report;
			return artifact({
				name: "report.md",
				contentType: "text/markdown",
				content: `${text}\n\n*Approved by ${by}.*\n`,
			});
		},
	});

	return [planner, searcher, lookUp, writer, critic, publisher];
}

/** What the critic says of a report. */
interface Judgement {
	readonly verdict: "accept" | "revise";
	readonly missing: readonly Angle[];
	readonly remarks: string;
}

/** What a report that is sent back still needs: more facts, another draft, another look. */
function anotherRound(topic: string, round: number, { facts }: Draft, { missing, remarks }: Judgement) {
	const [plan, write] = [`plan-${round}`, `write-${round}`];
	const revised: Revision = { facts, remarks };
	return [
		{ id: plan, agent: "planner", input: { topic, missing } },
		{ id: write, agent: "writer", input: { topic, revised }, dependsOn: { research: plan } },
		{ id: `review-${round}`, agent: "critic", input: { topic, round }, dependsOn: { draft: write } },
	];
}
