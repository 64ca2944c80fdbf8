/** Whether a value settles later. May throw what a getter of the value throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
	return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
