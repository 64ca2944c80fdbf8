/**
 * What the published JSON Schema of WfFormat 1.5 asks of a document, written down by hand: required members, types,
 * smallest lengths, patterns, enumerations and ranges of everything that an export has.
 */
type Rule = (value: unknown, path: string) => string[];

const text =
	(pattern = /./su): Rule =>
	(value, path) =>
		typeof value === "string" && pattern.test(value) ? [] : [`${path} is ${JSON.stringify(value)}`];

const number =
	(least = Number.NEGATIVE_INFINITY, whole = false): Rule =>
	(value, path) => {
		const fits = typeof value === "number" && Number.isFinite(value) && value >= least;
		return fits && (!whole || Number.isInteger(value)) ? [] : [`${path} is ${JSON.stringify(value)}`];
	};

const list =
	(items: Rule, least = 0): Rule =>
	(value, path) =>
		Array.isArray(value) && value.length >= least
			? value.flatMap((item, i) => items(item, `${path}/${i}`))
			: [`${path} is no list of ${least} or more`];

const object =
	(required: Readonly<Record<string, Rule>>, optional: Readonly<Record<string, Rule>> = {}): Rule =>
	(value, path) => {
		if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path} is no object`];
		const members = value as Readonly<Record<string, unknown>>;
		const missing = Object.keys(required).filter((key) => members[key] === undefined);
		const wrong = Object.entries({ ...optional, ...required }).flatMap(([key, rule]) =>
			members[key] === undefined ? [] : rule(members[key], `${path}/${key}`),
		);
		return [...missing.map((key) => `${path}/${key} is missing`), ...wrong];
	};

const id = text(/^[0-9a-zA-Z\-_.]+$/);
const dateTime = text(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
const machine = object(
	{ nodeName: text(/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9-]+)*$/) },
	{
		system: text(/^(linux|macos|windows)$/),
		architecture: text(),
		release: text(),
		memoryInBytes: number(1, true),
		cpu: object({}, { coreCount: number(1, true), speedInMHz: number(1, true), vendor: text() }),
	},
);

const specification = object({ tasks: list(object({ name: text(), id, parents: list(id), children: list(id) }), 1) });
const execution = object(
	{
		makespanInSeconds: number(),
		executedAt: text(),
		tasks: list(
			object(
				{ id, runtimeInSeconds: number() },
				{
					executedAt: dateTime,
					command: object({}, { program: text(), arguments: list(text()) }),
					priority: number(),
					machines: list(text()),
				},
			),
			1,
		),
	},
	{ machines: list(machine, 1) },
);

/** Everything in a document that the schema does not allow. */
export function schemaProblems(document: unknown): string[] {
	return object(
		{ name: text(), schemaVersion: text(/^1\.5$/), workflow: object({ specification }, { execution }) },
		{ description: text(), createdAt: dateTime },
	)(document, "");
}
