import { join } from "node:path";
import { defineAgent, type NodeSpec, result } from "dagswarm";
import { type Ended, type Findings, gather, longestChain } from "./findings.ts";
import { compareWithDisk } from "./installed.ts";
import { readLockFile } from "./lock-file.ts";
import { openPackage, type PackageCard, type PackageFacts, type PackageRef, unreadable } from "./package-facts.ts";
import { cut, measure, type Size, type Slice } from "./package-folder.ts";
import { planOf } from "./plan.ts";
import { deepestChain, failures, largest, licences, moduleKinds, section } from "./reducers.ts";

/** A package with more files splits itself into parts. */
export const FILES_PER_PART = 300;

/** More parts would cost more to coordinate than they save: beyond this many, parts grow. */
const MAX_PARTS = 64;

/** Reads the lock file and adds a node per package; whoever waits for it waits for what they found. */
const plan = defineAgent({
	name: "plan",
	run: async ({ project }: { project: string }) => {
		const lock = await readLockFile(project);
		const { summary, nodes } = planOf(project, lock, await compareWithDisk(project, lock));
		return result(summary, { nodes, expand: true });
	},
});

/** Reads the folder of a package, or of all packages of a cycle. */
const readPackage = defineAgent({
	name: "package",
	run: async ({ project, members }: { project: string; members: readonly PackageRef[] }, ctx) => {
		const chain = [ctx.nodeId, ...longestChain(ctx.settled)];
		const facts: PackageFacts[] = [];
		for (const member of members) {
			try {
				const { card, listing } = await openPackage(project, member, ctx.signal);
				if (listing.files > FILES_PER_PART) {
					if (members.length > 1) return intoMembers(ctx.nodeId, project, members, chain);
					return intoParts(ctx.nodeId, project, member, card, listing, chain);
				}
				const size = await measure(join(project, member.path), listing.slices, ctx.signal);
				facts.push({ ...card, ...size });
			} catch (error) {
				// In a cycle only the member at fault may fail: each gets a node of its own.
				if (members.length > 1 && !ctx.signal.aborted) return intoMembers(ctx.nodeId, project, members, chain);
				throw unreadable(error, project, member.path);
			}
		}
		return { facts, failed: [], chain };
	},
});

/** The node completes and the parts take its place: what waited for it now waits for the last of them. */
function split(id: string, into: readonly NodeSpec[]) {
	const nothing: Findings = { facts: [], failed: [], chain: [] };
	return result(nothing, { mutations: [{ type: "splitNode", id, into }] });
}

function intoMembers(id: string, project: string, members: readonly PackageRef[], chain: readonly string[]) {
	const parts = members.map((member): NodeSpec & { id: string } => {
		return { id: `${id}/${member.id}`, agent: "package", input: { project, members: [member] } };
	});
	const of = members.map((member) => member.id);
	const dependsOn = Object.fromEntries(of.map((member, index) => [member, parts[index]!.id]));
	return split(id, [...parts, { id: `${id}/sum`, agent: "gather", input: { of, chain }, dependsOn, join: "settled" }]);
}

function intoParts(
	id: string,
	project: string,
	member: PackageRef,
	card: PackageCard,
	listing: { readonly files: number; readonly slices: readonly Slice[] },
	chain: readonly string[],
) {
	const slices = cut(listing.slices, Math.max(FILES_PER_PART, Math.ceil(listing.files / MAX_PARTS)));
	const parts = slices.map((some, index): NodeSpec & { id: string } => {
		return { id: `${id}/${index + 1}`, agent: "part", input: { project, path: member.path, slices: some } };
	});
	const of = parts.map((part) => part.id);
	return split(id, [
		...parts,
		{ id: `${id}/sum`, agent: "sum", input: { of, card, chain }, dependsOn: of, join: "settled" },
	]);
}

/** Measures some of the files of a large package. */
const part = defineAgent({
	name: "part",
	run: async ({ project, path, slices }: { project: string; path: string; slices: readonly Slice[] }, ctx) => {
		try {
			return await measure(join(project, path), slices, ctx.signal);
		} catch (error) {
			throw unreadable(error, project, path);
		}
	},
});

/** Parts inherit what the whole depended on: of all that a node sees, these are its own. */
function own(settled: Readonly<Record<string, Ended>>, aliases: readonly string[]): Record<string, Ended> {
	return Object.fromEntries(aliases.map((alias) => [alias, settled[alias] ?? { status: "missing" }]));
}

/** Adds up the parts of a package; it was read only if all of them were. */
const sum = defineAgent({
	name: "sum",
	run: async (
		input: { of: readonly string[]; card: PackageCard; chain: readonly string[] },
		ctx,
	): Promise<Findings> => {
		const { of, card, chain } = input;
		let files = 0;
		let bytes = 0;
		for (const { status, output, error } of Object.values(own(ctx.settled, of))) {
			if (status !== "completed") {
				return { facts: [], failed: [{ id: card.id, why: error?.message ?? status }], chain };
			}
			const size = output as Size;
			files += size.files;
			bytes += size.bytes;
		}
		return { facts: [{ ...card, files, bytes }], failed: [], chain };
	},
});

/** Brings findings together: of all packages, or of the members of a cycle. */
const gatherAll = defineAgent({
	name: "gather",
	run: async ({ of, chain }: { of?: readonly string[]; chain?: readonly string[] }, ctx): Promise<Findings> => {
		const findings = gather(of === undefined ? ctx.settled : own(ctx.settled, of));
		return chain === undefined ? findings : { ...findings, chain };
	},
});

const reducers = [largest, licences, moduleKinds, deepestChain, failures].map((reducer) =>
	defineAgent({
		name: reducer.name,
		run: async (_: undefined, ctx) => section(reducer, ctx.deps["packages"] as Findings),
	}),
);

/** Puts the sections of the reducers together. */
const report = defineAgent({
	name: "report",
	run: async (_: undefined, ctx) => Object.values(ctx.deps).join("\n"),
});

export const agents = [plan, readPackage, part, sum, gatherAll, ...reducers, report];

/** What the run starts with; the planner adds the rest. */
export function startGraph(project: string): { nodes: NodeSpec[] } {
	const names = reducers.map(({ name }) => name);
	return {
		nodes: [
			{ id: "plan", agent: plan, input: { project } },
			...names.map((name): NodeSpec => ({ id: name, agent: name, dependsOn: { packages: "plan" } })),
			{ id: "report", agent: report, dependsOn: names },
		],
	};
}
