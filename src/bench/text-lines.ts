import { invalid } from "./workflow.js";

const MOST_LINE = 64 * 1024 * 1024;

/**
 * The lines of a text that comes in chunks, without their ends; a last line need not have one.
 *
 * @throws SwarmError `INVALID_WORKFLOW` for a line of more than 64 MiB characters
 */
export async function* linesOf(
	chunks: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<readonly string[], void, undefined> {
	const decoder = new TextDecoder();
	/** Pieces of the line that has begun. */
	let begun: string[] = [];
	let length = 0;
	let count = 0;
	const take = (text: string): string[] => {
		const lines = text.split("\n");
		const rest = lines.pop() as string;
		if (lines.length > 0) {
			lines[0] = begun.join("") + lines[0];
			begun = [];
			length = 0;
		}
		if (rest !== "") begun.push(rest);
		length += rest.length;
		count += lines.length;
		if (length > MOST_LINE) throw invalid("the line is too long", { line: count + 1 });
		return lines;
	};
	for await (const chunk of chunks) {
		const lines = take(typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
		if (lines.length > 0) yield lines;
	}
	const lines = take(`${decoder.decode()}\n`);
	if (lines.length > 1 || lines[0] !== "") yield lines;
}
