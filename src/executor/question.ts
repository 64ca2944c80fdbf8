import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import type { SchemaInput, StandardSchema } from "../core/standard-schema.js";
import { isStandardSchema, validated } from "../core/standard-schema.js";
import type { Wait } from "../graph/types.js";

/** How a person answered. */
export interface Approval<Data = unknown> {
	readonly by?: string;
	readonly data?: Data;
	/** Nobody answered in time, and the request says that this counts as a yes. */
	readonly expired?: true;
}

/** An {@link Approval} to a request that says what its answer has to look like. */
export type Answered<Data> = Approval<Data> & { readonly data: Data };

/** What becomes of a request that nobody answers in time. */
export type TimeoutAnswer = "fail" | "approve" | "reject";

/** What a person is asked. */
export interface ApprovalRequest<Data = unknown> {
	readonly reason: string;
	/** Tells it from other requests of this node: `run.approve(node, { name })` answers this one only. */
	readonly name?: string;
	/** Whom it is for: the list of what waits can be asked for one name. */
	readonly to?: string;
	/** What it is about, for whoever shows it; plain data. */
	readonly data?: unknown;
	/** What the answer's data has to look like: of any library that follows Standard Schema. */
	readonly schema?: StandardSchema;
	/** Answers to choose from: 1 to 100 different texts. */
	readonly choices?: readonly string[];
	/** How long to wait at most; milliseconds, or text with a unit such as `"2d"`. */
	readonly timeout?: Duration;
	/** Once the time is over: `"fail"` throws `TIMEOUT` (default), `"reject"` throws `REJECTED`, `"approve"` counts as a yes with `default`. */
	readonly onTimeout?: TimeoutAnswer;
	/** The data of a yes that nobody gave. */
	readonly default?: Data;
}

/** What is asked with a schema: the answer is what the schema makes of it. */
export type SchemaRequest<Schema extends StandardSchema> = ApprovalRequest<SchemaInput<Schema>> & {
	readonly schema: Schema;
};

/** What is asked with answers to choose from. */
export type ChoiceRequest<Choice extends string> = ApprovalRequest<NoInfer<Choice>> & {
	readonly choices: readonly Choice[];
};

/** How {@link AgentContext.ask} asks. */
export interface AskOptions<Choice extends string = string>
	extends Omit<ApprovalRequest<NoInfer<Choice>>, "reason" | "schema" | "choices"> {
	/** Answers to choose from: 1 to 100 different texts. Any text without. */
	readonly choices?: readonly Choice[];
}

/** A request of an attempt, and what fits as its answer. */
export class Question {
	readonly #request: ApprovalRequest;
	readonly #node: string;
	/** The data of a yes that nobody gave, as the agent gets it. */
	#fallback: unknown;

	/** @throws SwarmError `INVALID_OPTION` for what contradicts itself */
	constructor(request: ApprovalRequest, node: string) {
		this.#request = request;
		this.#node = node;
		const { schema, timeout, onTimeout = "fail" } = request;
		if (schema !== undefined && !isStandardSchema(schema)) throw this.#unfit("its schema follows no Standard Schema");
		if (onTimeout !== "fail" && onTimeout !== "approve" && onTimeout !== "reject")
			throw this.#unfit('onTimeout is "fail", "approve" or "reject"');
		if (onTimeout !== "fail" && timeout === undefined) throw this.#unfit("onTimeout needs a timeout");
		if (request.default !== undefined && onTimeout !== "approve")
			throw this.#unfit('a default is for onTimeout "approve"');
	}

	get name(): string | undefined {
		return this.#request.name;
	}

	/** Whether any answer fits. */
	get isOpen(): boolean {
		return this.#request.schema === undefined && this.#request.choices === undefined;
	}

	/**
	 * Looks at the yes that nobody gave before anybody is asked: whoever wrote it should not hear of it days later.
	 *
	 * @returns when that takes time
	 * @throws SwarmError `INVALID_OPTION`; later as a rejection
	 */
	prepare(): Promise<void> | undefined {
		if (this.#request.onTimeout !== "approve") return undefined;
		const refuse = (error: unknown): never => {
			throw this.#unfit(`its default cannot be an answer: ${(error as Error).message}`);
		};
		const keep = (value: unknown): void => {
			this.#fallback = value;
		};
		try {
			const taken = this.take(this.#request.default);
			if (taken instanceof Promise) return taken.then(keep, refuse);
			keep(taken);
		} catch (error) {
			refuse(error);
		}
		return undefined;
	}

	/** What the attempt parks with. @param problem - why an answer before was not taken */
	wait(now: number, problem: string | undefined): Extract<Wait, { readonly kind: "approval" }> {
		const { reason, name, to, data, schema, choices, timeout } = this.#request;
		const shown = schema && jsonSchemaOf(schema);
		return {
			kind: "approval",
			reason,
			...(data !== undefined && { data }),
			...(name !== undefined && { name }),
			...(to !== undefined && { to }),
			...(choices !== undefined && { choices }),
			...(shown !== undefined && { schema: shown }),
			...(problem !== undefined && { problem }),
			...(timeout !== undefined && { until: now + milliseconds(timeout) }),
		};
	}

	/**
	 * What the agent gets for an answer.
	 *
	 * @returns what the schema makes of it; later where the schema takes time
	 * @throws SwarmError `INVALID_INPUT`, also where the schema itself throws; later as a rejection
	 */
	take(data: unknown): unknown {
		const { schema, choices } = this.#request;
		if (choices !== undefined && !choices.includes(data as string))
			throw this.#wrong(`is none of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`);
		if (schema === undefined) return data;
		try {
			const value = validated(schema, data, "INVALID_INPUT", this.#what, [this.#node]);
			return value instanceof Promise ? value.catch((error) => Promise.reject(this.#failed(error))) : value;
		} catch (error) {
			throw this.#failed(error);
		}
	}

	/** What the agent gets when nobody has answered in time. @throws SwarmError `TIMEOUT`, `REJECTED` */
	expire(): Approval {
		const { reason, onTimeout } = this.#request;
		if (onTimeout === "approve")
			return { expired: true, ...(this.#fallback !== undefined && { data: this.#fallback }) };
		throw new SwarmError(onTimeout === "reject" ? "REJECTED" : "TIMEOUT", `nobody answered in time: ${reason}`, {
			nodes: [this.#node],
		});
	}

	get #what(): string {
		return `the answer to "${this.#request.reason}"`;
	}

	#wrong(what: string, cause?: unknown): SwarmError {
		const details = { nodes: [this.#node] };
		return new SwarmError("INVALID_INPUT", `${this.#what} ${what}`, details, cause === undefined ? {} : { cause });
	}

	/** A schema that throws has not said yes: the question stays. */
	#failed(error: unknown): SwarmError {
		if (SwarmError.is(error) && error.code === "INVALID_INPUT") return error;
		const message = error instanceof Error ? error.message : String(error);
		return this.#wrong(`could not be checked, as its schema failed: ${message}`, error);
	}

	#unfit(why: string): SwarmError {
		return new SwarmError("INVALID_OPTION", `the request "${this.#request.reason}" cannot be made: ${why}`, {
			nodes: [this.#node],
		});
	}
}

/** What a schema looks like to whoever shows the question; undefined where it cannot say. */
function jsonSchemaOf(schema: StandardSchema): unknown {
	try {
		const shown = schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
		// Libraries hang things on it that are no data.
		return shown && JSON.parse(JSON.stringify(shown));
	} catch {
		return undefined;
	}
}

/** Any text. */
export const TEXT: StandardSchema<string> = {
	"~standard": {
		version: 1,
		vendor: "dagswarm",
		validate: (value) => (typeof value === "string" ? { value } : { issues: [{ message: "expected a text" }] }),
		jsonSchema: { input: () => ({ type: "string" }), output: () => ({ type: "string" }) },
	},
};
