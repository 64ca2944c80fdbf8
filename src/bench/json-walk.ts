import { type ParsedTokenInfo, Tokenizer, TokenType } from "@streamparser/json";
import { SwarmError } from "../core/errors.js";
import { invalid } from "./workflow.js";

/**
 * Which parts of a JSON document are wanted: a value as it is, an object with some of its members, or
 * the items of a list. All else is checked to be JSON and forgotten.
 */
export type Shape = "value" | ObjectShape | ListShape;

export interface ObjectShape {
	readonly members: ReadonlyMap<string, Shape>;
}

export interface ListShape {
	readonly items: Shape;
	/** Takes each item as soon as it is complete; without it they are collected. */
	readonly each?: (item: unknown, index: number) => void;
}

/** A string or a number may not be longer, in bytes. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_DEPTH = 256;

/** What may come next. */
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const COLON = 4;
const COMMA_OR_END = 5;

interface Frame {
	readonly list: boolean;
	readonly shape: Shape | undefined;
	/** What is kept of it. */
	readonly value: Record<string, unknown> | unknown[];
	key: string | number;
	next: number;
}

/**
 * Reads a JSON document chunk by chunk and keeps what a shape asks for. Where something else stands than the
 * shape expects, that is what is kept: an empty object or list in place of a value, a value in place
 * of an object.
 */
export class JsonWalk {
	/** What was kept of the document, once it is complete. */
	root: unknown;
	readonly #shape: Shape;
	readonly #frames: Frame[] = [];
	/** The innermost of the frames. */
	#frame: Frame | undefined;
	readonly #tokenizer = new Tokenizer();
	#done = false;
	#bytes = 0;
	#lastToken = 0;

	constructor(shape: Shape) {
		this.#shape = shape;
		this.#tokenizer.onToken = (token) => this.#token(token);
	}

	/** @throws SwarmError `INVALID_WORKFLOW` at the first thing that is no JSON */
	write(chunk: Uint8Array | string): void {
		this.#guard(() => this.#tokenizer.write(chunk));
		this.#bytes += chunk.length;
		if (this.#bytes - this.#lastToken > MOST_BYTES + chunk.length) throw this.#error("a value is too long");
	}

	/** @throws SwarmError `INVALID_WORKFLOW` when the document is not complete */
	end(): void {
		this.#guard(() => {
			if (!this.#tokenizer.isEnded) this.#tokenizer.end();
		});
		if (!this.#done) throw this.#error("the file breaks off");
	}

	/** Where the reader is, as a JSON Pointer (RFC 6901). */
	get path(): string {
		return this.#frames.map(({ key }) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
	}

	#guard(step: () => void): void {
		try {
			step();
		} catch (error) {
			if (SwarmError.is(error)) throw error;
			const message = this.#done ? "there is something after the end" : (error as Error).message;
			throw invalid(`not JSON: ${message}, after byte ${this.#lastToken}`, { path: this.path });
		}
	}

	#error(message: string): SwarmError {
		return invalid(`not JSON: ${message}, after byte ${this.#lastToken}`, { path: this.path });
	}

	#token({ token, value, offset }: ParsedTokenInfo): void {
		this.#lastToken = offset;
		const frame = this.#frame;
		const next = frame === undefined ? VALUE : frame.next;
		if (this.#done) throw this.#error("there is something after the end");
		switch (token) {
			case TokenType.LEFT_BRACE:
			case TokenType.LEFT_BRACKET:
				if (next > VALUE_OR_END) break;
				this.#open(token === TokenType.LEFT_BRACKET);
				return;
			case TokenType.RIGHT_BRACE:
				if (frame === undefined || frame.list || (next !== KEY_OR_END && next !== COMMA_OR_END)) break;
				this.#close(frame);
				return;
			case TokenType.RIGHT_BRACKET:
				if (frame === undefined || !frame.list || (next !== VALUE_OR_END && next !== COMMA_OR_END)) break;
				this.#close(frame);
				return;
			case TokenType.COLON:
				if (next !== COLON || frame === undefined) break;
				frame.next = VALUE;
				return;
			case TokenType.COMMA:
				if (next !== COMMA_OR_END || frame === undefined) break;
				frame.next = frame.list ? VALUE : KEY;
				if (frame.list) frame.key = (frame.key as number) + 1;
				return;
			default:
				if (frame !== undefined && (next === KEY || next === KEY_OR_END) && token === TokenType.STRING) {
					frame.key = value as string;
					frame.next = COLON;
					return;
				}
				if (next > VALUE_OR_END) break;
				if (this.#shapeHere(frame) !== undefined) this.#keep(frame, value);
				this.#advance(frame);
				return;
		}
		throw this.#error(`${JSON.stringify(value)} may not stand at byte ${offset}`);
	}

	/** What is wanted of the value that comes next. */
	#shapeHere(frame: Frame | undefined): Shape | undefined {
		if (frame === undefined) return this.#shape;
		const { shape, list, key } = frame;
		if (shape === undefined || shape === "value") return undefined;
		if (list) return "items" in shape ? shape.items : undefined;
		return "members" in shape ? shape.members.get(key as string) : undefined;
	}

	#open(list: boolean): void {
		if (this.#frames.length >= MOST_DEPTH) throw this.#error(`nested more than ${MOST_DEPTH} deep`);
		const frame: Frame = {
			list,
			shape: this.#shapeHere(this.#frame),
			value: list ? [] : {},
			key: list ? 0 : "",
			next: list ? VALUE_OR_END : KEY_OR_END,
		};
		this.#frames.push(frame);
		this.#frame = frame;
	}

	#close(frame: Frame): void {
		this.#frames.pop();
		const parent = this.#frames.at(-1);
		this.#frame = parent;
		if (frame.shape !== undefined) this.#keep(parent, frame.value);
		this.#advance(parent);
	}

	#keep(frame: Frame | undefined, value: unknown): void {
		if (frame === undefined) this.root = value;
		else if (!frame.list) (frame.value as Record<string, unknown>)[frame.key] = value;
		else {
			const { each } = frame.shape as ListShape;
			if (each === undefined) (frame.value as unknown[]).push(value);
			else each(value, frame.key as number);
		}
	}

	#advance(frame: Frame | undefined): void {
		if (frame === undefined) this.#done = true;
		else frame.next = COMMA_OR_END;
	}
}
