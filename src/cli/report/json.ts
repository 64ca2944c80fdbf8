/** A document as JSON: indented for people, in one line for programs. */
export function json(document: unknown, { isTerminal }: { readonly isTerminal: boolean }): string {
	return JSON.stringify(document, undefined, isTerminal ? 2 : undefined);
}
