import { type Refusal, SwarmError } from "../core/errors.js";
import type { IdSource, RunId } from "../core/ids.js";
import type { ActorConfig, RecoveredRun } from "./actor-config.js";
import { addAll } from "./additions.js";
import { apply } from "./apply.js";
import { HOST } from "./author.js";
import { checkStallPlan, follow } from "./consequences.js";
import { decide, type Rules, startRun } from "./decide.js";
import { checkPatchShape } from "./mutation-shape.js";
import { withIds } from "./name-nodes.js";
import { ANY_AGENT, DEFAULT_GROWTH } from "./policies.js";
import { seedOf } from "./retry.js";
import type { Transaction } from "./transaction.js";
import type { Patch, RunEvent } from "./types.js";

/**
 * The first batch of an actor: a run is created with a graph, taken over from its journal, or begins with
 * what has happened in another one.
 *
 * @throws SwarmError when the graph is refused
 */
export function originate(tx: Transaction, config: ActorConfig, rules: Rules, ids: IdSource): void {
	tx.begin();
	if (config.recovered !== undefined) takeOver(tx, config.recovered, config, rules);
	else if (config.history !== undefined) repeat(tx, config, withIds(ids, config.edit ?? []), rules);
	else create(tx, config, rules, ids);
	tx.begin();
}

function create(tx: Transaction, config: ActorConfig, rules: Rules, ids: IdSource): void {
	const { state } = tx;
	const { nodes = [], metadata } = config;
	const settings = rules.timed ? { ...config.settings, timed: true } : config.settings;
	state.open = config.open ?? true;
	state.settings = settings ?? {};
	state.versions = settings?.versions;
	tx.stamp({
		type: "run.created",
		run: state.run,
		epoch: state.epoch,
		open: state.open,
		...(metadata !== undefined && { metadata }),
		...(settings !== undefined && { settings }),
	});
	const patch = withIds(ids, [{ type: "addNodes", nodes }]);
	if (Array.isArray(nodes)) state.graph.reserve(nodes.length);
	const refusal: Refusal | undefined =
		checkStallPlan(config.onStall, rules.policies) ??
		checkPatchShape(patch) ??
		addAll(tx, patch, HOST, rules) ??
		tx.checkTerms(rules.policies);
	if (refusal !== undefined) throw SwarmError.from(refusal);
	startRun(tx, rules);
}

function takeOver(tx: Transaction, { epoch, ask = [] }: RecoveredRun, { settings }: ActorConfig, rules: Rules): void {
	if (epoch !== undefined)
		decide(tx, { type: "recover", epoch, versions: settings?.versions, timed: rules.timed, ask }, rules);
}

/** What commands are decided by, with its defaults. */
export function rulesOf(config: ActorConfig, run: RunId): Rules {
	const policies = config.policies ?? ANY_AGENT;
	return {
		policies,
		check: config.check ?? "off",
		maxNodes: config.maxNodes ?? DEFAULT_GROWTH.maxNodes,
		maxDepth: config.maxDepth ?? DEFAULT_GROWTH.maxDepth,
		maxPatchSize: config.maxPatchSize ?? DEFAULT_GROWTH.maxPatchSize,
		seed: config.seed ?? seedOf(run),
		onStall: config.onStall,
		timed: config.timed ?? policies !== ANY_AGENT,
	};
}

/** The events are there already: what follows from them is decided at the end. */
function repeat(tx: Transaction, { history = [], metadata }: ActorConfig, edit: Patch, rules: Rules): void {
	const { graph } = tx.state;
	for (const given of history) {
		const event = given.type === "run.created" ? created(given, metadata, rules) : given;
		apply(tx.state, event);
		tx.batch.push(event);
	}
	if (tx.state.status === "created") {
		tx.stamp({ type: "run.started" });
		tx.state.status = "running";
	}
	for (let n = 0; n < graph.size; n++) if (graph.isUnstarted(n)) graph.frontier.touch(n);
	if (edit.length === 0) return follow(tx, rules);
	const answer = decide(tx, { type: "mutate", patch: { mutations: edit } }, rules);
	if ("code" in answer) throw SwarmError.from(answer);
}

/** What is said of the new run wins over what was said of the old one. */
function created(
	event: Extract<RunEvent, { readonly type: "run.created" }>,
	metadata: ActorConfig["metadata"],
	{ timed }: Rules,
): RunEvent {
	return {
		...event,
		...(metadata !== undefined && { metadata }),
		...(timed && { settings: { ...event.settings, timed } }),
	};
}
