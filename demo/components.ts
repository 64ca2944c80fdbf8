/** Something with an id that needs others. */
export interface Vertex {
	readonly id: string;
	readonly needs: readonly string[];
}

/** Vertices that all need each other, directly or not: as one, they close no cycle. */
export interface Component<V extends Vertex> {
	readonly members: readonly V[];
	/** Indices of the components that it needs; all are before it in the list. */
	readonly needs: readonly number[];
}

interface Frame {
	readonly vertex: number;
	next: number;
}

/**
 * The strongly connected components of a graph (Tarjan), dependencies first. Iterative: a chain of
 * any length may not overflow the stack. Needs that name no vertex are left out.
 */
export function components<V extends Vertex>(vertices: readonly V[]): Component<V>[] {
	const indexOf = new Map(vertices.map((vertex, index) => [vertex.id, index]));
	const edges = vertices.map((vertex) =>
		vertex.needs.map((id) => indexOf.get(id)).filter((index) => index !== undefined),
	);
	const order = new Int32Array(vertices.length).fill(-1);
	const low = new Int32Array(vertices.length);
	const componentOf = new Int32Array(vertices.length).fill(-1);
	const open: number[] = [];
	const found: Component<V>[] = [];
	let visited = 0;

	const close = (root: number) => {
		const members = open.splice(open.lastIndexOf(root));
		for (const member of members) componentOf[member] = found.length;
		members.sort((a, b) => a - b);
		const needs = new Set(members.flatMap((member) => edges[member]!.map((target) => componentOf[target]!)));
		needs.delete(found.length);
		found.push({ members: members.map((member) => vertices[member]!), needs: [...needs] });
	};

	for (let start = 0; start < vertices.length; start++) {
		if (order[start] !== -1) continue;
		const path: Frame[] = [{ vertex: start, next: 0 }];
		while (path.length > 0) {
			const frame = path.at(-1)!;
			const { vertex } = frame;
			if (order[vertex] === -1) {
				order[vertex] = low[vertex] = visited++;
				open.push(vertex);
			}
			const target = edges[vertex]![frame.next++];
			if (target === undefined) {
				path.pop();
				if (low[vertex] === order[vertex]) close(vertex);
				const caller = path.at(-1);
				if (caller !== undefined) low[caller.vertex] = Math.min(low[caller.vertex]!, low[vertex]!);
			} else if (order[target] === -1) {
				path.push({ vertex: target, next: 0 });
			} else if (componentOf[target] === -1) {
				low[vertex] = Math.min(low[vertex]!, order[target]!);
			}
		}
	}
	return found;
}
