import type { AnySwarm } from "../any-swarm.js";
import type { Clock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import type { IdSource } from "../core/ids.js";
import type { Plain } from "../core/plain.js";
import { secretKey } from "../ports/secret-key.js";
import type { TriggerInput } from "./define-trigger.js";
import { checkHttpOptions, type HttpOptions } from "./http-options.js";
import type { ServiceObserver } from "./service-observer.js";
import type { Store } from "./store.js";

/** What a service is made of. */
export interface ServiceOptions {
	readonly store: Store;
	/** Made with `journal: store.journal`. The service drains it when it stops. */
	readonly swarm: AnySwarm;
	/** The program's own triggers. One that an earlier version of the program had, and this one has not, is taken away. */
	readonly triggers?: readonly TriggerInput[];
	/** By name: what webhooks are signed with; 16 bytes at least. */
	readonly secrets?: Readonly<Record<string, string | Uint8Array>>;
	/**
	 * Where it is asked by HTTP: health, metrics, webhooks, events, occurrences. Off by default; with a port alone only this machine
	 * reaches it.
	 */
	readonly http?: HttpOptions;
	/**
	 * How long the process that leads may be silent before another one takes its place; 100 ms to 10 minutes, default 10
	 * seconds.
	 */
	readonly lease?: Duration;
	/**
	 * What is brought back at the start beside what the service has started: `all` runs that lie in the journal and have not
	 * ended (default), or only its `own`.
	 */
	readonly recover?: "all" | "own";
	/** What was started by hand, by an event or handed in is kept for so long at least, whatever the history says; default 1 day. */
	readonly keepKeys?: Duration;
	/** Where relative paths of file triggers begin that say nothing else; by default where the process runs. */
	readonly cwd?: string;
	/** What every run that it starts has in its metadata, beside what its occurrence says. */
	readonly metadata?: Readonly<Record<string, Plain>>;
	/** Is told of what happens here. */
	readonly observer?: ServiceObserver;
	/** Takes what is odd, and does not stop anything; by default a warning of the process. */
	readonly onWarning?: (text: string) => void;
	/** Takes what fails in the background and is tried again; by default a warning of the process. */
	readonly onError?: (error: unknown) => void;
	/** Default {@link wallClock}. */
	readonly clock?: Clock;
	readonly ids?: IdSource;
}

const OPTIONS: Readonly<Record<keyof ServiceOptions, true>> = {
	store: true,
	swarm: true,
	triggers: true,
	secrets: true,
	http: true,
	lease: true,
	recover: true,
	keepKeys: true,
	cwd: true,
	metadata: true,
	observer: true,
	onWarning: true,
	onError: true,
	clock: true,
	ids: true,
};

const SHORTEST_LEASE_MS = 100;
const LONGEST_LEASE_MS = 600_000;

/** @throws SwarmError `INVALID_OPTION` */
export function checkServiceOptions(options: ServiceOptions): void {
	for (const key of Object.keys(options ?? {}))
		if (!Object.hasOwn(OPTIONS, key))
			throw new SwarmError("INVALID_OPTION", `createService has no option "${key}"`, {
				hint: `options: ${Object.keys(OPTIONS).sort().join(", ")}`,
			});
	const { store, swarm, recover } = options;
	if (typeof store?.write !== "function" || typeof store.journal !== "object")
		throw new SwarmError("INVALID_OPTION", "createService needs a store", { hint: "use sqliteStore or memoryStore" });
	if (typeof swarm?.start !== "function") throw new SwarmError("INVALID_OPTION", "createService needs a swarm");
	if (swarm.journal !== store.journal)
		throw new SwarmError("INVALID_OPTION", "the swarm of a service keeps its runs in the service's store", {
			hint: "createSwarm({ journal: store.journal, … })",
		});
	if (recover !== undefined && recover !== "all" && recover !== "own")
		throw new SwarmError("INVALID_OPTION", `recover is ${JSON.stringify(recover)}: use all or own`);
	if (options.keepKeys !== undefined) milliseconds(options.keepKeys, "keepKeys");
	for (const [name, secret] of Object.entries(options.secrets ?? {}))
		secretKey(secret, `the secret ${JSON.stringify(name)}`);
	checkHttpOptions(options.http);
}

/** How long a lease holds, in milliseconds. @throws SwarmError `INVALID_OPTION` */
export function leaseOf({ lease = "10s" }: ServiceOptions): number {
	const ms = milliseconds(lease, "lease");
	if (ms >= SHORTEST_LEASE_MS && ms <= LONGEST_LEASE_MS) return ms;
	throw new SwarmError("INVALID_OPTION", `lease is ${ms} ms: use 100 ms to 10 minutes`);
}
