import type { ErrorInfo } from "../core/errors.js";
import type { Usage } from "../core/usage.js";
import { outputsOf, outputsUnder, type Settled, settledOf } from "./dependencies.js";
import type { Graph } from "./graph.js";
import { Started } from "./lease.js";
import { COMPLETED, RUNNING } from "./node-table.js";
import type { Lease, StoredSpec, Wake } from "./types.js";

/** What the holder of a lease may read of its node. */
export class LeaseView {
	constructor(private readonly graph: Graph) {}

	/** The name of the agent that does the work. */
	agent(lease: Lease): string {
		return this.graph.spec(this.numberOf(lease)).agent;
	}

	/** The outputs of the dependencies, by alias or id. */
	outputs(lease: Lease): Record<string, unknown> {
		return outputsOf(this.graph, this.numberOf(lease));
	}

	/** The outputs of the completed dependencies of one agent that one name stands for, by id. */
	outputsUnder(lease: Lease, name: string, agent: string): Record<string, unknown> {
		return outputsUnder(this.graph, this.numberOf(lease), name, agent);
	}

	/** How the dependencies stand, by alias or id. */
	settled(lease: Lease): Record<string, Settled> {
		return settledOf(this.graph, this.numberOf(lease));
	}

	/** Whether some dependencies have not ended: what is seen of them may change. */
	hasOpen(lease: Lease): boolean {
		return this.graph.nodes.open(this.numberOf(lease)) > 0;
	}

	/** How the last attempt that failed did. */
	lastError(lease: Lease): ErrorInfo | undefined {
		return this.graph.extras.get(this.numberOf(lease))?.error;
	}

	/** Whether an attempt of the node was ended by its process. */
	isResumed(lease: Lease): boolean {
		return (this.graph.extras.get(this.numberOf(lease))?.interruptions ?? 0) > 0;
	}

	/** The number of the attempt, those left out that were ended from outside: it grows by retries only. */
	tries(lease: Lease): number {
		return lease.attempt - (this.graph.extras.get(this.numberOf(lease))?.interruptions ?? 0);
	}

	/** What attempts of the node have used. */
	usage(lease: Lease): Usage | undefined {
		return this.graph.extras.get(this.numberOf(lease))?.usage;
	}

	/** Results of steps that attempts of the node have recorded. */
	steps(lease: Lease): ReadonlyMap<string, unknown> | undefined {
		return this.graph.extras.get(this.numberOf(lease))?.steps;
	}

	/** How the waits of attempts that their process ended have ended, by their key. */
	waited(lease: Lease): ReadonlyMap<string, readonly Wake[]> | undefined {
		return this.graph.extras.get(this.numberOf(lease))?.waited;
	}

	/** Messages to the node's agent, oldest first. */
	inbox(lease: Lease): readonly unknown[] | undefined {
		return this.graph.extras.get(this.numberOf(lease))?.inbox;
	}

	/** The spec of the leased node. */
	spec(lease: Lease): StoredSpec {
		return this.graph.spec(this.numberOf(lease));
	}

	/** Whether this attempt completed its node. */
	isCompleted(lease: Lease): boolean {
		const n = this.numberOf(lease);
		return this.graph.nodes.state(n) === COMPLETED && this.graph.nodes.attempt(n) === lease.attempt;
	}

	/** Whether an attempt is still the one that runs. */
	isLive(lease: Lease): boolean {
		const n = this.numberOf(lease);
		return this.graph.nodes.state(n) === RUNNING && this.graph.nodes.lease(n) === lease.seq;
	}

	/** The number of the leased node. */
	numberOf(lease: Lease): number {
		const n = Started.numberOf(lease);
		// A copied lease has lost the number; its id still finds the node.
		return n >= 0 ? n : (this.graph.index.get(lease.node) as number);
	}
}
