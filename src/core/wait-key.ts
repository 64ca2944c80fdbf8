/** The part of a wait that says what it is for. */
type Awaited =
	| { readonly kind: "sleep" | "signal" | "approval"; readonly name?: string; readonly step?: string }
	| { readonly kind: "child"; readonly run: string };

/**
 * Under what an attempt that starts from the top finds how a wait has ended: the step that it is a part of, the kind
 * and the name. Several waits of one key are told apart by their order.
 */
export function waitKey(wait: Awaited): string {
	if (wait.kind === "child") return `child ${wait.run}`;
	const key = wait.kind === "sleep" && wait.name === undefined ? wait.kind : `${wait.kind} ${wait.name ?? ""}`;
	// No kind begins with a quotation mark: the two never look alike.
	return wait.step === undefined ? key : `${JSON.stringify(wait.step)} ${key}`;
}
