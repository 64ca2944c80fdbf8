import { SwarmError } from "./core/errors.js";
import { type StandardSchema, validated } from "./core/standard-schema.js";
import type { AnyAgent } from "./executor/agent.js";
import { inputJsonSchema } from "./executor/agent-schema.js";
import type { Tool } from "./executor/calls.js";
import { needsOf } from "./executor/needs.js";
import type { AnySkill } from "./skills.js";
import type { GraphSpec } from "./swarm-options.js";

/** What agents of a swarm may call. */
export class Toolbox {
	readonly skills: ReadonlyMap<string, AnySkill>;
	/** Of all that can be called. */
	readonly names: readonly string[];
	readonly #there: ReadonlySet<string>;
	readonly #agents: ReadonlyMap<string, AnyAgent>;

	/** @throws SwarmError `DUPLICATE_AGENT` for a skill that is called like another one, or like an agent */
	constructor(agents: ReadonlyMap<string, AnyAgent>, skills: readonly AnySkill[] = []) {
		this.#agents = agents;
		const byName = new Map<string, AnySkill>();
		for (const skill of skills) {
			const { name } = skill;
			if (agents.has(name) || byName.has(name))
				throw new SwarmError("DUPLICATE_AGENT", `the skill "${name}" is called like another one, or like an agent`);
			byName.set(name, skill);
		}
		this.skills = byName;
		const needs = needsOf(agents.values());
		// A call has no dependencies to give.
		const callable = [...agents.keys()].filter((name) => needs?.(name) === undefined);
		this.names = [...callable, ...byName.keys()];
		this.#there = new Set(this.names);
	}

	isAgent(name: string): boolean {
		return this.#agents.has(name);
	}

	/** The given ones that there are, in their order; all without names. */
	for(names: readonly string[] | undefined): Tool[] {
		return this.#allowed(names).map((name) => this.#toolOf(name));
	}

	/**
	 * @param names - what may be called; all without it
	 * @throws SwarmError `UNKNOWN_TOOL` for what may not
	 */
	assertAllowed(name: unknown, names: readonly string[] | undefined): void {
		const allowed = this.#allowed(names);
		if (allowed.includes(name as string)) return;
		const listed = allowed.slice(0, MAX_LISTED).map((each) => `"${each}"`);
		const more = allowed.length > MAX_LISTED ? ` and ${allowed.length - MAX_LISTED} more` : "";
		const isThere = this.#there.has(name as string);
		const what = typeof name === "string" ? `"${name}"` : "what has no name";
		throw new SwarmError("UNKNOWN_TOOL", isThere ? `${what} may not be called here` : `there is no tool ${what}`, {
			hint: allowed.length === 0 ? "nothing may be called" : `what may be called: ${listed.join(", ")}${more}`,
		});
	}

	/** The input as the tool takes it, at once where its schema does not take time. @throws SwarmError `INVALID_INPUT` */
	admit(name: string, input: unknown, node: string): unknown {
		const agent = this.#agents.get(name);
		const schema = (agent ?? this.skills.get(name))?.input as StandardSchema | undefined;
		if (schema === undefined) return input;
		const taken = validated(schema, input, "INVALID_INPUT", `the input of "${name}"`, [node]);
		if (agent === undefined) return taken;
		// Each attempt of an agent asks its schema itself.
		return taken instanceof Promise ? taken.then(() => input) : input;
	}

	/** What is not there cannot be called, whatever anybody says. */
	#allowed(names: readonly string[] | undefined): readonly string[] {
		if (names === undefined) return this.names;
		return [...new Set(names)].filter((name) => this.#there.has(name));
	}

	/** The graph that does it. What it takes must have been admitted. */
	graphOf(name: string, input: unknown): GraphSpec {
		const skill = this.skills.get(name);
		return skill === undefined ? { nodes: [{ id: name, agent: name, input }] } : skill.graph(input);
	}

	#toolOf(name: string): Tool {
		const agent = this.#agents.get(name);
		// It is one or the other.
		const tool = (agent ?? this.skills.get(name)) as AnyAgent | AnySkill;
		const { description } = tool;
		const schema = inputJsonSchema(tool);
		return {
			name,
			kind: agent === undefined ? "skill" : "agent",
			...(description !== undefined && { description }),
			...(schema !== undefined && { inputSchema: schema }),
		};
	}
}

const MAX_LISTED = 16;
