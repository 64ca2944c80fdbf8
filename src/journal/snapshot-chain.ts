import { checksum } from "../core/checksum.js";
import type { StoredSnapshot } from "./journal.js";

/** Where a snapshot stands, without what is in it. */
export type SnapshotPlace = Pick<StoredSnapshot, "seq" | "base">;

/** The checksum of a snapshot: of its run, its base (0 without one), its seq and its body. */
export function snapshotChecksum(run: string, { seq, base, body }: Omit<StoredSnapshot, "blobs" | "checksum">): number {
	return checksum(run, base ?? 0, seq, body);
}

/** How the snapshots of a run build on each other. */
export class SnapshotChains {
	/** The base of each snapshot from which a run can be loaded: one whose base is missing is not among them. */
	readonly #bases = new Map<number, number | undefined>();

	/** @param places - by rising seq */
	constructor(places: Iterable<SnapshotPlace>) {
		for (const { seq, base } of places) if (base === undefined || this.#bases.has(base)) this.#bases.set(seq, base);
	}

	/** Those from which a run can be loaded, the newest first. */
	get loadable(): readonly number[] {
		return [...this.#bases.keys()].reverse();
	}

	/** What has to be read to load this one, or the newest: first the one that stands alone. None when there is none. */
	chain(seq: number | undefined = this.loadable[0]): readonly number[] {
		const chain: number[] = [];
		for (let next = seq; next !== undefined; next = this.#bases.get(next)) chain.push(next);
		return chain.reverse();
	}

	/** What is needed to load the run at this snapshot, or at any after it. */
	neededFrom(seq: number): ReadonlySet<number> {
		const needed = new Set<number>();
		for (const place of this.#bases.keys()) {
			if (place < seq) continue;
			for (let next: number | undefined = place; next !== undefined && !needed.has(next); next = this.#bases.get(next))
				needed.add(next);
		}
		return needed;
	}
}
