import type { NodeState } from "./core/lifecycle.js";
import type { NodeView, Snapshot } from "./graph/types.js";

interface Colours {
	readonly fill: string;
	readonly stroke: string;
	readonly text?: string;
	readonly dashed?: true;
}

/** What nodes look like by their states, in either language. */
const COLOURS: Readonly<Record<NodeState, Colours>> = {
	pending: { fill: "#eceff1", stroke: "#90a4ae" },
	ready: { fill: "#e3f2fd", stroke: "#42a5f5" },
	running: { fill: "#fff8e1", stroke: "#ffb300" },
	waiting: { fill: "#f3e5f5", stroke: "#ab47bc" },
	speculative: { fill: "#ede7f6", stroke: "#7e57c2", dashed: true },
	completed: { fill: "#e8f5e9", stroke: "#43a047" },
	failed: { fill: "#ffebee", stroke: "#e53935" },
	skipped: { fill: "#fafafa", stroke: "#bdbdbd", text: "#9e9e9e" },
	abandoned: { fill: "#fafafa", stroke: "#bdbdbd", text: "#9e9e9e", dashed: true },
	cancelled: { fill: "#fbe9e7", stroke: "#ff8a65" },
};

/** The graph of a snapshot as a Mermaid flowchart, each node coloured by its state. */
export function toMermaid(snapshot: Snapshot): string {
	const { numbers, nodes } = numbered(snapshot);
	const lines = ["flowchart TD"];
	const used = new Set<NodeState>();
	for (const node of nodes) {
		lines.push(`  n${numbers.get(node.id)}["${mermaidText(label(node))}"]:::${node.state}`);
		used.add(node.state);
	}
	for (const [from, to] of edgesOf(nodes, numbers)) lines.push(`  n${from} --> n${to}`);
	for (const state of used) lines.push(`  classDef ${state} ${mermaidStyle(COLOURS[state])}`);
	return `${lines.join("\n")}\n`;
}

function mermaidStyle({ fill, stroke, text, dashed }: Colours): string {
	const colour = text === undefined ? "" : `,color:${text}`;
	return `fill:${fill},stroke:${stroke}${colour}${dashed === true ? ",stroke-dasharray:4" : ""}`;
}

/** The graph of a snapshot in the DOT language of Graphviz, each node coloured by its state, which is its class, too. */
export function toDot(snapshot: Snapshot): string {
	const { numbers, nodes } = numbered(snapshot);
	const lines = [
		"digraph run {",
		"  rankdir=TB;",
		'  graph [fontname="Helvetica,Arial,sans-serif", nodesep=0.3, ranksep=0.45, pad=0.2];',
		'  node [shape=box, fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.14,0.07", height=0.3];',
		'  edge [color="#90a4ae", arrowsize=0.7];',
	];
	// Said once for all nodes that follow, as most of them look alike.
	let style = "";
	for (const node of nodes) {
		const next = dotStyle(COLOURS[node.state]);
		if (next !== style) lines.push(`  node [${next}];`);
		style = next;
		lines.push(`  n${numbers.get(node.id)} [label="${dotText(label(node))}", class="${node.state}"];`);
	}
	for (const [from, to] of edgesOf(nodes, numbers)) lines.push(`  n${from} -> n${to};`);
	lines.push("}");
	return `${lines.join("\n")}\n`;
}

function dotStyle({ fill, stroke, text = "#263238", dashed }: Colours): string {
	const style = `rounded,filled${dashed === true ? ",dashed" : ""}`;
	return `style="${style}", fillcolor="${fill}", color="${stroke}", fontcolor="${text}"`;
}

function numbered(snapshot: Snapshot): { numbers: Map<string, number>; nodes: NodeView[] } {
	const nodes = [...snapshot.nodes()];
	return { nodes, numbers: new Map(nodes.map((node, index) => [node.id, index])) };
}

function* edgesOf(
	nodes: readonly NodeView[],
	numbers: ReadonlyMap<string, number>,
): Generator<readonly [number, number]> {
	for (const node of nodes) {
		for (const from of node.dependsOn) yield [numbers.get(from) ?? 0, numbers.get(node.id) ?? 0];
	}
}

function label(node: NodeView): string {
	return node.agent === node.id ? node.id : `${node.id}\n${node.agent}`;
}

function mermaidText(text: string): string {
	// Mermaid reads entity codes: everything that could end the text or start markup is written as one.
	return text.replace(/[^\w\s.,:;/@+=()-]/gu, (char) => `#${char.codePointAt(0) ?? 63};`).replaceAll("\n", "<br/>");
}

function dotText(text: string): string {
	return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
