import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.js";
import { HOOK_SIGNATURES } from "./hook-signature.js";
import { type BodyReader, isJson, jsonOf, textOf } from "./http-body.js";
import { HttpRefusal } from "./http-refusal.js";
import type { Put } from "./occurrence-book.js";
import type { Service } from "./service.js";
import type { ServiceOptions } from "./service-options.js";
import type { Store } from "./store.js";
import type { EventSchedule, TriggerSpec } from "./trigger.js";

const DEFAULT_MAX_BYTES = 64 * 1024;

/** What takes webhooks. */
export interface HooksOptions {
	readonly service: Pick<Service, "fire">;
	readonly store: Store;
	readonly clock: Clock;
	readonly secrets: ServiceOptions["secrets"];
	readonly bodies: BodyReader;
}

/** Takes a webhook: nothing of it is believed before its signature is verified, and no more of it is read than its trigger allows. */
export async function takeHook(
	{ service, store, clock, secrets, bodies }: HooksOptions,
	trigger: string,
	incoming: IncomingMessage,
): Promise<Put> {
	const webhook = webhookOf((await store.trigger(trigger))?.spec);
	if (webhook === undefined) throw new HttpRefusal(404, "UNKNOWN_TRIGGER", "there is no such webhook");
	const secret = secretOf(secrets, webhook.secret);
	if (secret === undefined) throw new HttpRefusal(503, "ILLEGAL_STATE", "the webhook cannot be verified here");
	const { header, verify } = HOOK_SIGNATURES[webhook.signature ?? "dagswarm"];
	if (incoming.headers[header] === undefined) throw notSigned();
	const body = await bodies.read(incoming, webhook.maxBytes ?? DEFAULT_MAX_BYTES);
	const key = verify(secret, incoming.headers, body, clock.now());
	if (key === undefined) throw notSigned();
	const payload = isJson(incoming.headers["content-type"]) ? jsonOf(body) : textOf(body);
	return service.fire(trigger, { key, payload });
}

/** One answer for all that may be wrong with it: who tries secrets learns nothing. */
function notSigned(): HttpRefusal {
	return new HttpRefusal(401, "NOT_PERMITTED", "the signature was not accepted");
}

function webhookOf(spec: TriggerSpec | undefined): EventSchedule["webhook"] {
	return spec?.on.kind === "event" ? spec.on.webhook : undefined;
}

function secretOf(secrets: ServiceOptions["secrets"], name: string): string | Uint8Array | undefined {
	return secrets !== undefined && Object.hasOwn(secrets, name) ? secrets[name] : undefined;
}

/** What is said at the start about triggers whose webhooks cannot be verified. */
export function hookWarnings(specs: readonly TriggerSpec[], secrets: ServiceOptions["secrets"]): string[] {
	return specs.flatMap((spec) => {
		const webhook = webhookOf(spec);
		if (webhook === undefined || secretOf(secrets, webhook.secret) !== undefined) return [];
		return [`trigger "${spec.id}": there is no secret "${webhook.secret}", and its webhooks are refused`];
	});
}
