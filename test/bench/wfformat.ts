/** A valid file of each version, with everything that real files have beside what is read. */
export const version15 = {
	name: "héllo 🐝",
	description: 'a "quoted" text with \\ and \u0001',
	createdAt: "2020-12-30T02:24:13.540715",
	schemaVersion: "1.5",
	author: { name: "a", email: "a@example.org" },
	workflow: {
		specification: {
			tasks: [
				{ name: "split", id: "a", parents: [], children: ["b", "c.1"], inputFiles: ["in"], outputFiles: ["x", "y"] },
				{ name: "wörk", id: "b", parents: ["a"], children: ["d"] },
				{ name: "wörk", id: "c.1", parents: ["a"], children: ["d"] },
				{ name: "join", id: "d", parents: ["b", "c.1"], children: [] },
			],
			files: [{ id: "in", sizeInBytes: 12 }],
		},
		execution: {
			makespanInSeconds: 10.5,
			executedAt: "12-19-20T21:31:53Z",
			tasks: [
				{ id: "d", runtimeInSeconds: 1e1, priority: 3, machines: ["n"] },
				{ id: "a", runtimeInSeconds: 0.054023, command: { program: "split", arguments: ["-n", "[1,{2}"] } },
				{ id: "c.1", runtimeInSeconds: 0, avgCPU: 99.5 },
				{ id: "b", runtimeInSeconds: 2 },
			],
			machines: [{ nodeName: "n", cpu: { coreCount: 4 } }],
		},
	},
};

export const tasks15 = [
	{ id: "a", name: "split", program: "split", runtimeMs: 54.023, dependsOn: [] },
	{ id: "b", name: "wörk", runtimeMs: 2000, dependsOn: ["a"] },
	{ id: "c.1", name: "wörk", runtimeMs: 0, dependsOn: ["a"] },
	{ id: "d", name: "join", runtimeMs: 10_000, dependsOn: ["b", "c.1"], priority: 3 },
];

/** A file of 1.3 or 1.4 with these tasks. */
export function legacy(schemaVersion: string, tasks: readonly unknown[]) {
	return { name: "old", schemaVersion, workflow: { makespan: 3, executedAt: "20200401T035043+0000", tasks } };
}

/** A copy with one member replaced, or removed with `undefined`; the path is a JSON Pointer. */
export function withChange(document: unknown, pointer: string, value: unknown): unknown {
	const copy: unknown = structuredClone(document);
	const keys = pointer.split("/").slice(1);
	const last = keys.pop() as string;
	const owner = keys.reduce((part, key) => (part as Record<string, unknown>)[key], copy) as Record<string, unknown>;
	if (value === undefined) delete owner[last];
	else owner[last] = value;
	return copy;
}

/** A text as UTF-8 bytes, cut at these places. */
export function chunksOf(text: string, cuts: readonly number[]): Uint8Array[] {
	const bytes = new TextEncoder().encode(text);
	const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
	return [0, ...places].map((from, k) => bytes.subarray(from, places[k] ?? bytes.length));
}
