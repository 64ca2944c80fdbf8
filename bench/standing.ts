import { figure } from "./gauge.ts";
import type { OverheadRow } from "./overhead.ts";

/** How the product stands to the peers that are packages, on whatever each of them could do. */
export interface Standing {
	/** Whether the product's median is below that of every peer in every case; no claim where nothing was compared. */
	readonly aheadOfAll: boolean;
	readonly compared: number;
	/** Cases of which a peer did not finish one run in time: it is not ahead there. */
	readonly unfinished: number;
	/** Cases in which a peer failed: these count for nobody. */
	readonly failed: number;
	/** Cases in which a peer took no more than the product. */
	readonly behind: readonly OverheadRow[];
	readonly absent: readonly string[];
}

export function standingOf(rows: readonly OverheadRow[]): Standing {
	const peers = rows.filter((row) => row.version !== undefined);
	const compared = peers.filter((row) => row.toProduct !== undefined);
	const behind = compared.filter((row) => row.toProduct! <= 1);
	const without = peers.filter((row) => row.toProduct === undefined);
	const failed = without.filter((row) => row.note?.startsWith("failed") === true).length;
	return {
		aheadOfAll: compared.length > 0 && behind.length === 0,
		compared: compared.length,
		unfinished: without.length - failed,
		failed,
		behind,
		absent: [...new Set(rows.filter((row) => row.note === "absent").map((row) => row.contender))],
	};
}

export function printStanding({ aheadOfAll, compared, unfinished, failed, behind, absent }: Standing): void {
	if (compared > 0) {
		const cases = `${compared} cases compared, ${unfinished} not finished once in their time, ${failed} failed`;
		const verdict = aheadOfAll ? "yes" : "no";
		console.log(`\nahead of every peer on every workload and size they can express: ${verdict} (${cases})`);
	}
	for (const { workload, size, contender, toProduct } of behind) {
		console.log(
			`  not: ${workload} ${size.toLocaleString("en-US")}: ${contender} takes ${figure(toProduct!)} × dagswarm`,
		);
	}
	if (absent.length > 0) console.log(`\nnot installed: ${absent.join(", ")}; \`npm run bench:peers\` brings them`);
}
