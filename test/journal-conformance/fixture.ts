import type { Journal } from "../../src/journal/journal.js";

/** The journal with every answer a promise that is kept a little later, and records that come one by one. */
export function later(journal: Journal): Journal {
	const answer =
		<Arguments extends unknown[], Result>(call: (...args: Arguments) => Result) =>
		async (...args: Arguments): Promise<Awaited<Result>> => {
			await Promise.resolve();
			return await call(...args);
		};
	const { watch } = journal;
	return {
		...(watch && { watch: answer((changed, failed) => watch.call(journal, changed, failed)) }),
		durable: journal.durable,
		append: answer((entries, options) => journal.append(entries, options)),
		flush: answer(() => journal.flush()),
		async *read(run, from) {
			await Promise.resolve();
			yield* journal.read(run, from);
		},
		blobs: answer((hashes) => journal.blobs(hashes)),
		find: answer((run) => journal.find(run)),
		runs: answer((filter) => journal.runs(filter)),
		claim: answer((run, seen, writer, at) => journal.claim(run, seen, writer, at)),
		heartbeat: answer((runs, at) => journal.heartbeat(runs, at)),
		release: answer((run, epoch) => journal.release(run, epoch)),
		saveSnapshot: answer((run, epoch, snapshot) => journal.saveSnapshot(run, epoch, snapshot)),
		snapshots: answer((run, seq) => journal.snapshots(run, seq)),
		checkpoints: answer((run) => journal.checkpoints(run)),
		memo: answer((key, now) => journal.memo(key, now)),
		prune: answer((retention, now) => journal.prune(retention, now)),
		close: answer(() => journal.close()),
	};
}
