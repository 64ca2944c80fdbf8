import { EventRange } from "./core/event-log.js";
import type { GraphActor } from "./graph/actor.js";
import type { RunEvent } from "./graph/types.js";
import type { AuditEntry, AuditPort, AuditRecorder, AuditStats } from "./ports/audit.js";
import type { Guarded, PortGuard } from "./ports/guard.js";
import type { RunInfo } from "./ports/port.js";

/** How many entries wait for a recorder that is slower than its run. */
const MAX_WAITING = 10_000;

/** Tells the audit port what happens in a run, one entry after the other, and never makes the run wait. */
export class RunAudit {
	readonly #guard: PortGuard;
	readonly #actor: GraphActor;
	/** Null when nothing is recorded, or nothing any more. */
	#recorder: AuditRecorder | null = null;
	readonly #started: Promise<void>;
	#isStarted = false;
	#queue: AuditEntry[] = [];
	#lost = 0;
	#pumping: Promise<void> | undefined;

	constructor(port: AuditPort, guard: PortGuard, run: RunInfo, actor: GraphActor) {
		this.#guard = guard;
		this.#actor = actor;
		for (const entry of actor.log.kept()) {
			if (!(entry instanceof EventRange)) this.#event(entry);
			else for (let index = 0; index < entry.count; index++) this.#event(entry.event(index));
		}
		actor.subscribe((events) => {
			for (const event of events) this.#event(event);
		});
		this.#started = this.#start(() => guard.ask("startRun", () => port.startRun(run)));
	}

	async #start(ask: () => Guarded<AuditRecorder | null> | Promise<Guarded<AuditRecorder | null>>): Promise<void> {
		const answer = await ask();
		this.#isStarted = true;
		if (answer.ok) this.#recorder = this.#checked(answer.value);
		if (this.#recorder === null) this.#queue = [];
		else this.#pump();
	}

	#checked(recorder: unknown): AuditRecorder | null {
		if (recorder === null || recorder === undefined) return null;
		const { record, close } = recorder as Partial<AuditRecorder>;
		if (typeof record === "function" && typeof close === "function") return recorder as AuditRecorder;
		this.#guard.failed("startRun", new Error("what it gave is no recorder"));
		return null;
	}

	add(entry: AuditEntry): void {
		if (this.#isStarted && this.#recorder === null) return;
		if (this.#queue.length >= MAX_WAITING) {
			this.#lost++;
			return;
		}
		this.#queue.push(entry);
		if (this.#isStarted) this.#pump();
	}

	#event(event: RunEvent): void {
		const { at } = event;
		if (event.type === "node.charged" || event.type === "node.stepped") {
			const n = this.#actor.state.graph.index.get(event.node);
			const agent = n === undefined ? "" : this.#actor.state.graph.spec(n).agent;
			const who = { node: event.node, agent, attempt: event.attempt };
			if (event.type === "node.charged") this.add({ at, kind: "usage", usage: event.usage, ...who });
			else this.add({ at, kind: "step", name: event.name, ...who, ...("value" in event && { value: event.value }) });
			return;
		}
		const { seq, at: _, type, ...data } = event;
		this.add({ at, kind: "event", seq, type, data });
	}

	#pump(): void {
		if (this.#pumping !== undefined || this.#queue.length === 0) return;
		this.#pumping = this.#record().finally(() => {
			this.#pumping = undefined;
			if (this.#recorder !== null) this.#pump();
		});
	}

	async #record(): Promise<void> {
		// What comes together is taken together: a queue that is shifted entry by entry costs its length each time.
		while (this.#queue.length > 0 && this.#recorder !== null) {
			const entries = this.#queue;
			this.#queue = [];
			if (this.#lost > 0) entries.push({ at: this.#actor.clock.now(), kind: "gap", lost: this.#lost });
			this.#lost = 0;
			for (const entry of entries) {
				const recorder = this.#recorder;
				if (recorder === null) return;
				const asked = this.#guard.ask("record", () => recorder.record(entry));
				const answer = asked instanceof Promise ? await asked : asked;
				// A record with a hole is none: it ends here, and is not sealed.
				if (!answer.ok) this.#recorder = null;
			}
		}
	}

	/** The run is over: what waits is recorded, then the record is closed. */
	async close(stats: AuditStats): Promise<void> {
		await this.#started;
		while (this.#pumping !== undefined) await this.#pumping;
		const recorder = this.#recorder;
		this.#recorder = null;
		if (recorder !== null) await this.#guard.ask("close", () => recorder.close(stats));
	}
}
