import type { NodeView, Snapshot } from "./graph/types.js";

/** Classes of node states in a Mermaid picture. */
const COLOURS: Readonly<Record<string, string>> = {
	pending: "fill:#eceff1,stroke:#90a4ae",
	ready: "fill:#e3f2fd,stroke:#42a5f5",
	running: "fill:#fff8e1,stroke:#ffb300",
	waiting: "fill:#f3e5f5,stroke:#ab47bc",
	speculative: "fill:#ede7f6,stroke:#7e57c2,stroke-dasharray:4",
	completed: "fill:#e8f5e9,stroke:#43a047",
	failed: "fill:#ffebee,stroke:#e53935",
	skipped: "fill:#fafafa,stroke:#bdbdbd,color:#9e9e9e",
	abandoned: "fill:#fafafa,stroke:#bdbdbd,color:#9e9e9e,stroke-dasharray:4",
	cancelled: "fill:#fbe9e7,stroke:#ff8a65",
};

/** The graph of a snapshot as a Mermaid flowchart, each node coloured by its state. */
export function toMermaid(snapshot: Snapshot): string {
	const { numbers, nodes } = numbered(snapshot);
	const lines = ["flowchart TD"];
	const used = new Set<string>();
	for (const node of nodes) {
		lines.push(`  n${numbers.get(node.id)}["${mermaidText(label(node))}"]:::${node.state}`);
		used.add(node.state);
	}
	for (const [from, to] of edgesOf(nodes, numbers)) lines.push(`  n${from} --> n${to}`);
	for (const state of used) lines.push(`  classDef ${state} ${COLOURS[state] ?? ""}`);
	return `${lines.join("\n")}\n`;
}

/** The graph of a snapshot in the DOT language of Graphviz. */
export function toDot(snapshot: Snapshot): string {
	const { numbers, nodes } = numbered(snapshot);
	const lines = ["digraph run {", "  rankdir=TB;", "  node [shape=box, style=rounded];"];
	for (const node of nodes)
		lines.push(`  n${numbers.get(node.id)} [label="${dotText(label(node))}", class="${node.state}"];`);
	for (const [from, to] of edgesOf(nodes, numbers)) lines.push(`  n${from} -> n${to};`);
	lines.push("}");
	return `${lines.join("\n")}\n`;
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
