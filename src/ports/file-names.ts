import { sha256 } from "../core/checksum.js";

/** Device names that some file systems do not give to files, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Bytes, for file systems allow 255 and something is added. */
const LONGEST = 120;

/**
 * The file name, without extension, for an id: the same for the same id, and never the same for two, also where the file
 * system knows no upper case. Plain ids in lower case stay as they are; of others a readable part is kept before a hash,
 * which has 128 bits of SHA-256.
 */
export function nameOfId(id: string): string {
	if (/^[a-z0-9_-]{1,100}$/.test(id) && !RESERVED.test(id)) return id;
	// JSON tells half characters apart, which UTF-8 would not. No plain name has a plus in it.
	return `${id
		.slice(0, 60)
		.toLowerCase()
		.replace(/[^a-z0-9_-]+/g, "-")}+${sha256(JSON.stringify(id)).slice(0, 32)}`;
}

/** Gives files of one folder safe names, each another one, as near as can be to those they were meant to have. */
export class FolderNames {
	readonly #counts = new Map<string, number>();

	/** The name for the next file. It depends on nothing but what was asked for before. */
	take(wanted: string): string {
		const clean = cleanName(wanted);
		for (;;) {
			const count = (this.#counts.get(folded(clean)) ?? 0) + 1;
			this.#counts.set(folded(clean), count);
			if (count === 1) return clean;
			// No clean name has a plus in it, so numbered names can only meet each other, which they do not.
			const dot = clean.lastIndexOf(".");
			return dot > 0 ? `${clean.slice(0, dot)}+${count}${clean.slice(dot)}` : `${clean}+${count}`;
		}
	}
}

/** Letters, digits, and single characters of `-_.` between them, in any script. */
function cleanName(wanted: string): string {
	// Paths become one name: what is made by an agent has no say in where it goes.
	const plain = wanted
		.toWellFormed()
		.normalize("NFC")
		.replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, "-")
		.replace(/\.{2,}/g, ".")
		.replace(/^[.-]+|[.-]+$/g, "");
	const short = clipped(plain);
	if (short === "") return "unnamed";
	return RESERVED.test(short) ? `_${short}` : short;
}

/** At most so many bytes, with the extension if there is a short one. */
function clipped(name: string): string {
	if (Buffer.byteLength(name) <= LONGEST) return name;
	const extension = /\.[a-z0-9]{1,12}$/i.exec(name)?.[0] ?? "";
	let stem = "";
	let bytes = extension.length;
	for (const character of name) {
		bytes += Buffer.byteLength(character);
		if (bytes > LONGEST) break;
		stem += character;
	}
	return stem.replace(/[.-]+$/, "") + extension;
}

/** What a file system may take for the same name gives the same text. */
function folded(name: string): string {
	return name.normalize("NFKD").toUpperCase().toLowerCase().normalize("NFKD");
}
