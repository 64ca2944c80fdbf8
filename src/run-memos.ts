import type { Clock } from "./core/clock.js";
import { sealed } from "./core/sealed-text.js";
import { taggedText } from "./core/tagged-json.js";
import { isThenable } from "./core/thenable.js";
import type { MemoStore, Remembered } from "./executor/attempt.js";
import type { Lease } from "./graph/types.js";
import { unsealed } from "./journal/codec.js";
import type { Journal } from "./journal/journal.js";
import type { RunJournal } from "./journal/run-journal.js";

/** Outcomes of earlier calls in the journal of a run: its own, and those of other runs. */
export class RunMemos implements MemoStore {
	constructor(
		private readonly journal: Journal,
		private readonly sink: RunJournal,
		private readonly clock: Clock,
	) {}

	find(key: string): Remembered | undefined | PromiseLike<Remembered | undefined> {
		try {
			const found = this.journal.memo(key, this.clock.now());
			return isThenable(found) ? found.then((body) => read(key, body), unreadable) : read(key, found);
		} catch {
			return unreadable();
		}
	}

	offer({ node }: Lease, key: string, remembered: Remembered, ttl: number | undefined): void {
		const expiresAt = ttl === undefined ? undefined : this.clock.now() + ttl;
		this.sink.offerMemo(node, { key, body: sealed(taggedText(remembered)), expiresAt });
	}

	withdraw({ node }: Lease): void {
		this.sink.offerMemo(node, undefined);
	}
}

/** How many outcomes a swarm without a journal remembers. */
const MAX_REMEMBERED = 10_000;

/** Outcomes of earlier calls in memory, the latest used ones. */
export class RecentMemos implements MemoStore {
	/** In the order of their last use. */
	readonly #recent = new Map<string, { readonly remembered: Remembered; readonly expiresAt: number }>();

	constructor(private readonly clock: Clock) {}

	find(key: string): Remembered | undefined {
		const found = this.#recent.get(key);
		if (found === undefined) return undefined;
		this.#recent.delete(key);
		if (found.expiresAt <= this.clock.now()) return undefined;
		this.#recent.set(key, found);
		return found.remembered;
	}

	offer(_lease: Lease, key: string, remembered: Remembered, ttl = Number.POSITIVE_INFINITY): void {
		this.#recent.delete(key);
		this.#recent.set(key, { remembered, expiresAt: this.clock.now() + ttl });
		const [oldest] = this.#recent.keys();
		if (this.#recent.size > MAX_REMEMBERED && oldest !== undefined) this.#recent.delete(oldest);
	}

	withdraw(_lease: Lease, key: string): void {
		this.#recent.delete(key);
	}
}

/** It would have saved a call. Whether the journal is lost is told by what is written next. */
function unreadable(): undefined {
	return undefined;
}

function read(key: string, body: string | undefined): Remembered | undefined {
	if (body === undefined) return undefined;
	try {
		return parsed(key, body);
	} catch {
		// It only saves a call: a damaged one is none, and the outcome of the call takes its place.
		return undefined;
	}
}

function parsed(key: string, body: string): Remembered {
	// The checksum says that it is what was remembered; an output that was undefined is not in the text.
	const found = unsealed(`the memo ${key}`, body) as Partial<Remembered>;
	return { ...found, output: found.output, patch: found.patch };
}
