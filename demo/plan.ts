import type { NodeSpec } from "dagswarm";
import { components } from "./components.ts";
import { dependencyTree, type TreePackage } from "./dependency-tree.ts";
import type { Installed } from "./installed.ts";
import type { LockFile } from "./lock-file.ts";
import type { PackageRef } from "./package-facts.ts";

/** What the planner found in the lock file and on the disk. */
export type PlanSummary = {
	readonly name: string;
	readonly version?: string;
	readonly lockfileVersion: number;
	readonly entries: number;
	readonly packages: number;
	/** Nodes for packages: fewer where packages need each other in a cycle. */
	readonly packageNodes: number;
	readonly edges: number;
	readonly cycles: readonly (readonly string[])[];
	readonly links: number;
	readonly notInstalled: number;
	readonly unlisted: readonly string[];
	readonly unlocked: readonly string[];
};

export interface Plan {
	readonly summary: PlanSummary;
	readonly nodes: readonly NodeSpec[];
}

/** One node per package or cycle of packages, and one that gathers what all of them found. */
export function planOf(project: string, lock: LockFile, installed: Installed): Plan {
	const tree = dependencyTree(lock, installed.absent);
	const found = components(tree.packages);
	const ids = found.map(({ members }) => nodeId(members));
	const nodes: NodeSpec[] = found.map(({ members, needs }, index) => ({
		id: ids[index]!,
		agent: "package",
		input: { project, members: members.map((member) => refOf(member, tree.packages)) },
		dependsOn: needs.map((target) => ids[target]!),
		// A package is read although one that it needs could not be.
		join: "settled",
	}));
	nodes.push({ id: "gather", agent: "gather", input: {}, dependsOn: ids, join: "settled" });
	return {
		nodes,
		summary: {
			name: lock.name,
			...(lock.version !== undefined && { version: lock.version }),
			lockfileVersion: lock.lockfileVersion,
			entries: lock.entries.size,
			packages: tree.packages.length,
			packageNodes: found.length,
			edges: found.reduce((sum, { needs }) => sum + needs.length, 0),
			cycles: found.filter(({ members }) => members.length > 1).map(({ members }) => members.map(({ id }) => id)),
			links: tree.links,
			notInstalled: installed.absent.size,
			unlisted: installed.unlisted,
			unlocked: tree.unlocked.map(({ from, name }) => `${name}, which ${from} requires`),
		},
	};
}

function nodeId(members: readonly TreePackage[]): string {
	const first = members[0]!.id;
	return members.length === 1 ? first : `${first} & ${members.length - 1} more`;
}

function refOf(member: TreePackage, all: readonly TreePackage[]): PackageRef {
	const { id, name, version, path } = member;
	// A workspace may hold other workspaces; what npm installs in a package is in its node_modules.
	const inside = path.includes("node_modules/") ? [] : all.filter((other) => other.path.startsWith(`${path}/`));
	const except = inside.filter((other) => !other.path.includes("node_modules/"));
	return {
		id,
		name,
		...(version !== undefined && { version }),
		path,
		...(except.length > 0 && { except: except.map((other) => other.path.slice(path.length + 1)) }),
	};
}
