import { type Contender, concurrency, works } from "./contender.ts";
import { importOnce } from "./library.ts";
import type { Spec } from "./workloads.ts";

interface State {
	readonly completed: number;
	readonly spec?: Spec;
}

interface Graph {
	addNode(id: string, node: (state: State) => Promise<Partial<State>>): Graph;
	addEdge(from: string | readonly string[], to: string): Graph;
	addConditionalEdges(from: string, route: () => readonly object[], to: readonly string[]): Graph;
	compile(): {
		invoke(
			input: object,
			options: { readonly recursionLimit: number; readonly maxConcurrency: number },
		): Promise<State>;
	};
}

interface LangGraphModule {
	readonly StateGraph: new (state: unknown) => Graph;
	readonly Annotation: {
		<Value>(channel?: { reducer(left: Value, right: Value): Value; default(): Value }): unknown;
		Root(channels: Readonly<Record<string, unknown>>): unknown;
	};
	readonly Send: new (node: string, state: Partial<State>) => object;
	readonly START: string;
	readonly END: string;
}

/**
 * A node and its edges per spec, run in super-steps; the limit on these is raised to what the graph needs. A root that
 * adds nodes sends each of them to one worker node, which is how LangGraph grows.
 */
export const langgraph: Contender = {
	name: "langgraph",
	peer: true,
	library: "@langchain/langgraph",
	run: async (load) => {
		const { Annotation, END, Send, START, StateGraph } = await importOnce<LangGraphModule>("@langchain/langgraph");
		const agents = works(load);
		const add = (left: number, right: number) => left + right;
		const graph = new StateGraph(
			Annotation.Root({ completed: Annotation({ reducer: add, default: () => 0 }), spec: Annotation<Spec>() }),
		);
		const node = (agent: string) => async () => {
			await agents[agent]!();
			return { completed: 1 };
		};
		const waitedFor = new Set<string>();
		for (const { id, agent } of load.specs) graph.addNode(id, node(agent));
		for (const { id, dependsOn } of load.specs) {
			for (const from of dependsOn ?? []) waitedFor.add(from);
			graph.addEdge(dependsOn === undefined ? START : dependsOn.length === 1 ? dependsOn[0]! : dependsOn, id);
		}
		if (load.grown.length > 0) {
			const root = load.specs[0]!.id;
			graph.addNode("worker", ({ spec }) => node(spec!.agent)());
			graph.addConditionalEdges(root, () => load.grown.map((spec) => new Send("worker", { spec })), ["worker"]);
			graph.addEdge("worker", END);
			waitedFor.add(root);
		}
		for (const { id } of load.specs) if (!waitedFor.has(id)) graph.addEdge(id, END);
		const compiled = graph.compile();
		const options = { recursionLimit: load.size + 2, maxConcurrency: concurrency };
		const { completed } = await compiled.invoke({}, options);
		return { completed, held: compiled };
	},
};
