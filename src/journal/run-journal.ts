import type { NodeId, RunId } from "../core/ids.js";
import { hasEnded, type RunStatus } from "../core/lifecycle.js";
import type { GraphActor } from "../graph/actor.js";
import type { EventSink } from "../graph/actor-config.js";
import type { RunEvent } from "../graph/types.js";
import { RecordEncoder } from "./codec.js";
import type { CheckpointChange, MemoEntry, RunAppend } from "./journal.js";
import type { JournalWriter } from "./writer.js";

/** The journal of one run, as its actor sees it. */
export class RunJournal implements EventSink {
	/** Only where effects wait for the disk: the actor then hands over what it has decided when it is asked. */
	readonly defer?: (actor: GraphActor) => void;
	/** The last event that is written. */
	written: number;
	/** Something is left to do for the run when it has ended: until {@link end} the journal lists it as one that goes on. */
	staysOpen = false;
	/** Called when something was written. */
	onWritten: (() => void) | undefined;
	readonly #encoder: RecordEncoder;
	readonly #writer: JournalWriter;
	/** The run's, once it is there. */
	#actor: GraphActor | undefined;
	/** The actor has decided something that it has not handed over. */
	#deferred = false;
	#create: RunAppend["create"];
	#status: RunStatus;
	#last: number;
	readonly #checkpoints = new Map<NodeId, string | undefined>();
	/** Nodes whose progress is saved, and goes when they end. */
	readonly #saved = new Set<NodeId>();
	#memos: MemoEntry[] = [];
	readonly #offered = new Map<NodeId, MemoEntry>();
	#waiters: PromiseWithResolvers<void>[] = [];
	/** What is on its way: up to which event, whether the actor handed over something of it, and who waits for it. */
	#sent: { readonly last: number; readonly deferred: boolean; readonly waiters: PromiseWithResolvers<void>[] } = {
		last: 0,
		deferred: false,
		waiters: [],
	};
	#sending = false;
	/** The actor is told by what `append` throws. */
	#appending = false;
	#lost: unknown;

	constructor(
		writer: JournalWriter,
		readonly run: RunId,
		readonly epoch: number,
		last: number,
		status: RunStatus,
	) {
		this.#status = status;
		this.#writer = writer;
		this.#encoder = new RecordEncoder(run);
		this.written = last;
		this.#last = last;
		const { durability, clock } = writer.options;
		if (last === 0) this.#create = { writer: writer.options.writer, at: clock.now() };
		if (durability === "strict") {
			this.defer = (actor) => {
				this.#actor = actor;
				this.#deferred = true;
				writer.schedule(this);
			};
		}
	}

	/** Whose batches these are. */
	bind(actor: GraphActor): void {
		this.#actor = actor;
	}

	append(events: readonly RunEvent[]): void | PromiseLike<void> {
		return this.appendEach((take) => events.forEach(take));
	}

	appendEach(each: (take: (event: RunEvent) => void) => void): void | PromiseLike<void> {
		if (this.#lost !== undefined) throw this.#lost;
		const before = this.#last;
		each(this.#take);
		this.#appending = true;
		try {
			const later = this.#writer.runAhead(this, this.#last - before);
			if (this.#lost !== undefined) throw this.#lost;
			return later;
		} finally {
			this.#appending = false;
		}
	}

	settle(): void {
		if (this.#deferred) void this.#writer.flush();
	}

	/** Saves a node's progress; `undefined` takes it away. @returns when it is written */
	saveCheckpoint(node: NodeId, body: string | undefined): Promise<void> {
		this.#saved.add(node);
		this.#checkpoints.set(node, body);
		return this.#wait();
	}

	/** Nodes that had progress saved when the run was taken over. */
	knowCheckpoints(nodes: Iterable<NodeId>): void {
		for (const node of nodes) this.#saved.add(node);
	}

	/** An outcome that calls which ask for the same may use, if the node completes with it: it is written together with that. */
	offerMemo(node: NodeId, memo: MemoEntry | undefined): void {
		if (memo === undefined) this.#offered.delete(node);
		else this.#offered.set(node, memo);
	}

	/** Resolves when all that was decided until now is written; rejects when it is not. */
	flushed(): Promise<void> {
		if (this.#lost !== undefined) return Promise.reject(this.#lost);
		const waits = this.#deferred || this.#last > this.written || this.#checkpoints.size > 0 || this.#sending;
		return waits ? this.#wait() : Promise.resolve();
	}

	#wait(): Promise<void> {
		if (this.#lost !== undefined) return Promise.reject(this.#lost);
		// Bound to what is handed over next: what is on its way may have left without it.
		const waiter = Promise.withResolvers<void>();
		this.#waiters.push(waiter);
		this.#writer.schedule(this);
		return waiter.promise;
	}

	/** Made once: it is called for every event. */
	readonly #take = (event: RunEvent): void => this.#add(event);

	#add(event: RunEvent): void {
		this.#encoder.add(event);
		this.#last = event.seq;
		// All other events are of nodes, edges and patches.
		if (event.type.charCodeAt(0) === R) this.#status = statusAfter(event, this.#status);
		else this.#addToNode(event);
	}

	#addToNode(event: RunEvent): void {
		if (this.#offered.size > 0 && event.type === "node.completed") {
			const memo = this.#offered.get(event.node);
			if (memo !== undefined) this.#memos.push(memo);
			this.#offered.delete(event.node);
		}
		if (this.#saved.size > 0 && ENDS.has(event.type) && "node" in event && event.node !== undefined) {
			if (this.#saved.delete(event.node)) this.#checkpoints.set(event.node, undefined);
		}
	}

	/** For the writer: everything that is to be written now. */
	handOver(): RunAppend {
		// What the actor decides from now on goes with what is handed over next.
		const deferred = this.#deferred;
		this.#deferred = false;
		if (deferred) this.#actor?.handOver(this.#take);
		const { records, blobs } = this.#encoder.take();
		const checkpoints: CheckpointChange[] = [...this.#checkpoints].map(([node, body]) => ({ node, body }));
		const memos = this.#memos;
		this.#checkpoints.clear();
		this.#memos = [];
		this.#sent = { last: this.#last, deferred, waiters: this.#waiters };
		this.#sending = true;
		this.#waiters = [];
		return {
			run: this.run,
			epoch: this.epoch,
			...(this.#create !== undefined && { create: this.#create }),
			records,
			blobs,
			status: this.#status,
			ended: hasEnded(this.#status) && !this.staysOpen,
			checkpoints,
			memos,
		};
	}

	/** Whether the journal has the run: from its first batch on. */
	get isStored(): boolean {
		return this.#create === undefined;
	}

	/** For the writer: it is written. */
	kept(): void {
		this.#create = undefined;
		this.#sending = false;
		const { last, deferred, waiters } = this.#sent;
		this.written = last;
		this.#sent = { last, deferred: false, waiters: [] };
		// First: what follows from it may already decide more.
		this.onWritten?.();
		if (deferred) this.#actor?.accepted();
		for (const waiter of waiters) waiter.resolve();
	}

	/** It is not written, and no more will be: the run stops here. */
	lost(error: unknown): void {
		if (this.#lost !== undefined) return;
		this.#lost = error;
		this.#deferred = false;
		this.#writer.forget(this);
		const waiters = [...this.#sent.waiters, ...this.#waiters];
		this.#waiters = [];
		if (!this.#appending) this.#actor?.lose(error);
		for (const waiter of waiters) waiter.reject(error);
	}

	/** Nothing is left to do for a run that has ended. @returns when it is written */
	end(): Promise<void> {
		this.staysOpen = false;
		// All that the run was is written: whatever becomes of this, its actor is told nothing any more.
		this.#actor = undefined;
		return this.#wait();
	}

	/** The run is over here, ended or not. */
	close(): void {
		this.#writer.forget(this);
	}
}

/** What "run." begins with. */
const R = 114;

const ENDS = new Set<RunEvent["type"]>([
	"node.completed",
	"node.failed",
	"node.skipped",
	"node.abandoned",
	"node.cancelled",
]);

function statusAfter(event: RunEvent, before: RunStatus): RunStatus {
	switch (event.type) {
		case "run.started":
		case "run.resumed":
			return "running";
		case "run.waiting":
			return "waiting";
		case "run.paused":
			return "paused";
		case "run.stopping":
			return "stopping";
		case "run.ended":
			return event.status;
		default:
			return before;
	}
}
