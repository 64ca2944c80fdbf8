import type { Findings } from "./findings.ts";
import { bytesText, count, plain, some, table, things } from "./text.ts";

/** Makes one section of the report from what all packages found. */
export interface Reducer {
	readonly name: string;
	readonly title: string;
	readonly body: (findings: Findings) => string;
}

const LARGEST = 15;

/** A section as Markdown. */
export function section({ title, body }: Reducer, findings: Findings): string {
	return `## ${title}\n\n${body(findings)}\n`;
}

export const largest: Reducer = {
	name: "largest",
	title: "Largest packages",
	body: ({ facts }) => {
		const bytes = facts.reduce((sum, fact) => sum + fact.bytes, 0);
		const files = facts.reduce((sum, fact) => sum + fact.files, 0);
		const rows = facts
			.toSorted((a, b) => b.bytes - a.bytes || (a.id < b.id ? -1 : 1))
			.slice(0, LARGEST)
			.map((fact) => [
				plain(fact.id),
				bytesText(fact.bytes),
				`${fact.more ? "at least " : ""}${count(fact.bytes)}`,
				count(fact.files),
			]);
		const all = `${things(facts.length, "package")} read: ${things(files, "file")}, ${bytesText(bytes)} (${count(bytes)} bytes).`;
		return rows.length === 0 ? all : `${all}\n\n${table(["Package", "Size", "Bytes", "Files"], rows)}`;
	},
};

export const licences: Reducer = {
	name: "licences",
	title: "Licences",
	body: ({ facts }) => {
		const byLicence = new Map<string, string[]>();
		for (const { licence, id } of facts) {
			const ids = byLicence.get(licence);
			if (ids === undefined) byLicence.set(licence, [id]);
			else ids.push(id);
		}
		const rows = [...byLicence]
			.sort(([a, of], [b, others]) => others.length - of.length || (a < b ? -1 : 1))
			.map(([licence, of]) => [plain(licence), count(of.length), some(of.sort(), 6)]);
		return rows.length === 0 ? "No package was read." : table(["Licence", "Packages", "Which"], rows);
	},
};

const KINDS = [
	["esm", "ESM"],
	["cjs", "CommonJS"],
	["dual", "both"],
	["none", "no code to import"],
] as const;

export const moduleKinds: Reducer = {
	name: "modules",
	title: "Modules and types",
	body: ({ facts }) => {
		const rows = KINDS.map(([kind, label]) => {
			const of = facts.filter((fact) => fact.modules === kind);
			const typed = of.filter((fact) => fact.types).length;
			return [label, count(of.length), count(typed), count(of.length - typed)];
		});
		const moved = facts.filter((fact) => fact.versionOnDisk !== undefined);
		const differing = moved.map((fact) => `${fact.id} is ${fact.versionOnDisk}`);
		const note = moved.length === 0 ? "" : `\n\nNot the locked version on disk: ${some(differing, 20)}.`;
		return `${table(["Modules", "Packages", "With own types", "Without"], rows)}${note}`;
	},
};

export const deepestChain: Reducer = {
	name: "deepest-chain",
	title: "Deepest chain",
	body: ({ chain, failed }) => {
		if (chain.length === 0) return "There are no packages.";
		const links = chain.map((id, depth) => `${depth + 1}. ${plain(id)}`).join("\n");
		const note = failed.length === 0 ? "" : "\n\nBelow a package that could not be read the chain is not followed.";
		return `${things(chain.length, "package")} deep, each needing the next (a cycle counts as one):\n\n${links}${note}`;
	},
};

export const failures: Reducer = {
	name: "failures",
	title: "What failed and why",
	body: ({ failed }) => {
		if (failed.length === 0) return "Nothing: every planned package was read.";
		return table(
			["Package", "Why"],
			failed.map(({ id, why }) => [plain(id), plain(why)]),
		);
	},
};
