import type { RunId } from "../core/ids.js";
import type { Awaitable, Journal, Writer } from "../journal/journal.js";
import type { Occurrence, OccurrenceState } from "./occurrence.js";
import type { TriggerRecord } from "./trigger.js";

/** The right to do something alone, until it expires. */
export interface ServiceLease {
	readonly name: string;
	/** Rises with each change of hands: who has an older one is refused. */
	readonly fence: number;
	readonly holder: Writer;
	/** Milliseconds since the Unix epoch. */
	readonly expiresAt: number;
}

/** Changes that are made together or not at all. */
export interface StoreChange {
	/** The lease that the writer must hold, whatever the time is; otherwise nothing is written, and the answer is `fenced`. */
	readonly lease?: { readonly name: string; readonly fence: number };
	/** New occurrences. One whose key is there is left as it is, and named in the answer. */
	readonly add?: readonly Occurrence[];
	/**
	 * Occurrences and triggers as they are to be, after what is added; the store's version must be one below theirs, 0 where there
	 * is none, otherwise nothing of the whole is written.
	 */
	readonly occurrences?: readonly Occurrence[];
	readonly triggers?: readonly TriggerRecord[];
	/** Ids, with all their occurrences. What is to be removed is removed last. */
	readonly removeTriggers?: readonly string[];
	/** Keys. */
	readonly removeOccurrences?: readonly string[];
	/** Documents by name: what agents remember, the files that a trigger knows. `undefined` takes it away. */
	readonly documents?: readonly { readonly name: string; readonly body: string | undefined }[];
}

/** What came of a change. */
export type StoreAnswer =
	| {
			readonly ok: true;
			/** Keys of `add` that were there already. */
			readonly present: readonly string[];
	  }
	/** `fenced`: the lease is another's. `stale`: something was changed by somebody else since it was read; look again. */
	| { readonly ok: false; readonly why: "fenced" | "stale" };

/** Which occurrences are wanted; the newest (by `createdAt`, then by when they were added) first. */
export interface OccurrenceFilter {
	/** Of this trigger; `null`: submissions only. */
	readonly trigger?: string | null;
	readonly states?: readonly OccurrenceState[];
	/** At most so many. */
	readonly limit?: number;
}

/** Something that one process asks of the one that has the run. */
export interface RunRequest {
	readonly id: string;
	readonly run: RunId;
	/** JSON. */
	readonly body: string;
	readonly at: number;
	/** JSON; undefined as long as nobody has answered. */
	readonly answer?: string;
}

/**
 * Where a service keeps what is to outlive it: triggers, occurrences, leases, requests, and the journal of its runs. A port:
 * `sqliteStore` and `memoryStore` are two of it, and `storeConformance` of dagswarm/testing says whether another one is right.
 *
 * Every method may answer at once or by a promise. What has been written when it answers is on the disk, where there is one.
 */
export interface Store {
	readonly journal: Journal;

	/**
	 * Takes a lease that is free, has expired, or is the holder's own already; the fence rises unless it was the holder's and had
	 * not expired.
	 *
	 * @returns the lease, as the holder has it now, or as another one has it
	 */
	acquire(name: string, holder: Writer, expiresAt: number, now: number): Awaitable<ServiceLease>;
	/** Nothing happens with another fence. The fence is not forgotten. */
	release(name: string, fence: number): Awaitable<void>;
	/** Leases that are held, expired ones included, whose name begins so. */
	leases(prefix: string): Awaitable<readonly ServiceLease[]>;

	/**
	 * A number that rises by one with each {@link write} of this object that has changed something, and is any other one when somebody
	 * else may have written. Optional: without it a leader reads again what it has written itself.
	 */
	version?(): number;

	/** All of a change or nothing. */
	write(change: StoreChange): Awaitable<StoreAnswer>;

	trigger(id: string): Awaitable<TriggerRecord | undefined>;
	/** By id. */
	triggers(): Awaitable<readonly TriggerRecord[]>;
	occurrence(key: string): Awaitable<Occurrence | undefined>;
	occurrences(filter?: OccurrenceFilter): Awaitable<readonly Occurrence[]>;
	/** How many occurrences a trigger has, by state; without an id those of all, submissions included. */
	counts(trigger?: string): Awaitable<Readonly<Partial<Record<OccurrenceState, number>>>>;
	/**
	 * Takes away ended occurrences of a trigger (`null`: submissions) beyond the newest so many, those that were created after
	 * `keepAfter` excepted: the oldest first, at most 1,000 a call. @returns how many
	 */
	trim(trigger: string | null, keep: number, keepAfter: number): Awaitable<number>;
	document(name: string): Awaitable<string | undefined>;

	/** Leaves a request; one whose id is there is left as it is. At most 10,000 are kept: the oldest go first. */
	ask(request: RunRequest): Awaitable<void>;
	/** Those that nobody has answered, oldest first. */
	requests(): Awaitable<readonly RunRequest[]>;
	request(id: string): Awaitable<RunRequest | undefined>;
	/** The first answer counts. @returns whether it was this one */
	answer(id: string, answer: string): Awaitable<boolean>;
	/** Takes one away. */
	forget(id: string): Awaitable<void>;

	/** As {@link Journal.watch}, about what is in the store beside the journal; calls may be about the journal, too. */
	watch(changed: () => void, failed: (error: unknown) => void): Awaitable<() => void>;
	/** Closes the journal, too. Harmless when it is closed. */
	close(): Awaitable<void>;
}
