import { type Angle, angles, corpus, type Fact } from "./corpus.ts";

/** What a model is asked, by the part that it plays. */
export type Question =
	| { readonly part: "planner"; readonly topic: string }
	| {
			readonly part: "searcher";
			readonly angle: Angle;
			/** What was looked up so far, and what came of it. */
			readonly queries: readonly string[];
			readonly facts: readonly Fact[];
			/** What it was told meanwhile. */
			readonly messages: readonly string[];
	  }
	| { readonly part: "writer"; readonly topic: string; readonly facts: readonly Fact[]; readonly remarks: string }
	| { readonly part: "critic"; readonly report: string };

/**
 * What the fake model says: text, as from a real one, which agents have to parse. It makes the mistakes that the example is
 * about: the planner forgets an angle, and one searcher asks the same again and again until it is told.
 */
export function answerTo(question: Question): string {
	switch (question.part) {
		case "planner":
			return JSON.stringify(angles.filter((angle) => angle !== "law"));
		case "searcher":
			return JSON.stringify(nextQuery(question));
		case "writer":
			return report(question);
		case "critic":
			return JSON.stringify(judgement(question.report));
	}
}

function nextQuery({ angle, queries, facts, messages }: Extract<Question, { part: "searcher" }>): object {
	const open = corpus.filter((fact) => fact.angle === angle && !facts.some(({ id }) => id === fact.id));
	const [next] = open;
	if (next === undefined) return { done: true };
	const stuck = angle === "harvest" && facts.length > 0 && messages.length === 0;
	return { query: stuck ? queries.at(-1) : `${angle} ${next.keyword}` };
}

function report({ topic, facts, remarks }: Extract<Question, { part: "writer" }>): string {
	const numbers = new Map(facts.map(({ id }, i) => [id, i + 1]));
	const sections = angles.flatMap((angle) => {
		const said = facts.filter((fact) => fact.angle === angle);
		if (said.length === 0) return [];
		const title = `${angle.charAt(0).toUpperCase()}${angle.slice(1)}`;
		return [`## ${title}\n\n${said.map(({ id, text }) => `${text} [${numbers.get(id)}]`).join(" ")}`];
	});
	const sources = facts.map(({ id, source }) => `${numbers.get(id)}. ${source}`);
	const revised = remarks === "" ? "" : "\n\n*Revised after review.*";
	return [`# ${topic}${revised}`, ...sections, `## Sources\n\n${sources.join("\n")}`].join("\n\n");
}

function judgement(text: string): object {
	const missing = angles.filter((angle) => !new RegExp(`^## ${angle}$`, "im").test(text));
	return missing.length === 0
		? { verdict: "accept", missing, remarks: "" }
		: { verdict: "revise", missing, remarks: `says nothing about ${missing.join(" and ")}` };
}
