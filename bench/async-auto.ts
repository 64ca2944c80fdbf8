import { type Contender, concurrency, type Work, works } from "./contender.ts";
import { importOnce } from "./library.ts";

type Task = Work | readonly [...dependencies: string[], work: Work];

interface AsyncModule {
	auto(tasks: Readonly<Record<string, Task>>, concurrency: number): Promise<Readonly<Record<string, unknown>>>;
}

/** `auto` of the package async. A graph that grows takes it two calls in turn. */
export const asyncAuto: Contender = {
	name: "async auto",
	peer: true,
	library: "async",
	run: async (load) => {
		const { auto } = await importOnce<AsyncModule>("async");
		const agents = works(load);
		let completed = 0;
		const held: unknown[] = [];
		for (const specs of [load.specs, load.grown]) {
			if (specs.length === 0) continue;
			const tasks: Record<string, Task> = {};
			for (const { id, agent, dependsOn } of specs) {
				const work = agents[agent]!;
				tasks[id] = dependsOn === undefined ? work : [...dependsOn, work];
			}
			const results = await auto(tasks, concurrency);
			completed += Object.keys(results).length;
			held.push(tasks, results);
		}
		return { completed, held };
	},
};
