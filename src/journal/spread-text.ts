import { sha256 } from "../core/checksum.js";
import { blobReference, taggedText } from "../core/tagged-json.js";
import type { Blob } from "./journal.js";

/** Longer texts of inputs, outputs, payloads and answers are stored once, by their hash. */
export const MAX_INLINE = 4_096;

/** Objects as text whose large members stand elsewhere. */
export class SpreadText {
	#blobs = new Map<string, Blob>();

	/**
	 * @param large - names of members that hold what users hand over, as much of it as they like
	 * @param nested - names of members with such members, and of lists of them
	 */
	constructor(
		private readonly large: ReadonlySet<string>,
		private readonly nested: ReadonlySet<string>,
	) {}

	/** Gives back the large values that came up since the last time, each once. */
	takeBlobs(): Blob[] {
		if (this.#blobs.size === 0) return [];
		const blobs = [...this.#blobs.values()];
		this.#blobs = new Map();
		return blobs;
	}

	/** @param without - members that are said elsewhere */
	object(object: object, without?: ReadonlySet<string>): string {
		let text = "";
		for (const key of Object.keys(object)) {
			const member: unknown = (object as Record<string, unknown>)[key];
			if (member === undefined || without?.has(key) === true) continue;
			text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${this.#member(key, member)}`;
		}
		return `{${text}}`;
	}

	#member(key: string, member: unknown): string {
		if (this.large.has(key)) return this.value(member);
		if (!this.nested.has(key) || typeof member !== "object" || member === null) return taggedText(member);
		if (!Array.isArray(member)) return this.object(member);
		return `[${member.map((each: object) => this.object(each)).join()}]`;
	}

	/** What a user handed over, or the reference to it. */
	value(value: unknown): string {
		const body = taggedText(value);
		if (body.length <= MAX_INLINE) return body;
		const hash = sha256(body);
		this.#blobs.set(hash, { hash, body });
		return blobReference(hash);
	}
}
