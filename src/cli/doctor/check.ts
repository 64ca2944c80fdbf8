/** What was looked at, and how it is. */
export interface Check {
	readonly name: string;
	readonly status: "ok" | "warning" | "problem";
	readonly message: string;
	/** What to do about it. */
	readonly hint?: string;
}

export function ok(name: string, message: string): Check {
	return { name, status: "ok", message };
}

export function warning(name: string, message: string, hint: string): Check {
	return { name, status: "warning", message, hint };
}

export function problem(name: string, message: string, hint: string): Check {
	return { name, status: "problem", message, hint };
}
