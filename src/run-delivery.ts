import type { Clock } from "./core/clock.js";
import { type ErrorInfo, errorInfo, SwarmError, withoutStacks } from "./core/errors.js";
import type { GraphActor } from "./graph/actor.js";
import { COMPLETED } from "./graph/node-table.js";
import type { RunOutcome } from "./outcome.js";
import { artifactsOf } from "./ports/artifact.js";
import type { Artifact, Delivery, DeliveryPort } from "./ports/delivery.js";
import { type DeliveryResult, deliverUntilTaken } from "./ports/delivery-loop.js";
import type { RunInfo } from "./ports/port.js";
import type { DeliveryPolicy } from "./swarm-ports.js";

/** The way of one delivery to its port, over as many tries as it takes. */
export class RunDelivery {
	readonly result: Promise<DeliveryResult>;
	readonly #controller = new AbortController();
	#trying = false;
	#closing = false;

	/** @param report - told of every try that failed */
	constructor(
		port: DeliveryPort,
		delivery: Delivery,
		{ deadline, retry }: DeliveryPolicy,
		clock: Clock,
		report: (error: SwarmError) => void,
	) {
		const watched: DeliveryPort = {
			deliver: (each, signal) => {
				this.#trying = true;
				return port.deliver(each, signal);
			},
		};
		this.result = deliverUntilTaken({
			port: watched,
			delivery,
			clock,
			...(deadline !== undefined && { deadline }),
			...(retry !== undefined && { retry }),
			signal: this.#controller.signal,
			onFailure: ({ attempt, error }) => {
				this.#trying = false;
				report(new SwarmError("PORT_FAILED", `delivery: try ${attempt}: ${error.message}`));
				if (this.#closing) this.#controller.abort();
			},
		});
	}

	/** The try that is under way may end; no other comes. A run that is stored is delivered where it is recovered. */
	close(): void {
		this.#closing = true;
		if (!this.#trying) this.#controller.abort();
	}
}

/** What a run came to, as it is delivered. Each run is delivered once, whichever process does it. */
export function deliveryOf(actor: GraphActor, info: RunInfo, outcome: RunOutcome): Delivery {
	const { status, reason, failures } = outcome;
	return {
		key: info.run,
		run: info.run,
		attempt: 1,
		status,
		...(reason !== undefined && { reason }),
		outputs: outcome.outputs,
		artifacts: actor.poison === undefined ? artifactsIn(actor) : [],
		...(status !== "completed" && { error: errorOf(info.run, outcome, failures[0]?.cause) }),
		metadata: info.metadata,
		at: actor.clock.now(),
	};
}

function errorOf(run: string, { status, reason }: RunOutcome, cause: ErrorInfo | undefined): ErrorInfo {
	const message = `the run "${run}" ended ${status}${reason === undefined ? "" : `: ${reason}`}`;
	return { code: "RUN_FAILED", message, ...(cause !== undefined && { cause: withoutStacks(cause) }) };
}

/** A run that could not even begin. */
export function failedBuild(key: string, info: RunInfo, error: unknown): Delivery {
	const { run, metadata, startedAt } = info;
	return {
		key,
		run,
		attempt: 1,
		status: "failed",
		outputs: {},
		artifacts: [],
		error: withoutStacks(errorInfo(error)),
		metadata,
		at: startedAt,
	};
}

function artifactsIn({ state: { graph } }: GraphActor): Artifact[] {
	const artifacts: Artifact[] = [];
	for (let n = 0; n < graph.size; n++) {
		if (graph.nodes.state(n) !== COMPLETED) continue;
		for (const artifact of artifactsOf(graph.id(n), graph.outputs.get(n))) artifacts.push(artifact);
	}
	return artifacts;
}
