import { setTimeout as wait } from "node:timers/promises";
import type { Usage } from "dagswarm";
import { answerTo, type Question } from "./answers.ts";

/** A model by its name, with what it costs. */
const MODELS = {
	large: { inputPrice: 3, outputPrice: 15, tokensPerSecond: 120 },
	small: { inputPrice: 0.5, outputPrice: 2.5, tokensPerSecond: 300 },
} as const;

export type ModelName = keyof typeof MODELS;

/** What comes of a call, piece by piece; the usage last, as providers do it. */
export type Piece =
	| { readonly type: "text"; readonly text: string }
	| { readonly type: "usage"; readonly usage: Usage };

/** What a provider answers in place of text. */
export class ModelError extends Error {
	override readonly name = "ModelError";
	readonly status: number;
	/** When to ask again, in milliseconds. */
	readonly retryAfter: number;

	constructor(status: number, retryAfter: number) {
		super(`the model answered with status ${status}`);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

/** How a fake model behaves. */
export interface ModelOptions {
	/** The same seed gives the same latencies and refusals for the same questions. */
	readonly seed: number;
	/** How many times faster than life. */
	readonly speed: number;
	/** The share of calls that are refused with status 429, 0 to 1. */
	readonly refused: number;
}

/** About so many characters are a token, and so many tokens come in a piece. */
const CHARACTERS = 4;
const TOKENS = 6;
/** Instructions that go with every question. */
const SYSTEM_TOKENS = 350;

/** Stands in for a provider of language models: nothing leaves the process, and nothing is learned. */
export class FakeModel {
	readonly #options: ModelOptions;
	/** How often each question came: another try has another fate. */
	readonly #asked = new Map<string, number>();

	constructor(options: ModelOptions) {
		this.#options = options;
	}

	/**
	 * Answers a question in a stream.
	 *
	 * @throws ModelError now and then
	 */
	async *stream(name: ModelName, question: Question, signal: AbortSignal): AsyncGenerator<Piece> {
		const prompt = JSON.stringify(question);
		const tries = this.#asked.get(prompt) ?? 0;
		this.#asked.set(prompt, tries + 1);
		const random = randomFrom(`${this.#options.seed} ${tries} ${prompt}`);
		await this.#pause(250 + 650 * random(), signal);
		if (random() < this.#options.refused)
			throw new ModelError(429, Math.ceil((400 + 800 * random()) / this.#options.speed));
		const { inputPrice, outputPrice, tokensPerSecond } = MODELS[name];
		const text = answerTo(question);
		for (let at = 0; at < text.length; at += TOKENS * CHARACTERS) {
			yield { type: "text", text: text.slice(at, at + TOKENS * CHARACTERS) };
			await this.#pause((1_000 * TOKENS) / tokensPerSecond, signal);
		}
		const inputTokens = SYSTEM_TOKENS + Math.ceil(prompt.length / CHARACTERS);
		const outputTokens = Math.ceil(text.length / CHARACTERS);
		const cost = (inputTokens * inputPrice + outputTokens * outputPrice) / 1_000_000;
		yield { type: "usage", usage: { inputTokens, outputTokens, cost } };
	}

	async #pause(ms: number, signal: AbortSignal): Promise<void> {
		await wait(ms / this.#options.speed, undefined, { signal });
	}
}

/** Numbers from 0 to below 1 that follow from a text: FNV-1a for the start, then mulberry32. */
function randomFrom(text: string): () => number {
	let state = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
	};
}
