/** JSON text as a value; a byte order mark, which npm tolerates too, is left out. Errors are one line. */
export function parseJson(text: string): unknown {
	try {
		return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
	} catch (error) {
		// The message quotes the text around the fault, line ends included.
		throw new SyntaxError((error as Error).message.replaceAll(/\s+/g, " "), { cause: error });
	}
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
