/** Whether a value settles later. May throw what a getter of the value throws. */
export function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
	return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
