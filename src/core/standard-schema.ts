import { SwarmError } from "./errors.js";
import { escapePointer } from "./plain.js";
import { isThenable } from "./thenable.js";

/**
 * A schema of any library that follows Standard Schema (standardschema.dev, version 1): zod, valibot, arktype and
 * others. Only the part of it that validates is used, and none of these libraries is a dependency.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
	readonly "~standard": {
		readonly version: 1;
		readonly vendor: string;
		readonly validate: (value: unknown) => SchemaResult<Output> | PromiseLike<SchemaResult<Output>>;
		/** The types of what goes in and what comes out; never there at run time. */
		readonly types?: { readonly input: Input; readonly output: Output } | undefined;
		/** Standard JSON Schema: where a library has it, the schema can be shown to a model. */
		readonly jsonSchema?: {
			readonly input: (options: { readonly target: string }) => Record<string, unknown>;
			readonly output: (options: { readonly target: string }) => Record<string, unknown>;
		};
	};
}

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a validation came to. */
export type SchemaResult<Output> =
	| { readonly value: Output; readonly issues?: undefined }
	| { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
	readonly message: string;
	readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What goes into a schema, and what comes out of it. */
export type SchemaInput<Schema> = Schema extends StandardSchema<infer Input, infer _Output> ? Input : never;
export type SchemaOutput<Schema> = Schema extends StandardSchema<infer _Input, infer Output> ? Output : never;

/** Whether a value can be asked to validate. A schema may be a function, as those of arktype are. */
export function isStandardSchema(value: unknown): value is StandardSchema {
	if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
	const standard = (value as { "~standard"?: { validate?: unknown } })["~standard"];
	return typeof standard === "object" && standard !== null && typeof standard.validate === "function";
}

/**
 * Validates a value, at once where the schema does.
 *
 * @param code - of the error: `INVALID_INPUT` or `INVALID_OUTPUT`
 * @param what - what is validated, for the message
 * @returns what the schema made of the value
 * @throws SwarmError of that code, with the path of the first issue and all of them in the message; later as a rejection
 */
export function validated<Output>(
	schema: StandardSchema<unknown, Output>,
	value: unknown,
	code: "INVALID_INPUT" | "INVALID_OUTPUT",
	what: string,
	nodes: readonly string[] = [],
): Output | Promise<Output> {
	const result = schema["~standard"].validate(value);
	if (isThenable(result))
		return Promise.resolve<SchemaResult<Output>>(result).then((later) => outcomeOf(later, code, what, nodes));
	return outcomeOf(result, code, what, nodes);
}

/** Issues beyond these are counted, not listed. */
const MAX_LISTED = 5;

function outcomeOf<Output>(
	result: SchemaResult<Output>,
	code: "INVALID_INPUT" | "INVALID_OUTPUT",
	what: string,
	nodes: readonly string[],
): Output {
	// A schema of no library may give anything.
	const given: unknown = result;
	const isOutcome = typeof given === "object" && given !== null && ("value" in given || Array.isArray(result.issues));
	if (!isOutcome) throw new SwarmError(code, `the schema of ${what} gave no result`, { nodes });
	if (result.issues === undefined) return result.value;
	const { issues } = result;
	const listed = issues.slice(0, MAX_LISTED).map((issue) => `${issue.message} at "${pointerOf(issue)}"`);
	const more = issues.length > MAX_LISTED ? `, and ${issues.length - MAX_LISTED} more` : "";
	throw new SwarmError(code, `${what} does not fit its schema: ${listed.join("; ")}${more}`, {
		nodes,
		path: issues[0] === undefined ? "" : pointerOf(issues[0]),
	});
}

/** Where an issue is, as a JSON Pointer (RFC 6901). */
function pointerOf({ path = [] }: SchemaIssue): string {
	return path.map((part) => `/${escapePointer(String(typeof part === "object" ? part.key : part))}`).join("");
}
