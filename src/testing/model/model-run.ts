import type { NodeState } from "../../core/lifecycle.js";
import type { SkipCause, StagedPatch } from "../../graph/types.js";
import { judgeJoin, skipDead, statusNow } from "./model-consequences.js";
import {
	ENDED,
	type ModelLimits,
	type ModelNode,
	type ModelOutcome,
	ModelRefusal,
	type PatchAuthor,
} from "./model-node.js";
import { applyPatch } from "./model-patch.js";
import { type AttemptFailure, armTotal, retryWait } from "./model-time.js";
import { copyWorld, createWorld, type World } from "./model-world.js";

/** The state of the model and what can become of its nodes; the commands are those of the reference model. */
export class ModelRun {
	world: World;

	constructor(
		readonly limits: ModelLimits,
		open: boolean,
		now: number,
		readonly causeOf: (id: string) => SkipCause | undefined,
	) {
		this.world = createWorld(open, now);
	}

	get nodes(): Map<string, ModelNode> {
		return this.world.nodes;
	}

	get now(): number {
		return this.world.now;
	}

	get isEnded(): boolean {
		return !["running", "waiting", "paused", "stopping"].includes(this.world.status);
	}

	node(id: string): ModelNode {
		const node = this.nodes.get(id);
		if (node === undefined) throw new ModelRefusal("UNKNOWN_NODE");
		return node;
	}

	isUnstarted(id: string): boolean {
		const { state, started } = this.node(id);
		return !started && !ENDED.has(state);
	}

	dependents(id: string): string[] {
		const found: string[] = [];
		for (const [each, { deps }] of this.nodes) if (deps.includes(id)) found.push(each);
		return found;
	}

	/** Whether `to` can be reached from `from` along edges. */
	reaches(from: string, to: string): boolean {
		const above = new Set([to]);
		for (const id of above) for (const dep of this.node(id).deps) above.add(dep);
		return above.has(from);
	}

	/** The state that can be seen: pending and satisfied is ready. */
	stateOf(id: string): NodeState {
		const node = this.node(id);
		return node.state === "pending" && !node.started && this.joinOf(node) === "met" ? "ready" : node.state;
	}

	/** `gone`: dependencies that count as lost although they have not ended yet. */
	joinOf(node: ModelNode, gone?: ReadonlySet<string>): "met" | "dead" | "unmet" {
		return judgeJoin(node, this.nodes, gone);
	}

	/** Runs a change on a copy: all of it or nothing. @returns the code of what refused it */
	attempt(change: () => void): string | undefined {
		const before = this.world;
		this.world = copyWorld(before);
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

	/** Joins first, round by round, then what becomes of the run. */
	follow(): void {
		if (this.isEnded) return;
		skipDead(this, this.causeOf);
		this.world.status = statusNow(this, this.world);
	}

	withhold(node: ModelNode, outcome: ModelOutcome): void {
		node.state = "speculative";
		node.withheld = outcome;
		node.wait = undefined;
		node.attemptDue = undefined;
		node.totalDue = undefined;
	}

	/** A success counts, together with its patch. */
	succeed(id: string, output: unknown, patch: StagedPatch | undefined): void {
		const { attempt } = this.node(id);
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
		const before = copyWorld(this.world);
		const author: PatchAuthor = { id, attempt, early: false, completing: true };
		try {
			applyPatch(this, patch, author, finish, supersede);
		} catch (error) {
			if (!(error instanceof ModelRefusal)) throw error;
			this.world = before;
			if (this.node(id).spec.onPatchRejected === "complete") plainly();
			else this.failAttempt(id, { final: false });
		}
	}

	/** A withheld outcome counts from now on; its patch is only now validated. */
	release(id: string): void {
		const node = this.node(id);
		const { withheld } = node;
		if (withheld === undefined || ENDED.has(node.state)) return;
		if (withheld.ok) return this.succeed(id, withheld.output, withheld.patch);
		node.withheld = undefined;
		this.failFinally(id);
	}

	/** An attempt failed: it is tried again, or the node fails. */
	failAttempt(id: string, failure: AttemptFailure = {}): void {
		const node = this.node(id);
		node.withheld = undefined;
		node.attemptDue = undefined;
		const wait = retryWait(node, failure);
		if (wait === undefined) return this.failFinally(id);
		if (wait > 0 || failure.late === true) {
			node.state = "waiting";
			node.wait = { kind: "retry", until: this.now + wait };
		} else node.state = "ready";
	}

	failFinally(id: string): void {
		const node = this.node(id);
		if (node.eager) return this.withhold(node, { ok: false });
		this.end(node, "failed");
		if (node.spec.onFailure !== "failRun" || this.world.stopping) return;
		this.world.stopping = true;
		this.world.status = "stopping";
		for (const [each, other] of this.nodes)
			if (!ENDED.has(other.state) && !(other.join === "always" && this.isUnstarted(each))) this.end(other, "cancelled");
	}

	end(node: ModelNode, state: NodeState): void {
		node.state = state;
		node.wait = undefined;
	}

	abandon(id: string, reason: NonNullable<ModelNode["abandoned"]>): void {
		const node = this.node(id);
		if (ENDED.has(node.state)) return;
		this.end(node, "abandoned");
		node.abandoned = reason;
	}

	/** Ends a wait: the node is ready again. */
	wake(id: string): void {
		const node = this.node(id);
		if (node.wait?.kind === "signal" || node.wait?.kind === "approval") {
			node.excused += this.now - node.parkedAt;
			armTotal(node);
		}
		node.state = "ready";
		node.wait = undefined;
		this.world.parks = this.world.parks.filter((each) => each !== id);
	}
}
