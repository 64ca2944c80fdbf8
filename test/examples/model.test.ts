import { describe, expect, test } from "vitest";
import { answerTo, type Question } from "../../examples/research-team/answers.ts";
import { angles, corpus } from "../../examples/research-team/corpus.ts";
import { FakeModel, ModelError, type ModelName, type Piece } from "../../examples/research-team/model.ts";

const FAST = { seed: 1, speed: 100_000, refused: 0 };
const never = new AbortController().signal;

async function piecesOf(model: FakeModel, question: Question, name: ModelName = "large"): Promise<Piece[]> {
	const pieces: Piece[] = [];
	for await (const piece of model.stream(name, question, never)) pieces.push(piece);
	return pieces;
}

describe("the fake model", () => {
	const question: Question = { part: "writer", topic: "Bees", facts: corpus.slice(0, 3), remarks: "" };

	test("streams what it has to say, and says last what it has used", async () => {
		const pieces = await piecesOf(new FakeModel(FAST), question);
		const text = pieces.map((piece) => (piece.type === "text" ? piece.text : "")).join("");
		expect(text).toBe(answerTo(question));
		expect(pieces.length).toBeGreaterThan(10);
		expect(pieces.map(({ type }) => type).lastIndexOf("text")).toBe(pieces.length - 2);
		const last = pieces.at(-1);
		expect(last?.type === "usage" && last.usage.outputTokens).toBe(Math.ceil(text.length / 4));
	});

	test("costs less where it is small", async () => {
		const cost = async (name: ModelName): Promise<number> => {
			const last = (await piecesOf(new FakeModel(FAST), question, name)).at(-1);
			return last?.type === "usage" ? (last.usage.cost ?? 0) : Number.NaN;
		};
		expect(await cost("small")).toBeLessThan((await cost("large")) / 5);
	});

	test("is busy for the same questions under the same seed, and not for ever", async () => {
		const fate = async (seed: number): Promise<string[]> => {
			const model = new FakeModel({ ...FAST, seed, refused: 0.5 });
			const fates: string[] = [];
			for (let i = 0; i < 12; i++)
				fates.push(
					await piecesOf(model, { part: "planner", topic: "Bees" }).then(
						() => "said",
						(error: unknown) => (error as Error).message,
					),
				);
			return fates;
		};
		const fates = await fate(7);
		expect(new Set(fates)).toEqual(new Set(["said", "the model answered with status 429"]));
		expect(await fate(7)).toEqual(fates);
		expect(await fate(8)).not.toEqual(fates);
	});

	test("says when to ask again", async () => {
		const model = new FakeModel({ ...FAST, speed: 1_000, refused: 1 });
		const error: unknown = await piecesOf(model, question).catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(ModelError);
		expect((error as ModelError).retryAfter).toBeGreaterThanOrEqual(1);
	});

	test("stops when nobody waits for it any more", async () => {
		const model = new FakeModel({ ...FAST, speed: 0.001 });
		const stop = new AbortController();
		const answer = model.stream("large", question, stop.signal).next();
		stop.abort();
		await expect(answer).rejects.toMatchObject({ name: "AbortError" });
	});
});

describe("what it says", () => {
	const read = (question: Question): unknown => JSON.parse(answerTo(question));

	test("of a plan leaves one angle out, which the critic misses", () => {
		const planned = read({ part: "planner", topic: "Bees" }) as string[];
		expect(planned).toEqual(["history", "harvest", "health", "neighbours"]);
		const facts = corpus.filter(({ angle }) => planned.includes(angle));
		const draft = answerTo({ part: "writer", topic: "Bees", facts, remarks: "" });
		expect(read({ part: "critic", report: draft })).toMatchObject({ verdict: "revise", missing: ["law"] });
		const whole = answerTo({ part: "writer", topic: "Bees", facts: corpus, remarks: "the law" });
		expect(read({ part: "critic", report: whole })).toMatchObject({ verdict: "accept", missing: [] });
	});

	test("of a search leads to every fact of an angle, one after the other", () => {
		for (const angle of angles) {
			const found = corpus.slice(0, 0);
			const facts = [...found];
			const queries: string[] = [];
			// The one that is stuck has been told.
			const messages = ["ask something else"];
			for (let turn = 0; turn < 5; turn++) {
				const { query } = read({ part: "searcher", angle, queries, facts, messages }) as { query?: string };
				if (query === undefined) break;
				queries.push(query);
				facts.push(...corpus.filter((fact) => `${fact.angle} ${fact.keyword}` === query));
			}
			expect(facts).toEqual(corpus.filter((fact) => fact.angle === angle));
		}
	});

	test("of one search is the same query again and again, until it is told", () => {
		const facts = corpus.filter(({ id }) => id === "F3");
		const asked = { part: "searcher", angle: "harvest", queries: ["harvest yield"], facts } as const;
		expect(read({ ...asked, messages: [] })).toEqual({ query: "harvest yield" });
		expect(read({ ...asked, messages: ["you repeat yourself"] })).toEqual({ query: "harvest lime trees" });
	});

	test("of a report numbers its sources", () => {
		const text = answerTo({ part: "writer", topic: "Bees", facts: corpus.slice(0, 2), remarks: "" });
		expect(text).toMatch(/^# Bees\n\n## History\n\n.*\[1\] .*\[2\]\n\n## Sources\n\n1\. .*\n2\. /);
	});
});
