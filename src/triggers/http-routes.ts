import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Plain } from "../core/plain.js";
import { isJson, jsonOf } from "./http-body.js";
import type { Guard } from "./http-guard.js";
import { type HooksOptions, takeHook } from "./http-hooks.js";
import { occurrenceFilter, submissionOf } from "./http-inputs.js";
import { answerOf, HttpRefusal } from "./http-refusal.js";
import { METRICS_TYPES, metricsText } from "./metrics-text.js";
import type { FireOptions } from "./occurrence-book.js";
import type { Service } from "./service.js";

/** What somebody of this machine, or with the token, may send at once. */
const MAX_BYTES = 16 * 1024 * 1024;

type Env = { Bindings: HttpBindings };

/** What the routes are thin over. */
export interface RoutesOptions extends HooksOptions {
	readonly service: Service;
	readonly guard: Guard;
	/** Whether no further request is wanted on a connection. */
	readonly isClosing: () => boolean;
	/** Takes what went wrong that nobody else is told. */
	readonly onError: (error: unknown) => void;
}

/** Puts the routes of a service into an app. */
export function addRoutes(app: Hono<Env>, options: RoutesOptions): void {
	const { service, bodies, guard, isClosing, onError } = options;
	app.use(async (c, next) => {
		await next();
		c.header("cache-control", "no-store");
		c.header("x-content-type-options", "nosniff");
		if (isClosing()) c.header("connection", "close");
	});
	app.onError((error, c) => {
		const { status, body, headers } = answerOf(error);
		if (status === 500) onError(error);
		return c.json(body, status as ContentfulStatusCode, headers);
	});
	app.notFound(() => {
		throw new HttpRefusal(404, "UNKNOWN_ROUTE", "there is nothing at this address");
	});

	app.get("/health/live", (c) => c.json({ ok: true }));
	app.post("/hooks/:trigger", async (c) =>
		c.json(await takeHook(options, c.req.param("trigger"), c.env.incoming), 202),
	);

	// What stands below is for those who may ask.
	app.use(async (c, next) => {
		guard(c.env.incoming);
		await next();
	});
	app.get("/health", (c) => {
		const health = service.health();
		return c.json(health, health.ok ? 200 : 503);
	});
	app.get("/metrics", async (c) => {
		const format = c.req.header("accept")?.includes("application/openmetrics-text") ? "openMetrics" : "prometheus";
		return c.body(metricsText(await service.metrics(), format), 200, { "content-type": METRICS_TYPES[format] });
	});
	app.post("/events/:name", async (c) => {
		return c.json({ started: await service.emit(c.req.param("name"), await fireOptions(c)) }, 202);
	});
	app.post("/triggers/:id/fire", async (c) => {
		return c.json(await service.fire(c.req.param("id"), await fireOptions(c)), 202);
	});
	app.get("/occurrences", async (c) => {
		const rows = await service.list(occurrenceFilter(new URL(c.req.url).searchParams));
		// Bounded by their number: what came with each is told where one is asked for.
		return c.json({ occurrences: rows.map(({ payload: _, start: __, ...row }) => row) });
	});
	app.get("/occurrences/:key", async (c) => c.json(await service.status(c.req.param("key"))));
	app.post("/occurrences/:key/cancel", async (c) => {
		const key = c.req.param("key");
		const reason = reasonOf(await bodyOf(c));
		await service.cancel(key, ...(reason === undefined ? [] : [reason]));
		const { state } = await service.status(key);
		return c.json({ key, state }, 202);
	});
	app.post("/runs", async (c) => {
		const { start, options: given } = submissionOf(await bodyOf(c));
		return c.json(await service.submit(start, { ...given, ...keyOf(c) }), 202);
	});

	async function fireOptions(c: Context<Env>): Promise<FireOptions> {
		const payload = await bodyOf(c);
		return { ...(payload !== undefined && { payload }), ...keyOf(c) };
	}

	/** The JSON of a request; undefined for none. */
	async function bodyOf(c: Context<Env>): Promise<Plain | undefined> {
		const { incoming } = c.env;
		const body = await bodies.read(incoming, MAX_BYTES);
		if (body.length === 0) return undefined;
		if (isJson(incoming.headers["content-type"])) return jsonOf(body);
		throw new HttpRefusal(415, "INVALID_INPUT", "the content type is not application/json");
	}
}

function keyOf(c: Context<Env>): { readonly key?: string } {
	const key = c.req.header("idempotency-key");
	return key === undefined ? {} : { key };
}

function reasonOf(body: Plain | undefined): string | undefined {
	if (body === undefined) return undefined;
	const { reason } = (body ?? {}) as { readonly reason?: unknown };
	if (reason === undefined || (typeof reason === "string" && reason.length <= 1_000)) return reason;
	throw new HttpRefusal(400, "INVALID_INPUT", "reason is no text of up to 1,000 characters");
}
