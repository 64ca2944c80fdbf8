import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import type { Clock } from "../core/clock.js";
import { SwarmError } from "../core/errors.js";
import { BodyReader } from "./http-body.js";
import { guardOf } from "./http-guard.js";
import { hookWarnings } from "./http-hooks.js";
import { DEFAULT_HOST, type HttpOptions } from "./http-options.js";
import { addRoutes } from "./http-routes.js";
import type { Service } from "./service.js";
import type { ServiceOptions } from "./service-options.js";
import type { Store } from "./store.js";
import type { TriggerSpec } from "./trigger.js";

/** How long answers that are being given may still take when the endpoint closes; milliseconds. */
const CLOSE_MS = 2_000;

/** What a client may take up without having shown anything; times in milliseconds. */
export interface HttpLimits {
	readonly headersTimeout: number;
	readonly requestTimeout: number;
	/** How often the two are looked at. */
	readonly connectionsCheckingInterval: number;
}

const LIMITS: HttpLimits = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 2_000 };
const KEEP_ALIVE_MS = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MOST_HEADERS = 100;
const MOST_CONNECTIONS = 512;

/** What an {@link HttpEndpoint} works with. */
export interface HttpEndpointOptions {
	readonly http: HttpOptions;
	readonly service: Service;
	readonly store: Store;
	readonly clock: Clock;
	readonly secrets: ServiceOptions["secrets"];
	/** The program's own triggers. */
	readonly triggers: readonly TriggerSpec[];
	readonly onWarning: (text: string) => void;
	readonly onError: (error: unknown) => void;
	readonly limits?: HttpLimits;
}

/** Where a service is asked by HTTP. */
export class HttpEndpoint {
	readonly #options: HttpEndpointOptions;
	#server: Server | undefined;
	#opening: Promise<void> | undefined;
	#address: string | undefined;
	#isClosing = false;

	constructor(options: HttpEndpointOptions) {
		this.#options = options;
	}

	/** The one that the options of a service ask for, if they do. */
	static of(
		{ http, store, secrets }: ServiceOptions,
		service: Service,
		more: Pick<HttpEndpointOptions, "clock" | "triggers" | "onWarning" | "onError">,
	): HttpEndpoint | undefined {
		return http && new HttpEndpoint({ http, store, secrets, service, ...more });
	}

	/** Its URL, without a path; undefined while it does not listen. */
	get address(): string | undefined {
		return this.#address;
	}

	/** @throws SwarmError `INVALID_OPTION` when it cannot listen there */
	open(): Promise<void> {
		this.#opening ??= this.#open().catch((error) => {
			this.#opening = undefined;
			throw error;
		});
		return this.#opening;
	}

	/**
	 * Listens no more. What is being answered may end.
	 *
	 * @param grace - for so long at most; milliseconds
	 */
	async close(grace = CLOSE_MS): Promise<void> {
		this.#isClosing = true;
		await this.#opening?.catch(() => {});
		const server = this.#server;
		this.#server = undefined;
		this.#address = undefined;
		if (server === undefined) return;
		const { clock } = this.#options;
		const closed = new Promise<void>((resolve) => server.close(() => resolve()));
		const timer = clock.set(clock.now() + Math.min(grace, CLOSE_MS), () => server.closeAllConnections());
		await closed;
		clock.clear(timer);
	}

	async #open(): Promise<void> {
		const { http, limits = LIMITS, clock, onError, onWarning, triggers, store, secrets, service } = this.#options;
		const { port, host = DEFAULT_HOST, token } = http;
		const known = new Map(
			[...(await store.triggers()).map(({ spec }) => spec), ...triggers].map((spec) => [spec.id, spec]),
		);
		// Who does not ask for an endpoint does not wait for these to be loaded.
		const [{ createAdaptorServer }, { Hono }] = await Promise.all([import("@hono/node-server"), import("hono")]);
		const app = new Hono<{ Bindings: HttpBindings }>();
		addRoutes(app, {
			service,
			store,
			clock,
			secrets,
			bodies: new BodyReader(),
			guard: guardOf(token),
			isClosing: () => this.#isClosing,
			onError,
		});
		const server = createAdaptorServer({
			fetch: app.fetch,
			// The globals of the program that uses this stay what they are.
			overrideGlobalObjects: false,
			serverOptions: { ...limits, keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES },
		}) as Server;
		server.maxHeadersCount = MOST_HEADERS;
		server.maxConnections = MOST_CONNECTIONS;
		this.#address = urlOf(await listening(server, port, host));
		server.on("error", onError);
		this.#server = server;
		for (const warning of hookWarnings([...known.values()], secrets)) onWarning(warning);
	}
}

function listening(server: Server, port: number, host: string): Promise<AddressInfo> {
	return new Promise((resolve, reject) => {
		const fail = (error: NodeJS.ErrnoException): void => {
			const why = error.code === "EADDRINUSE" ? "the port is taken" : error.message;
			const hint = "set http.port to another one, or to 0 for any that is free";
			reject(
				new SwarmError("INVALID_OPTION", `cannot listen on ${host}, port ${port}: ${why}`, { hint }, { cause: error }),
			);
		};
		server.once("error", fail);
		server.listen(port, host, () => {
			server.off("error", fail);
			// That of a server that listens on a port of a network.
			resolve(server.address() as AddressInfo);
		});
	});
}

function urlOf({ address, family, port }: AddressInfo): string {
	return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
