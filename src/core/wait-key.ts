/** The part of a wait that says what it is for. */
interface Awaited {
	readonly kind: "sleep" | "signal" | "approval";
	readonly name?: string;
}

/**
 * Under what an attempt that starts from the top finds how a wait has ended: the kind and the name. Several waits
 * of one key are told apart by their order.
 */
export function waitKey({ kind, name }: Awaited): string {
	return kind === "sleep" ? kind : `${kind} ${name ?? ""}`;
}
