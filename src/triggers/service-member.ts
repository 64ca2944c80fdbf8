import type { Clock, Timer } from "../core/clock.js";
import { milliseconds } from "../core/durations.js";
import { SwarmError } from "../core/errors.js";
import { thisProcess } from "../core/host.js";
import type { IdSource } from "../core/ids.js";
import type { Writer } from "../journal/journal.js";
import { Dispatcher } from "./dispatcher.js";
import { ON_TIME_MS } from "./due.js";
import { FileTriggers } from "./file-triggers.js";
import type { HttpEndpoint } from "./http-endpoint.js";
import { Intake } from "./intake.js";
import { Leadership } from "./leadership.js";
import type { Occurrence } from "./occurrence.js";
import { Pen } from "./pen.js";
import { RunDesk } from "./run-desk.js";
import { answerRequests } from "./run-requests.js";
import { ServiceMetrics, type ServiceNumbers } from "./service-metrics.js";
import { guarded, type ServiceObserver } from "./service-observer.js";
import { leaseOf, type ServiceOptions } from "./service-options.js";
import type { StoreAnswer, StoreChange } from "./store.js";
import type { TriggerSpec } from "./trigger.js";
import type { TriggerBook } from "./trigger-book.js";

/** Other processes write often: who stands by looks who leads so often at most. */
const STIR_PAUSE_MS = 250;

/** How a service stands. */
export interface ServiceHealth {
	/** Whether it does what it is there for: it has been started, and its store answers. */
	readonly ok: boolean;
	readonly state: "new" | "standby" | "leading" | "stopping" | "stopped";
	/** Who leads, as far as is known. */
	readonly leader: Writer | undefined;
	/** Runs of occurrences that go on in this process. */
	readonly running: number;
	/** What went wrong a moment ago. */
	readonly problem?: string;
}

/** What a {@link ServiceMember} works with. */
export interface MemberOptions extends ServiceOptions {
	readonly clock: Clock;
	readonly ids: IdSource;
	readonly book: TriggerBook;
	/** The program's own triggers, checked. */
	readonly specs: readonly TriggerSpec[];
	/** Where it is asked by HTTP. */
	readonly endpoint: HttpEndpoint | undefined;
}

/** One process of a service: it stands by or leads, and runs what it has started until the end. */
export class ServiceMember {
	readonly #options: MemberOptions;
	readonly #clock: Clock;
	readonly #observer: ServiceObserver;
	readonly #pen: Pen;
	readonly #desk: RunDesk;
	readonly #leadership: Leadership;
	readonly #metrics = new ServiceMetrics();
	readonly #intake = new Intake((change) => this.write(change));
	readonly #lease: number;
	/** While this process leads. */
	#office: { readonly dispatcher: Dispatcher; readonly files: FileTriggers } | undefined;
	#state: ServiceHealth["state"] = "new";
	#problem: { readonly text: string; readonly at: number } | undefined;
	#ends: (() => void)[] = [];
	#stirredAt = Number.NEGATIVE_INFINITY;
	#willStir = false;
	#retry: Timer | undefined;
	#leading: Promise<void> = Promise.resolve();
	#stopping: Promise<void> | undefined;

	constructor(options: MemberOptions) {
		const { store, swarm, clock, ids, metadata } = options;
		this.#options = options;
		this.#clock = clock;
		this.#observer = guarded(options.observer, (error) => this.fail(error));
		this.#lease = leaseOf(options);
		this.#pen = new Pen(store);
		this.#desk = new RunDesk({
			store,
			swarm,
			clock,
			metadata,
			onRun: (run, occurrence) => this.#observer.run?.(run, occurrence),
			pen: this.#pen,
			known: () => this.#office?.dispatcher.known,
			onSettled: (settlement) => {
				for (const row of settlement.rows) this.#note(row);
				this.#office?.dispatcher.settled(settlement);
			},
			onError: (error) => this.#runFailed(error),
		});
		this.#leadership = new Leadership({
			store,
			clock,
			ttl: this.#lease,
			holder: { id: ids.run(), ...thisProcess() },
			onGain: (fence) => this.#lead(fence),
			onLoss: () => this.#follow(),
			onError: (error) => this.fail(error),
		});
	}

	get isLeading(): boolean {
		return this.#leadership.fence !== undefined;
	}

	get address(): string | undefined {
		return this.#options.endpoint?.address;
	}

	async numbers(): Promise<ServiceNumbers> {
		const stored = await this.#options.store.counts();
		return this.#metrics.numbers(stored, { isLeading: this.isLeading, running: this.#desk.size });
	}

	/** Resolves when it is known who leads, and this process has taken up what was left behind where it does. */
	async start(): Promise<void> {
		if (this.#state !== "new")
			throw new SwarmError("ILLEGAL_STATE", "the service was started before", { hint: "make another one" });
		this.#state = "standby";
		const { store, swarm, endpoint } = this.#options;
		await endpoint?.open().catch((error) => {
			this.#state = "new";
			throw error;
		});
		// It may have been stopped meanwhile.
		if (this.#state !== "standby") return;
		this.#ends.push(this.#clock.hold());
		const onError = (error: unknown): void => this.fail(error);
		try {
			this.#ends.push(await store.watch(() => this.#changed(), onError));
			this.#ends.push(await answerRequests(store, swarm, { onError }));
		} catch (error) {
			// Nobody is there to keep the process for.
			this.#letGo();
			if (this.#state === "standby") this.#state = "new";
			throw error;
		}
		if (this.#state !== "standby") return this.#letGo();
		await this.#leadership.look();
		await this.#leading;
	}

	/** @param grace - milliseconds */
	stop(grace: number): Promise<void> {
		this.#stopping ??= this.#stop(grace);
		return this.#stopping;
	}

	async #stop(grace: number): Promise<void> {
		this.#state = "stopping";
		try {
			await this.#resign();
			// Others need not wait for what ends here: which attempt a row is at says whose end counts.
			await this.#leadership.close().catch((error) => this.fail(error));
			await this.#leading;
			await this.#resign();
			await this.#options.swarm.drain(grace);
			await this.#desk.close();
			await this.#options.endpoint?.close(grace);
		} finally {
			if (this.#retry !== undefined) this.#clock.clear(this.#retry);
			this.#letGo();
			this.#state = "stopped";
		}
	}

	/** Hears of the store no more, and keeps the process no longer. */
	#letGo(): void {
		for (const end of this.#ends.splice(0)) end();
	}

	/** Resolves when nothing is decided or watched here any more. */
	async #resign(): Promise<void> {
		const office = this.#office;
		this.#office = undefined;
		await Promise.all([office?.dispatcher.close(), office?.files.close()]);
	}

	/** This process has written to the store. */
	look(): void {
		this.#office?.dispatcher.look();
	}

	/** Writes for whoever uses this process's service, in turn with what it decides itself. */
	async write(change: StoreChange | (() => StoreChange)): Promise<StoreAnswer> {
		const answer = await this.#pen.turn(() => this.#pen.write(typeof change === "function" ? change() : change));
		// Who has written meanwhile may have been taken for this process.
		if (this.#pen.isBehind) this.look();
		return answer;
	}

	/** Adds occurrences for whoever uses this process's service. */
	add(rows: readonly Occurrence[]): Promise<StoreAnswer> {
		return this.#intake.add(rows);
	}

	/** This process has added occurrences to the store, or changed them. */
	added(rows: readonly Occurrence[]): void {
		this.#office?.dispatcher.added(rows);
	}

	/** Somebody has cancelled an occurrence: if its run goes on here, it is told. */
	cancel(row: Occurrence, reason: string): void {
		if (row.state === "running") this.#desk.cancel(row, reason);
		else this.#note(row);
		this.added([row]);
	}

	/** Something that failed counts for three leases. */
	health(): ServiceHealth {
		const isRecent = this.#problem !== undefined && this.#clock.now() < this.#problem.at + 3 * this.#lease;
		return {
			ok: (this.#state === "standby" || this.#state === "leading") && !isRecent,
			state: this.#state,
			leader: this.#leadership.leader,
			running: this.#desk.size,
			...(this.#problem !== undefined && isRecent && { problem: this.#problem.text }),
		};
	}

	#note(row: Occurrence): void {
		this.#metrics.note(row);
		this.#observer.occurrence?.(row);
	}

	fail(error: unknown): void {
		const text = error instanceof Error ? error.message : String(error);
		this.#problem = { text, at: this.#clock.now() };
		this.#metrics.failed();
		tell(this.#options.onError, error, `a service met with: ${text}`);
	}

	warn(text: string): void {
		tell(this.#options.onWarning, text, text);
	}

	/** Who has a swarm that is closed can start nothing any more, and would keep others from it. */
	#runFailed(error: unknown): void {
		const isClosed = SwarmError.is(error) && error.code === "SWARM_CLOSED";
		if (isClosed && this.#stopping !== undefined) return;
		this.fail(error);
		if (isClosed) this.stop(0).catch((failed) => this.fail(failed));
	}

	#changed(): void {
		if (this.#office !== undefined) return this.#office.dispatcher.changed();
		if (this.#willStir) return;
		const soon = this.#stirredAt + STIR_PAUSE_MS;
		const now = this.#clock.now();
		this.#willStir = true;
		this.#clock.set(Math.max(now, soon), () => {
			this.#willStir = false;
			this.#stirredAt = this.#clock.now();
			void this.#leadership.stir();
			// It may still have runs from when it led, or when it stops.
			this.#desk.look().catch((error) => this.fail(error));
		});
	}

	#lead(fence: number): void {
		if (this.#state === "stopping" || this.#state === "stopped") return;
		if (this.#state !== "leading") this.#observer.leading?.(true);
		this.#state = "leading";
		this.#leading = this.#leading
			.then(() => this.#takeOffice(fence))
			.catch((error) => {
				this.fail(error);
				this.#tryAgain(fence);
			});
	}

	/** Who has the lease and cannot lead would keep everybody from leading. */
	#tryAgain(fence: number): void {
		this.#retry = this.#clock.set(this.#clock.now() + this.#lease, () => {
			if (this.#leadership.fence === fence && this.#state === "leading") this.#lead(fence);
		});
	}

	async #takeOffice(fence: number): Promise<void> {
		const { store, book, specs, keepKeys = "1d", cwd = process.cwd() } = this.#options;
		if (this.#leadership.fence !== fence || this.#state !== "leading") return;
		if (!(await book.sync(specs, fence, (error) => this.fail(error)))) return;
		if (this.#leadership.fence !== fence || this.#state !== "leading") return;
		// Only what comes after it has failed.
		if (this.#office !== undefined) return this.#recoverRest();
		const files = new FileTriggers({
			store,
			fence,
			clock: this.#clock,
			tryAgain: this.#lease,
			cwd,
			onChange: () => this.look(),
			onProblem: ({ code, message }, trigger) => this.warn(`trigger "${trigger}": ${code}: ${message}`),
		});
		const dispatcher = new Dispatcher({
			store,
			fence,
			clock: this.#clock,
			desk: this.#desk,
			pen: this.#pen,
			tolerance: Math.max(ON_TIME_MS, 3 * this.#lease),
			lookAgain: this.#lease,
			keepKeys: milliseconds(keepKeys, "keepKeys"),
			onFenced: () => void this.#leadership.look(),
			onError: (error) => this.fail(error),
			onDecided: (row) => this.#note(row),
			onTriggers: (records) => files.follow(records),
		});
		this.#office = { dispatcher, files };
		await dispatcher.begin();
		await files.opened();
		if (this.#options.recover !== "own" && this.#office?.dispatcher === dispatcher) await this.#recoverRest();
	}

	/** Runs that nothing of the service has started. */
	async #recoverRest(): Promise<void> {
		const { swarm } = this.#options;
		const { runs, refused } = await swarm.recoverAll();
		for (const run of runs) this.#observer.run?.(run, undefined);
		for (const { run, error } of refused) {
			if (error.code === "RUN_BUSY") continue;
			this.warn(`the run "${run}" cannot be brought back here: ${error.code}: ${error.message}`);
		}
	}

	#follow(): void {
		if (this.#state === "leading") {
			this.#state = "standby";
			this.#observer.leading?.(false);
		}
		this.#resign().catch((error) => this.fail(error));
	}
}

/** The listener is the program's: what it throws stops nothing here. */
function tell<Told>(listener: ((told: Told) => void) | undefined, told: Told, text: string): void {
	try {
		if (listener !== undefined) return listener(told);
	} catch (error) {
		process.emitWarning(`a listener of a service threw: ${String(error)}`, WARNING);
	}
	process.emitWarning(text, WARNING);
}

const WARNING = "SwarmServiceWarning";
