import type { Clock } from "../core/clock.js";
import { type Duration, milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import type { IdSource } from "../core/ids.js";
import { findNotPlain, type Plain } from "../core/plain.js";
import { checkWhole } from "../core/whole.js";
import { agentName } from "../graph/spec.js";
import type { Awaitable } from "../journal/journal.js";
import type { GraphSpec } from "../swarm-options.js";
import { arrival, eventArrivals } from "./arrivals.js";
import { whyShut } from "./due.js";
import { EndWaits } from "./end-waits.js";
import { isEnded, type Occurrence } from "./occurrence.js";
import { checkGivenKey, givenKey } from "./occurrence-key.js";
import type { OccurrenceFilter, Store, StoreAnswer, StoreChange } from "./store.js";
import type { StartSpec } from "./trigger.js";
import type { TriggerBook } from "./trigger-book.js";
import { untilWritten } from "./until-written.js";

/** Occurrences that have not started yet: more are refused. */
const MOST_PENDING = 100_000;

/** Counting takes long where there are many triggers: this share of the room may be filled before the next time. */
const COUNTED_SHARE = 0.01;

/** Options of a submission. */
export interface SubmitOptions {
	/** Twice the same key is one submission; by default a fresh one. 1 to 200 printable characters. */
	readonly key?: string;
	/** The run ends `timed_out` after so long. */
	readonly deadline?: Duration;
	readonly metadata?: Readonly<Record<string, Plain>>;
}

/** Options of a start by hand, or of an event. */
export interface FireOptions {
	/** Twice the same key starts once; by default a fresh one. 1 to 200 printable characters. */
	readonly key?: string;
	/** What comes with it; plain data. */
	readonly payload?: Plain;
}

/** An occurrence that is on the disk. */
export interface Put {
	readonly key: string;
	/** False: one with this key was there. */
	readonly isNew: boolean;
}

/** The process that adds and changes occurrences, where it is one of a service. */
export interface OccurrenceHost {
	write(change: StoreChange): Awaitable<StoreAnswer>;
	/** Writes new ones. */
	add(rows: readonly Occurrence[]): Awaitable<StoreAnswer>;
	/** Hears of the rows that it has added. */
	added(rows: readonly Occurrence[]): void;
	/** Throws what is wrong with what is handed in, where this process can tell. */
	check?(row: Occurrence, start: StartSpec): Promise<void>;
}

/** The occurrences of a store, as any process may add, read and cancel them; a service starts them. */
export class OccurrenceBook {
	readonly #endWaits: EndWaits;
	/** So many may be added until those that wait are counted again. */
	#uncounted = 0;

	constructor(
		private readonly store: Store,
		private readonly triggers: TriggerBook,
		private readonly clock: Clock,
		private readonly ids: IdSource,
		/** What else this process has to do with writes: by default nothing. */
		private readonly host: OccurrenceHost = {
			write: (change) => store.write(change),
			add: (add) => store.write({ add }),
			added: () => {},
		},
	) {
		this.#endWaits = new EndWaits(store, clock, (key) => this.get(key));
	}

	/** @throws SwarmError `INVALID_OPTION`, `INVALID_SPEC`, `INVALID_INPUT`, `OVERLOADED` */
	async submit(what: GraphSpec | StartSpec, options: SubmitOptions = {}): Promise<Put> {
		const { key = this.ids.run(), deadline, metadata } = options;
		checkGivenKey(key);
		const now = this.clock.now();
		const start = startOf(what);
		const row: Occurrence = {
			key,
			due: now,
			createdAt: now,
			state: "pending",
			attempt: 0,
			start,
			...(deadline !== undefined && { deadline: milliseconds(deadline, "deadline") }),
			...(metadata !== undefined && { metadata: plain(metadata, "metadata") }),
			version: 1,
		};
		await this.host.check?.(row, start);
		return this.#add(row);
	}

	/** @throws SwarmError `UNKNOWN_TRIGGER`, `ILLEGAL_STATE` where it takes none, `INVALID_OPTION`, `INVALID_INPUT`, `OVERLOADED` */
	async fire(trigger: string, { key, payload }: FireOptions = {}): Promise<Put> {
		const record = await this.triggers.get(trigger);
		const now = this.clock.now();
		const shut = whyShut(record, now);
		if (shut !== undefined) throw new SwarmError("ILLEGAL_STATE", shut);
		const row = arrival(record, givenKey(record, key ?? this.ids.run()), now, {
			...(payload !== undefined && { payload: plain(payload, "payload") }),
		});
		return this.#add(row);
	}

	/** @returns the keys of what it starts @throws SwarmError `INVALID_OPTION`, `INVALID_INPUT`, `OVERLOADED` */
	async emit(event: string, { key = this.ids.run(), payload }: FireOptions = {}): Promise<readonly Put[]> {
		if (typeof event !== "string" || event === "") throw new SwarmError("INVALID_OPTION", "an event has a name");
		checkGivenKey(key);
		const given = payload === undefined ? undefined : plain(payload, "payload");
		const rows = eventArrivals(await this.triggers.all(), event, { key, payload: given }, this.clock.now());
		if (rows.length === 0) return [];
		await this.#assertRoom(rows.length);
		const present = new Set(await this.#write(rows));
		return rows.map((row) => ({ key: row.key, isNew: !present.has(row.key) }));
	}

	/** @throws SwarmError `INVALID_OPTION` */
	async list(filter: OccurrenceFilter = {}): Promise<readonly Occurrence[]> {
		checkWhole(filter.limit, "limit", 1, 1_000_000);
		return this.store.occurrences({ limit: 100, ...filter });
	}

	/** @throws SwarmError `UNKNOWN_OCCURRENCE` */
	async get(key: string): Promise<Occurrence> {
		const row = await this.store.occurrence(key);
		if (row === undefined)
			throw new SwarmError("UNKNOWN_OCCURRENCE", `there is no occurrence ${JSON.stringify(key)}`, {
				hint: "ended ones are kept as long as the history of their trigger says",
			});
		return row;
	}

	/** @returns it as it is then: one that runs ends when its process has heard of it @throws SwarmError `UNKNOWN_OCCURRENCE`, `ILLEGAL_STATE` */
	cancel(key: string, reason: string): Promise<Occurrence> {
		return untilWritten(`what cancels "${key}"`, async () => {
			const row = await this.get(key);
			if (isEnded(row))
				throw new SwarmError(
					"ILLEGAL_STATE",
					`the occurrence "${key}" is ${row.state}, and only what has not ended is cancelled`,
				);
			const now = this.clock.now();
			const asked = { ...row, cancelling: row.cancelling ?? reason, version: row.version + 1 };
			const after: Occurrence =
				row.state === "running" ? asked : { ...asked, state: "cancelled", reason: asked.cancelling, endedAt: now };
			return (await this.host.write({ occurrences: [after] })).ok ? after : undefined;
		});
	}

	/** @throws SwarmError `UNKNOWN_OCCURRENCE`, `ILLEGAL_STATE` for one that has not ended */
	async delete(key: string): Promise<void> {
		const row = await this.get(key);
		if (!isEnded(row))
			throw new SwarmError("ILLEGAL_STATE", `the occurrence "${key}" is ${row.state}`, { hint: "cancel it first" });
		await this.host.write({ removeOccurrences: [key] });
	}

	/** Resolves when an occurrence has ended. @throws SwarmError `UNKNOWN_OCCURRENCE`, also when it is deleted meanwhile; the signal's reason */
	ended(key: string, signal?: AbortSignal): Promise<Occurrence> {
		return this.#endWaits.wait(key, signal);
	}

	async #add(row: Occurrence): Promise<Put> {
		await this.#assertRoom(1);
		return { key: row.key, isNew: (await this.#write([row])).length === 0 };
	}

	/** @returns the keys that were there */
	#write(add: readonly Occurrence[]): Promise<readonly string[]> {
		return untilWritten("what was handed in", async () => {
			const answer = await this.host.add(add);
			if (!answer.ok) return undefined;
			this.host.added(add.filter(({ key }) => !answer.present.includes(key)));
			return answer.present;
		});
	}

	async #assertRoom(count: number): Promise<void> {
		this.#uncounted -= count;
		if (this.#uncounted >= 0) return;
		const { pending = 0 } = await this.store.counts();
		const room = MOST_PENDING - pending;
		this.#uncounted = Math.floor(Math.max(room, 0) * COUNTED_SHARE);
		if (room > 0) return;
		throw new SwarmError("OVERLOADED", `${pending} occurrences wait to be started`, {
			hint: "does a service run on this store, and does it keep up?",
		});
	}
}

/** What a submission starts, as it is stored: agents by name. */
function startOf(what: GraphSpec | StartSpec): StartSpec {
	if (typeof what === "string") return what;
	if (typeof what !== "object" || what === null) throw notStart();
	if ("call" in what) {
		if (typeof what.call !== "string") throw notStart();
		return "input" in what ? { call: what.call, input: plain(what.input, "input") } : { call: what.call };
	}
	if (!Array.isArray(what.nodes)) throw notStart();
	const nodes = what.nodes.map((node) => ({ ...node, agent: agentName(node?.agent) ?? "" }));
	return { nodes: plain(nodes, "nodes") };
}

function notStart(): SwarmError {
	return new SwarmError(
		"INVALID_SPEC",
		"what is submitted is a graph { nodes: [...] }, or an agent or a skill by its name",
		{
			hint: 'submit({ nodes: [...] }), submit("name"), or submit({ call: "name", input })',
		},
	);
}

function plain<Value>(value: Value, what: string): Value {
	const wrong = findNotPlain(value);
	if (wrong === undefined) return value;
	throw new SwarmError("INVALID_INPUT", `${what} holds ${wrong.found} at "${wrong.path}"`, {
		path: wrong.path,
		hint: "it is kept in the store: JSON values, undefined in objects, and Uint8Array",
	});
}
