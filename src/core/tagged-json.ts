/*
 * Plain data as JSON text that can be read back as it was. JSON has no bytes, and large values stand
 * elsewhere: both are objects with one member, called a tag. An object of the user's that looks like
 * one gets another `$` in front of its only key, which is taken away again when it is read.
 */

const BYTES = "$bytes";
const BLOB = "$blob";
/** What a tag looks like, and what a user's object looks like that was mistaken for one. */
const TAG = /^\$+(?:bytes|blob)$/;

/** Finds the references to large values in a text: inside of a string its quotes would be escaped. */
const REFERENCE = /"\$blob":"([0-9a-f]{64})"/g;

/** Plain data as JSON text. Members that are `undefined` are left out, and −0 becomes 0: so JSON has it. */
export function taggedText(value: unknown): string {
	if (typeof value !== "object" || value === null) return JSON.stringify(value);
	return JSON.stringify(tagged(value));
}

/** The text that stands for a large value. */
export function blobReference(hash: string): string {
	return `{"${BLOB}":"${hash}"}`;
}

/** The hashes of the large values that a text refers to. */
export function blobReferences(text: string): string[] {
	const found: string[] = [];
	for (const [, hash] of text.matchAll(REFERENCE)) if (hash !== undefined) found.push(hash);
	return found;
}

/** Whether a text may hold tags: most do not, and need no second look. */
export function mayHoldTags(text: string): boolean {
	return text.includes('"$');
}

/** The value with its tags; itself where there is nothing to tag. Its depth is bounded, as plain data is. */
function tagged(value: unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString("base64") };
	if (Array.isArray(value)) {
		let copy: unknown[] | undefined;
		for (let i = 0; i < value.length; i++) {
			const member = tagged(value[i]);
			if (member !== value[i]) copy ??= value.slice();
			if (copy !== undefined) copy[i] = member;
		}
		return copy ?? value;
	}
	return taggedObject(value as Record<string, unknown>);
}

function taggedObject(object: Record<string, unknown>): object {
	const keys = Object.keys(object);
	const [only] = keys;
	if (keys.length === 1 && only !== undefined && TAG.test(only)) return { [`$${only}`]: tagged(object[only]) };
	let changed = typeof object["toJSON"] === "function";
	const copy: Record<string, unknown> = Object.create(null);
	for (const key of keys) {
		const member = tagged(object[key]);
		if (member !== object[key]) changed = true;
		copy[key] = member;
	}
	// An own `__proto__` is a key like any other: the copy has no prototype to set.
	return changed ? copy : object;
}

/**
 * Takes the tags of a parsed text away again.
 *
 * @param blob - the large value that a hash stands for
 */
export function untagged(value: unknown, blob: (hash: string) => unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) {
		for (let i = 0; i < value.length; i++) value[i] = untagged(value[i], blob);
		return value;
	}
	const object = value as Record<string, unknown>;
	const keys = Object.keys(object);
	const [only] = keys;
	if (keys.length === 1 && only !== undefined && TAG.test(only)) {
		const content = object[only];
		if (only === BYTES) return new Uint8Array(Buffer.from(String(content), "base64"));
		if (only === BLOB) return blob(String(content));
		return { [only.slice(1)]: untagged(content, blob) };
	}
	for (const key of keys) {
		const member = untagged(object[key], blob);
		// Assigning to `__proto__` would set the prototype; JSON.parse made it a key of its own.
		if (member !== object[key])
			Object.defineProperty(object, key, { value: member, enumerable: true, configurable: true, writable: true });
	}
	return object;
}

/** Plain data from the text that {@link taggedText} made of it, where no large value stands elsewhere. */
export function parseTagged(text: string): unknown {
	const value: unknown = JSON.parse(text);
	return mayHoldTags(text) ? untagged(value, () => undefined) : value;
}
