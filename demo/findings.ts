import type { PackageFacts } from "./package-facts.ts";

/** A package that could not be read, and why. */
export type Failure = { readonly id: string; readonly why: string };

/** What package nodes hand on: facts about packages, and the longest way down from here. */
export type Findings = {
	readonly facts: readonly PackageFacts[];
	readonly failed: readonly Failure[];
	/** Ids of nodes, each needing the next. */
	readonly chain: readonly string[];
};

/** How a dependency ended, as a node sees it. */
export interface Ended {
	readonly status: string;
	readonly output?: unknown;
	readonly error?: { readonly message: string };
}

/** The longest chain among dependencies. One that failed still is a link, but what is below it is unknown. */
export function longestChain(settled: Readonly<Record<string, Ended>>): readonly string[] {
	let longest: readonly string[] = [];
	for (const [id, { status, output }] of Object.entries(settled)) {
		const chain = status === "completed" ? (output as Findings).chain : [id];
		if (chain.length > longest.length) longest = chain;
	}
	return longest;
}

/** All findings of dependencies as one, failures included. */
export function gather(settled: Readonly<Record<string, Ended>>): Findings {
	const facts: PackageFacts[] = [];
	const failed: Failure[] = [];
	for (const [id, { status, output, error }] of Object.entries(settled)) {
		if (status === "completed") {
			const found = output as Findings;
			for (const fact of found.facts) facts.push(fact);
			for (const failure of found.failed) failed.push(failure);
		} else {
			failed.push({ id, why: error?.message ?? status });
		}
	}
	return { facts, failed, chain: longestChain(settled) };
}
