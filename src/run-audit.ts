import { EventRange } from "./core/event-log.js";
import type { GraphActor } from "./graph/actor.js";
import type { RunEvent } from "./graph/types.js";
import type { AuditEntry, AuditPort, AuditRecorder, AuditStats } from "./ports/audit.js";
import type { Guarded, PortGuard } from "./ports/guard.js";
import type { RunInfo } from "./ports/port.js";

/** How many entries wait for a recorder that is slower than its run. */
const MAX_WAITING = 10_000;

/** What comes together is one: events are made entries of when it is their turn. */
type Waiting = Iterable<AuditEntry | RunEvent>;

/** Tells the audit port what happens in a run, one entry after the other, and never makes the run wait. */
export class RunAudit {
	readonly #guard: PortGuard;
	readonly #actor: GraphActor;
	/** Null when nothing is recorded, or nothing any more; undefined as long as that is not known. */
	#recorder: AuditRecorder | null | undefined;
	readonly #started: Promise<void> | undefined;
	#queue: Waiting[] = [];
	/** Entries in the queue. */
	#waiting = 0;
	#lost = 0;
	#recording: Promise<void> | undefined;
	#isRecording = false;

	constructor(port: AuditPort, guard: PortGuard, run: RunInfo, actor: GraphActor) {
		this.#guard = guard;
		this.#actor = actor;
		// However large the graph is that the run began with: it is there already.
		this.#queue.push(eventsIn([...actor.log.kept()]));
		actor.subscribe((events) => this.#add(events, events.length));
		const answer = guard.ask("startRun", () => port.startRun(run));
		if (answer instanceof Promise) this.#started = answer.then((later) => this.#start(later));
		else this.#start(answer);
	}

	#start(answer: Guarded<AuditRecorder | null>): void {
		this.#recorder = answer.ok ? this.#checked(answer.value) : null;
		if (this.#recorder === null) this.#queue = [];
		else this.#pump();
	}

	#checked(recorder: unknown): AuditRecorder | null {
		if (recorder === null || recorder === undefined) return null;
		try {
			const { record, close } = recorder as Partial<AuditRecorder>;
			if (typeof record === "function" && typeof close === "function") return recorder as AuditRecorder;
			this.#guard.failed("startRun", new Error("what it gave is no recorder"));
		} catch (thrown) {
			this.#guard.failed("startRun", thrown);
		}
		return null;
	}

	add(entry: AuditEntry): void {
		this.#add([entry], 1);
	}

	#add(entries: Waiting, count: number): void {
		if (this.#recorder === null) return;
		// What comes alone is taken however much it is.
		if (this.#waiting > 0 && this.#waiting + count > MAX_WAITING) {
			this.#lost += count;
			return;
		}
		this.#waiting += count;
		this.#queue.push(entries);
		this.#pump();
	}

	#entryOf(event: RunEvent): AuditEntry {
		const { seq, at, type, ...data } = event;
		if (event.type !== "node.charged" && event.type !== "node.stepped") return { at, kind: "event", seq, type, data };
		const { graph } = this.#actor.state;
		const n = graph.index.get(event.node);
		const who = { node: event.node, agent: n === undefined ? "" : graph.spec(n).agent, attempt: event.attempt };
		if (event.type === "node.charged") return { at, kind: "usage", usage: event.usage, ...who };
		return { at, kind: "step", name: event.name, ...who, ...("value" in event && { value: event.value }) };
	}

	#pump(): void {
		if (this.#isRecording || !this.#recorder || this.#queue.length === 0) return;
		// What it sets off while it is told has to wait for its turn.
		this.#isRecording = true;
		this.#recording = this.#recordAll().then(() => {
			this.#isRecording = false;
			this.#recording = undefined;
			this.#pump();
		});
	}

	async #recordAll(): Promise<void> {
		while (this.#queue.length > 0) {
			const together = this.#queue;
			this.#queue = [];
			this.#waiting = 0;
			if (this.#lost > 0) together.push([{ at: this.#actor.clock.now(), kind: "gap", lost: this.#lost }]);
			this.#lost = 0;
			for (const entries of together) {
				for (const each of entries) {
					const told = this.#record("kind" in each ? each : this.#entryOf(each));
					if (told instanceof Promise) await told;
					if (this.#recorder === null) return;
				}
			}
		}
	}

	#record(entry: AuditEntry): void | Promise<void> {
		const recorder = this.#recorder;
		if (!recorder) return;
		const answer = this.#guard.ask("record", () => recorder.record(entry));
		if (answer instanceof Promise) return answer.then((later) => this.#told(later));
		this.#told(answer);
	}

	/** A record with a hole is none: it ends here, and is not sealed. */
	#told(answer: Guarded<void>): void {
		if (!answer.ok) this.#recorder = null;
	}

	/** The run is over: what waits is recorded, then the record is closed. */
	async close(stats: AuditStats): Promise<void> {
		await this.#started;
		while (this.#recording !== undefined) await this.#recording;
		const recorder = this.#recorder;
		this.#recorder = null;
		if (recorder) await this.#guard.ask("close", () => recorder.close(stats));
	}
}

function* eventsIn(kept: Iterable<RunEvent | EventRange<RunEvent>>): Generator<RunEvent> {
	for (const entry of kept) {
		if (!(entry instanceof EventRange)) yield entry;
		else for (let index = 0; index < entry.count; index++) yield entry.event(index);
	}
}
