import { applyPatch } from "./model-patch.js";
import {
	type CauseHint,
	ENDED,
	type ModelLease,
	type ModelLimits,
	type ModelNode,
	type ModelPatch,
	ModelRefusal,
	type PatchAuthor,
	type State,
	type Withheld,
} from "./model-types.js";

/**
 * A second, deliberately naive implementation of SEMANTICS: plain maps, readiness recomputed from
 * scratch after each command, refusals by throwing away a copy. It shares nothing with the sources.
 */

interface World {
	nodes: Map<string, ModelNode>;
	status: string;
	stopping: boolean;
	open: boolean;
	tokens: number;
	added: number;
	keys: Set<string>;
	signals: string[];
	/** When each waiting node began to wait: the first is woken first. */
	parks: string[];
}

export class Model {
	world: World = {
		nodes: new Map(),
		status: "running",
		stopping: false,
		open: true,
		tokens: 0,
		added: 0,
		keys: new Set(),
		signals: [],
		parks: [],
	};

	constructor(
		readonly limits: ModelLimits,
		readonly now: () => number,
		readonly hint: CauseHint,
	) {}

	get nodes(): Map<string, ModelNode> {
		return this.world.nodes;
	}

	get ended(): boolean {
		return !["running", "waiting", "paused", "stopping"].includes(this.world.status);
	}

	node(id: string): ModelNode {
		const node = this.nodes.get(id);
		if (node === undefined) throw new ModelRefusal("UNKNOWN_NODE");
		return node;
	}

	isEnded(id: string): boolean {
		return ENDED.has(this.node(id).state);
	}

	isUnstarted(id: string): boolean {
		return !this.isEnded(id) && !this.node(id).started;
	}

	dependents(id: string): string[] {
		return [...this.nodes].filter(([, node]) => node.deps.includes(id)).map(([each]) => each);
	}

	/** Whether `to` can be reached from `from` along edges. */
	reaches(from: string, to: string): boolean {
		const seen = new Set([from]);
		for (const each of seen) for (const next of this.dependents(each)) seen.add(next);
		return seen.has(to);
	}

	/** The state that can be seen: pending and satisfied is ready. */
	stateOf(id: string): State {
		const node = this.node(id);
		return node.state === "pending" && !node.started && this.joinOf(node) === "met" ? "ready" : node.state;
	}

	ready(): string[] {
		return [...this.nodes.keys()].filter((id) => this.stateOf(id) === "ready");
	}

	/** `gone`: dependencies that count as lost although they have not ended yet. */
	joinOf(node: ModelNode, gone: ReadonlySet<string> = new Set()): "met" | "dead" | "unmet" {
		let open = 0;
		let ok = 0;
		let failed = 0;
		let blocking = 0;
		let lost = 0;
		for (const id of node.deps) {
			const dep = this.node(id);
			if (!ENDED.has(dep.state)) gone.has(id) ? lost++ : open++;
			else if (dep.state === "completed") ok++;
			else if (dep.state === "failed" && dep.spec.onFailure === "block") blocking++;
			else if (dep.state === "failed" || dep.cause === "failure") failed++;
			else lost++;
		}
		if (node.join === "all") return failed + lost > 0 ? "dead" : open + blocking > 0 ? "unmet" : "met";
		if (node.join === "settled" || node.join === "always") return open === 0 ? "met" : "unmet";
		if (node.join === "failed") return failed + blocking > 0 ? "met" : open === 0 ? "dead" : "unmet";
		const least = Math.min(node.join === "any" ? 1 : node.join.atLeast, node.deps.length);
		return ok >= least ? "met" : ok + open + blocking < least ? "dead" : "unmet";
	}

	/** Runs a change on a copy: all of it or nothing. */
	attempt(change: () => void): string | undefined {
		const before = this.world;
		this.world = structuredClone(before);
		try {
			change();
		} catch (error) {
			this.world = before;
			if (error instanceof ModelRefusal) return error.code;
			throw error;
		}
		this.follow();
		return undefined;
	}

	mutate(patch: ModelPatch, key?: string): string | undefined {
		return this.attempt(() => {
			if (this.ended || this.world.stopping) throw new ModelRefusal("RUN_ENDED");
			if (key !== undefined && this.world.keys.has(key)) return;
			applyPatch(this, patch, undefined);
			if (key !== undefined) this.world.keys.add(key);
		});
	}

	claim(id: string): ModelLease | string {
		const refusal = this.attempt(() => {
			if (this.ended) throw new ModelRefusal("RUN_ENDED");
			if (this.world.status === "paused" || this.stateOf(id) !== "ready") throw new ModelRefusal("ILLEGAL_STATE");
			const node = this.node(id);
			node.started = true;
			node.state = "running";
			const fed = node.continues === true || this.#isFed(node);
			if (node.continues !== true) node.attempt++;
			node.continues = false;
			node.wakesAt = undefined;
			node.token = ++this.world.tokens;
			// Another attempt would find nothing else.
			if (!fed) this.failFinally(id);
		});
		if (refusal !== undefined) return refusal;
		const { attempt, token } = this.node(id);
		return this.node(id).state === "running" ? { node: id, attempt, token } : "INVALID_INPUT";
	}

	/** Whether what the input refers to is there; where a dependency was split, its name holds an object. */
	#isFed({ spec, deps, names }: ModelNode): boolean {
		const name = spec.input?.value.$output;
		if (name === undefined) return true;
		const dep = deps.find((each) => (names[each]?.[0] ?? each) === name) ?? name;
		return (names[dep]?.length ?? 0) > 1 || this.node(dep).state === "completed";
	}

	#leased(lease: ModelLease): ModelNode {
		const node = this.node(lease.node);
		if (node.state !== "running" || node.token !== lease.token || node.attempt !== lease.attempt)
			throw new ModelRefusal("STALE_LEASE");
		return node;
	}

	complete(lease: ModelLease, output: unknown, patch?: ModelPatch): string | undefined {
		return this.attempt(() => {
			const node = this.#leased(lease);
			if (node.eager) this.#withhold(node, { ok: true, output, patch });
			else this.succeed(lease.node, output, patch);
		});
	}

	#withhold(node: ModelNode, outcome: Withheld): void {
		node.state = "speculative";
		node.withheld = outcome;
	}

	/** A success counts, together with its patch. */
	succeed(id: string, output: unknown, patch: ModelPatch | undefined): void {
		const before = structuredClone(this.world);
		const node = this.node(id);
		const { attempt } = node;
		const finish = (): void => {
			const own = this.node(id);
			own.state = "completed";
			own.output = output;
			own.withheld = undefined;
		};
		const supersede = (): void => {
			for (const [each, other] of this.nodes) {
				const stale = other.addedBy === id && other.addedIn !== undefined && other.addedIn !== attempt;
				if (stale && this.isUnstarted(each)) this.abandon(each, "superseded");
			}
		};
		const plainly = (): void => {
			finish();
			supersede();
		};
		const empty = patch?.mutations.length === 0 && patch.expand !== true && patch.expect === undefined;
		if (patch === undefined || empty) return plainly();
		const author: PatchAuthor = { id, attempt, early: false, completing: true };
		try {
			applyPatch(this, patch, author, finish, supersede);
		} catch (error) {
			if (!(error instanceof ModelRefusal)) throw error;
			this.world = before;
			if (this.node(id).spec.onPatchRejected === "complete") plainly();
			else this.failAttempt(id);
		}
	}

	fail(lease: ModelLease): string | undefined {
		return this.attempt(() => {
			this.#leased(lease);
			this.failAttempt(lease.node);
		});
	}

	failAttempt(id: string): void {
		const node = this.node(id);
		node.withheld = undefined;
		const { maxAttempts, delay } = node.spec.retry ?? { maxAttempts: 1, delay: 0 };
		if (node.attempt >= maxAttempts) return this.failFinally(id);
		// Exponential with factor 2, the default.
		node.wakesAt = this.now() + delay * 2 ** (node.attempt - 1);
		node.state = delay === 0 ? "ready" : "waiting";
	}

	failFinally(id: string): void {
		const node = this.node(id);
		if (node.eager) return this.#withhold(node, { ok: false });
		node.state = "failed";
		if (node.spec.onFailure !== "failRun" || this.world.stopping) return;
		this.world.stopping = true;
		this.world.status = "stopping";
		for (const [each, other] of this.nodes)
			if (!ENDED.has(other.state) && !(other.join === "always" && this.isUnstarted(each))) other.state = "cancelled";
	}

	abandon(id: string, reason: string): void {
		const node = this.node(id);
		if (ENDED.has(node.state)) return;
		node.state = "abandoned";
		node.abandoned = reason;
	}

	commit(lease: ModelLease, patch: ModelPatch): string | undefined {
		return this.attempt(() => {
			if (this.#leased(lease).eager) throw new ModelRefusal("NOT_PERMITTED");
			applyPatch(this, patch, { id: lease.node, attempt: lease.attempt, early: true, completing: false });
		});
	}

	park(lease: ModelLease, wait: { readonly until: number } | { readonly signal: string }): string | undefined {
		return this.attempt(() => {
			const node = this.#leased(lease);
			node.state = "waiting";
			if ("until" in wait) node.wakesAt = wait.until;
			else {
				node.awaits = wait.signal;
				this.world.parks.push(lease.node);
				const kept = this.world.signals.indexOf(wait.signal);
				if (kept >= 0) {
					this.world.signals.splice(kept, 1);
					this.#wake(lease.node);
				}
			}
			node.continues = true;
		});
	}

	#wake(id: string): void {
		const node = this.node(id);
		node.state = "ready";
		node.awaits = undefined;
		node.wakesAt = undefined;
		this.world.parks = this.world.parks.filter((each) => each !== id);
	}

	signal(name: string): string | undefined {
		return this.attempt(() => {
			if (this.ended) throw new ModelRefusal("RUN_ENDED");
			const id = this.world.parks.find(
				(each) => this.node(each).state === "waiting" && this.node(each).awaits === name,
			);
			if (id === undefined) this.world.signals.push(name);
			else this.#wake(id);
		});
	}

	/** The clock has moved: what was due is awake. */
	tick(): void {
		void this.attempt(() => {
			for (const [id, node] of this.nodes)
				if (node.state === "waiting" && node.wakesAt !== undefined && node.wakesAt <= this.now()) this.#wake(id);
		});
	}

	cancel(): string | undefined {
		return this.attempt(() => {
			if (this.ended) throw new ModelRefusal("RUN_ENDED");
			for (const node of this.nodes.values()) if (!ENDED.has(node.state)) node.state = "cancelled";
			this.world.status = "cancelled";
		});
	}

	pause(): string | undefined {
		return this.attempt(() => {
			if (this.ended) throw new ModelRefusal("RUN_ENDED");
			if (this.world.status === "stopping") throw new ModelRefusal("ILLEGAL_STATE");
			this.world.status = "paused";
		});
	}

	resume(): string | undefined {
		return this.attempt(() => {
			if (this.ended) throw new ModelRefusal("RUN_ENDED");
			if (this.world.status === "paused") this.world.status = "running";
		});
	}

	close(): string | undefined {
		return this.attempt(() => {
			this.world.open = false;
		});
	}

	/** Joins first, round by round, then what becomes of the run. */
	follow(): void {
		if (this.ended) return;
		const dead: ModelNode[] = [];
		for (;;) {
			const dying = [...this.nodes].filter(([id, node]) => this.isUnstarted(id) && this.joinOf(node) === "dead");
			if (dying.length === 0) break;
			const causes = dying.map(([id, node]) => this.#causeOf(id, node));
			dying.forEach(([, node], i) => {
				node.state = "skipped";
				node.cause = causes[i] as "failure";
				dead.push(node);
			});
		}
		// A hint is only a hint.
		for (const node of dead) if (!this.#isByFailure(node)) node.cause = "not-needed";
		this.world.status = this.#statusNow();
	}

	#causeOf(id: string, node: ModelNode): "failure" | "not-needed" {
		if (this.#isByFailure(node)) return "failure";
		// One that is still open may die of a failure in this very command, before or after this one is looked at.
		const undecided = node.deps.some((dep) => !this.isEnded(dep));
		return (undecided ? this.hint(id) : undefined) ?? "not-needed";
	}

	#isByFailure({ deps }: ModelNode): boolean {
		return deps.some((dep) => {
			const { state, cause, spec } = this.node(dep);
			return (state === "failed" && spec.onFailure !== "block") || cause === "failure";
		});
	}

	#statusNow(): string {
		const { status, stopping, open } = this.world;
		const states = [...this.nodes.keys()].map((id) => this.stateOf(id));
		const nodes = [...this.nodes.values()];
		const awaiting = nodes.filter((node) => node.state === "waiting" && node.awaits !== undefined).length;
		const busy = states.filter((state) => state === "running" || state === "ready" || state === "waiting").length;
		if (busy > awaiting) return status === "waiting" ? "running" : status;
		if (states.every((state) => ENDED.has(state))) {
			if (stopping) return "failed";
			if (open) return status;
			const sinks = [...this.nodes].filter(([id]) => this.dependents(id).length === 0);
			const bad = sinks.some(
				([, { state, cause }]) => state === "failed" || (state === "skipped" && cause === "failure"),
			);
			return bad ? "failed" : "completed";
		}
		if (awaiting > 0) return status === "running" ? "waiting" : status;
		if (stopping) return "failed";
		return open || status === "paused" ? status : "stalled";
	}
}
