import { milliseconds } from "./core/durations.js";
import { SwarmError } from "./core/errors.js";
import type { RunId } from "./core/ids.js";
import { show } from "./graph/spec.js";
import type { AuditPort } from "./ports/audit.js";
import type { BudgetPort } from "./ports/budget.js";
import type { CheckpointerPort } from "./ports/checkpointer.js";
import type { CriticPort } from "./ports/critic.js";
import type { DeliveryPort } from "./ports/delivery.js";
import { checkDeliveryRetry, type DeliveryRetry } from "./ports/delivery-loop.js";
import type { PalettePort } from "./ports/palette.js";
import type { PortName, PortPolicy, RunInfo } from "./ports/port.js";
import type { BudgetBehaviour } from "./run-budget.js";
import type { StartOptions } from "./swarm-options.js";

/** What a host plugs in; every one optional. */
export interface Ports {
	/** Keeps a record of what runs did. */
	readonly audit?: AuditPort;
	/** Says what may be spent. */
	readonly budget?: BudgetPort;
	/** Watches long runs and nodes. */
	readonly critic?: CriticPort;
	/** Keeps the progress of nodes, in place of the journal. */
	readonly checkpointer?: CheckpointerPort;
	/** Says what agents may call as tools. */
	readonly palette?: PalettePort;
	/** Takes what runs came to where it is wanted. */
	readonly delivery?: DeliveryPort;
}

/** What runs do when a port fails. */
export type PortPolicies = { readonly [Name in Exclude<PortName, "delivery">]?: PortPolicy } & {
	readonly delivery?: DeliveryPolicy;
};

/** How a run that has ended is delivered: a failure can do nothing to it any more. */
export interface DeliveryPolicy extends Pick<PortPolicy, "deadline"> {
	/** How often and when a delivery is tried again. */
	readonly retry?: DeliveryRetry;
}

/** The one method that each port has to have. */
const METHODS = {
	audit: "startRun",
	budget: "reserve",
	critic: "watch",
	checkpointer: "open",
	palette: "tools",
	delivery: "deliver",
} as const satisfies Record<PortName, string>;

/** Refuses what is no port. */
export function checkPorts(ports: Ports | undefined, policies: PortPolicies | undefined): void {
	for (const [name, port] of Object.entries(ports ?? {})) {
		if (port === undefined) continue;
		if (!Object.hasOwn(METHODS, name)) throw unknownPort(name);
		const method = METHODS[name as PortName];
		if (typeof (port as unknown as Record<string, unknown> | null)?.[method] === "function") continue;
		throw new SwarmError("INVALID_OPTION", `ports.${name} is ${show(port)}, and has no method ${method}`);
	}
	checkDeliveryRetry(policies?.delivery?.retry);
	for (const [name, policy] of Object.entries(policies ?? {})) {
		if (!Object.hasOwn(METHODS, name)) throw unknownPort(name);
		const { deadline, onFailure } = (policy ?? {}) as PortPolicy;
		if (deadline !== undefined) milliseconds(deadline, `portPolicies.${name}.deadline`);
		if (onFailure !== undefined && onFailure !== "failRun" && onFailure !== "warn")
			throw new SwarmError(
				"INVALID_OPTION",
				`portPolicies.${name}.onFailure is ${show(onFailure)}: use failRun or warn`,
			);
	}
}

function unknownPort(name: string): SwarmError {
	return new SwarmError("INVALID_OPTION", `there is no port "${name}" (ports: ${Object.keys(METHODS).join(", ")})`);
}

/** Refuses what says nothing about a budget that is used up. */
export function checkBudgetBehaviour(behaviour: BudgetBehaviour | undefined): void {
	if (behaviour === undefined) return;
	const { onExhausted = "stop", inFlight = "finish", maxWait } = behaviour;
	if (!["stop", "degrade", "ask"].includes(onExhausted))
		throw new SwarmError("INVALID_OPTION", `budget.onExhausted is ${show(onExhausted)}: use stop, degrade or ask`);
	if (!["finish", "abort"].includes(inFlight))
		throw new SwarmError("INVALID_OPTION", `budget.inFlight is ${show(inFlight)}: use finish or abort`);
	if (maxWait !== undefined) milliseconds(maxWait, "budget.maxWait");
}

/** A run as its ports see it. */
export function runInfo(
	run: RunId,
	{ metadata = {}, parent }: StartOptions,
	{ startedAt, resumed }: Pick<RunInfo, "startedAt" | "resumed">,
): RunInfo {
	const { caller, channel } = metadata;
	return {
		run,
		ancestors: parent === undefined ? [] : [parent.run, ...parent.ancestors],
		...(parent !== undefined && { calledBy: parent.node }),
		metadata,
		...(typeof caller === "string" && { caller }),
		...(typeof channel === "string" && { channel }),
		startedAt,
		resumed,
	};
}
