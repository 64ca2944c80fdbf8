import { readFileSync } from "node:fs";

/** What this package says of itself. */
export interface PackageFacts {
	readonly version: string;
	/** The range of Node versions that it runs on. */
	readonly node: string;
}

/** Reads the manifest of the installation that the command line belongs to. */
export function packageFacts(): PackageFacts {
	const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
		readonly version: string;
		readonly engines: { readonly node: string };
	};
	return { version: manifest.version, node: manifest.engines.node };
}

/**
 * Whether a version of Node is in a range as `engines` has it: alternatives of `^` and `>=`.
 *
 * @param version - such as `v24.1.0`
 */
export function isInRange(version: string, range: string): boolean {
	const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
	return range.split("||").some((alternative) => {
		const [, kind, wantedMajor, wantedMinor = "0"] = /^\s*(\^|>=)\s*(\d+)(?:\.(\d+))?/.exec(alternative) ?? [];
		if (major === Number(wantedMajor)) return minor >= Number(wantedMinor);
		return kind === ">=" && major > Number(wantedMajor);
	});
}
