import type { Workflow, WorkflowTask } from "dagswarm/bench";

/** Of each task the longest path that starts with it; by plain recursion with a memory. */
export function longestPaths({ tasks }: Workflow): Map<string, number> {
	const paths = new Map<string, number>();
	const path = (task: WorkflowTask): number => {
		const known = paths.get(task.id);
		if (known !== undefined) return known;
		const after = tasks.filter(({ dependsOn }) => dependsOn.includes(task.id)).map(path);
		const length = task.runtimeMs + Math.max(0, ...after);
		paths.set(task.id, length);
		return length;
	};
	for (const task of tasks) path(task);
	return paths;
}

/** The shortest makespan there is, by trying everything: for ten tasks or so. */
export function optimum({ tasks }: Workflow, workers: number): number {
	const index = new Map(tasks.map(({ id }, i) => [id, i]));
	const masks = tasks.map(({ dependsOn }) =>
		dependsOn.reduce((mask, id) => mask | (1 << (index.get(id) as number)), 0),
	);
	let best = tasks.reduce((sum, { runtimeMs }) => sum + runtimeMs, 0);
	const seen = new Set<string>();
	const search = (now: number, done: number, started: number, running: readonly { end: number; i: number }[]): void => {
		if (running.length === 0 && done === (1 << tasks.length) - 1) {
			best = Math.min(best, now);
			return;
		}
		const state = `${done} ${now} ${running.map(({ end, i }) => `${i}@${end}`).join()}`;
		if (now >= best || seen.has(state)) return;
		seen.add(state);
		if (running.length < workers) {
			for (const [i, task] of tasks.entries()) {
				const bit = 1 << i;
				if ((started & bit) !== 0 || (done & (masks[i] as number)) !== masks[i]) continue;
				const more = [...running, { end: now + task.runtimeMs, i }].sort((a, b) => a.end - b.end || a.i - b.i);
				search(now, done, started | bit, more);
			}
		}
		const [first, ...rest] = running;
		if (first !== undefined) search(first.end, done | (1 << first.i), started, rest);
	};
	search(0, 0, 0, []);
	return best;
}
