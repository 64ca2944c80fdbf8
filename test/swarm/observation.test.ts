import { defineAgent, type JsonPatch, type RunEvent, toDot, toMermaid, type ViewState } from "dagswarm";
import { describe, expect, test } from "vitest";
import {
	chain,
	deps,
	echo,
	fail,
	finish,
	gate,
	lines,
	obedient,
	record,
	rejection,
	rest,
	settled,
	virtualSwarm,
} from "./fixture.js";

/** Applies a JSON Patch (RFC 6902) as far as views use it. */
function patched(document: unknown, patches: readonly JsonPatch[]): unknown {
	const root = { root: structuredClone(document) } as Record<string, unknown>;
	for (const { op, path, value } of patches) {
		const tokens = path
			.split("/")
			.slice(1)
			.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
		const last = tokens.pop();
		let target = root["root"] as Record<string, unknown> | unknown[];
		for (const token of tokens) target = (target as Record<string, unknown>)[token] as typeof target;
		if (last === undefined) root["root"] = value;
		else if (op === "remove") {
			if (Array.isArray(target)) target.splice(Number(last), 1);
			else delete target[last];
		} else if (op === "add" && Array.isArray(target)) {
			if (last === "-") target.push(value);
			else target.splice(Number(last), 0, value);
		} else (target as Record<string, unknown>)[last] = value;
	}
	return root["root"];
}

describe("events", () => {
	test("a reader of the same tick sees seq 1, also of a graph larger than the ring", async () => {
		const { swarm } = virtualSwarm([echo], { eventBuffer: 16, check: "off" });
		const run = swarm.start({ nodes: chain(1_000) });
		const first: number[] = [];
		for await (const { seq } of run.events({ types: ["run.created", "node.added", "run.started"] })) {
			first.push(seq);
			if (seq === 1_002) break;
		}
		expect(first).toEqual(Array.from({ length: 1_002 }, (_, i) => i + 1));
		await run.result();
	});

	test("several readers see the same, in order, without a gap, and end with the run", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const run = swarm.start({ nodes: [...chain(20), { id: "x", agent: "fail" }] });
		const readers = [record(run), record(run), record(run)];
		await run.result();
		await rest();
		for (const events of readers) {
			expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
			expect(events.at(-1)?.type).toBe("run.ended");
			expect(events).toEqual(readers[0]);
		}
	});

	test("a reader opened later sees what comes next, or from where it says", async () => {
		const hold = gate();
		const slow = defineAgent({ name: "slow", run: () => hold.promise });
		const { swarm } = virtualSwarm([slow]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] });
		await rest();
		const next = record(run);
		const all: RunEvent[] = [];
		const reading = (async () => {
			for await (const event of run.events({ from: 1 })) all.push(event);
		})();
		await rest();
		hold.open();
		await run.result();
		await reading;
		expect(lines(next)).toEqual(["node.completed a", "run.ended"]);
		expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
		for await (const _ of run.events()) throw new Error("nothing comes after the end");
	});

	test("a slow reader is told where it fell behind (B12)", async () => {
		const { swarm } = virtualSwarm([echo], { eventBuffer: 8, check: "off" });
		const run = swarm.start({ nodes: chain(100) });
		const reader = run.events();
		expect((await reader.next()).value).toMatchObject({ seq: 1 });
		await run.result();
		const read = async (): Promise<void> => {
			for await (const _ of reader);
		};
		const error = await rejection(read());
		expect(error).toMatchObject({ code: "LAGGED", from: expect.any(Number) });
		expect(await rejection(run.events({ from: 5 }).next())).toMatchObject({ code: "LAGGED", from: 5 });
	});

	test("a reader that breaks off keeps nobody from anything", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: chain(10) });
		for await (const event of run.events()) if (event.type === "node.started") break;
		expect((await run.result()).status).toBe("completed");
	});

	test("carry time stamps of the clock, and outputs", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo", input: { x: 1 } }] }, { metadata: { user: "ann" } });
		const events = record(run);
		await run.result();
		await rest();
		expect(events[0]).toMatchObject({ type: "run.created", run: run.id, at: 1_000_000, metadata: { user: "ann" } });
		expect(events.find(({ type }) => type === "node.completed")).toMatchObject({ output: { x: 1 }, attempt: 1 });
	});
});

describe("a view", () => {
	test("has patches that lead from one version to the next, and on to the end", async () => {
		const { swarm, clock } = virtualSwarm([echo, fail, deps, settled]);
		const plan = Array.from({ length: 150 }, (_, i) => ({ id: `n/${i}~`, agent: "echo", input: i }));
		const run = swarm.start(
			{ nodes: [{ id: "x", agent: "fail", retry: { maxAttempts: 2, delay: 10 } }] },
			{ open: true },
		);
		const view = run.view();
		const versions: ViewState[] = [view.current];
		let copy: unknown = structuredClone(view.current);
		view.subscribe((state, patches) => {
			copy = patched(copy, JSON.parse(JSON.stringify(patches)));
			expect(JSON.parse(JSON.stringify(copy))).toEqual(JSON.parse(JSON.stringify(state)));
			versions.push(state);
		});
		await run.mutate([{ type: "addNodes", nodes: plan }]);
		await run.mutate([{ type: "addNode", node: { id: "d", agent: "deps", dependsOn: ["n/3~", "n/149~"] } }]);
		await run.close();
		await finish(run, clock);
		expect(view.current.status).toBe("failed");
		expect(view.current.counts).toMatchObject({ completed: 151, failed: 1 });
		expect(view.current.pages.flat()).toEqual([...run.snapshot().nodes()]);
		expect(versions.length).toBeGreaterThan(3);
		for (let i = 1; i < versions.length; i++) {
			expect((versions[i] as ViewState).seq).toBeGreaterThan((versions[i - 1] as ViewState).seq);
		}
		expect(view.get("d")?.output).toEqual({ "n/3~": 3, "n/149~": 149 });
	});

	test("is frozen and shares what did not change", async () => {
		const { swarm } = virtualSwarm([echo, obedient]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "obedient" }, ...chain(100)] }, { open: true });
		const view = run.view();
		expect(run.view()).toBe(view);
		const seen: ViewState[] = [];
		view.subscribe((state) => seen.push(state));
		await rest(50);
		const before = view.current;
		await run.mutate([{ type: "addNode", node: { id: "last", agent: "echo" } }]);
		await rest();
		expect(view.current.pages[0]).toBe(before.pages[0]);
		expect(view.current.pages[1]).not.toBe(before.pages[1]);
		expect(Object.isFrozen(view.current)).toBe(true);
		expect(Object.isFrozen(view.current.pages)).toBe(true);
		await run.cancel();
	});

	test("costs nothing without subscribers, and is up to date when it is read", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: chain(3) });
		const view = run.view();
		let heard = 0;
		const stop = view.subscribe(() => heard++);
		stop();
		stop();
		await run.result();
		expect(heard).toBe(0);
		expect(view.current).toMatchObject({ status: "completed", counts: { completed: 3 } });
	});

	test("a listener that throws harms neither the run nor the other listeners", async () => {
		const thrown: unknown[] = [];
		const { swarm } = virtualSwarm([echo], { onListenerError: (error) => thrown.push(error) });
		const run = swarm.start({ nodes: chain(5) });
		const heard: number[] = [];
		run.view().subscribe(() => {
			throw new Error("listener");
		});
		run.view().subscribe(({ seq }) => heard.push(seq));
		expect((await run.result()).status).toBe("completed");
		expect(heard.at(-1)).toBe(run.snapshot().seq);
		expect(thrown.length).toBe(heard.length);
	});

	test("a listener may change the graph: its command is queued, not nested", async () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "echo" }] });
		let added = false;
		let depth = 0;
		run.view().subscribe(() => {
			expect(++depth).toBe(1);
			if (!added) void run.mutate([{ type: "addNode", node: { id: "b", agent: "echo", input: 2 } }]);
			added = true;
			depth--;
		});
		expect((await run.result()).outputs).toMatchObject({ b: 2 });
	});
});

describe("a snapshot", () => {
	test("is frozen, stays as it was, and is the same while nothing happens", async () => {
		const hold = gate();
		const slow = defineAgent({ name: "slow", run: () => hold.promise });
		const { swarm } = virtualSwarm([slow]);
		const run = swarm.start({ nodes: [{ id: "a", agent: "slow" }] });
		await rest();
		const before = run.snapshot();
		expect(run.snapshot()).toBe(before);
		hold.open();
		await run.result();
		expect(before.get("a")?.state).toBe("running");
		expect(before.counts.running).toBe(1);
		expect(run.snapshot().get("a")?.state).toBe("completed");
		expect(() => Object.assign(before.get("a") as object, { state: "x" })).toThrow(TypeError);
		expect([...run.snapshot().changedSince(before)].map(([place, node]) => [place, node.id])).toEqual([[0, "a"]]);
	});

	test("can be filtered, and written as JSON", async () => {
		const { swarm } = virtualSwarm([echo, fail]);
		const run = swarm.start({ nodes: [...chain(300), { id: "x", agent: "fail" }] });
		await run.result();
		const snapshot = run.snapshot();
		expect([...snapshot.nodes({ state: "failed" })].map(({ id }) => id)).toEqual(["x"]);
		expect([...snapshot.nodes()]).toHaveLength(301);
		expect(snapshot.get("ghost")).toBeUndefined();
		const read = JSON.parse(JSON.stringify(snapshot));
		expect(read).toMatchObject({ run: run.id, status: "failed", size: 301 });
		expect(read.nodes).toHaveLength(301);
	});
});

describe("diagrams", () => {
	const hostile = [
		'say "hi"',
		"new\nline",
		"back\\slash",
		"naïve 蜂 🐝",
		"__proto__",
		"<b>]|}",
		"end",
		"a#quot;b",
		'c"];x-->y',
	];

	test("of any ids are well formed", async () => {
		const { swarm } = virtualSwarm([echo]);
		const nodes = hostile.map((id, i) => ({
			id,
			agent: "echo",
			...(i > 0 && { dependsOn: [hostile[i - 1] as string] }),
		}));
		const run = swarm.start({ nodes });
		await run.result();
		const mermaid = run.toMermaid();
		expect(mermaid).toBe(toMermaid(run.snapshot()));
		expect(mermaid.startsWith("flowchart TD\n")).toBe(true);
		const texts = [...mermaid.matchAll(/^ {2}n\d+\["([^"\n]*)"\]:::completed$/gm)].map(([, text]) => text as string);
		expect(texts).toHaveLength(hostile.length);
		const decode = (text: string): string =>
			text
				.replaceAll("<br/>", "\n")
				.replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
				.replace(/\necho$/, "");
		expect(texts.map(decode)).toEqual(hostile);
		expect(mermaid.match(/ --> /g)).toHaveLength(hostile.length - 1);

		const dot = run.toDot();
		expect(dot).toBe(toDot(run.snapshot()));
		const labels = [...dot.matchAll(/^ {2}n\d+ \[label="((?:[^"\\\n]|\\.)*)", class="completed"\];$/gm)].map(
			([, l]) => l,
		);
		expect(labels).toHaveLength(hostile.length);
		expect(labels.map((l) => JSON.parse(`"${l}"`).replace(/\necho$/, ""))).toEqual(hostile);
		expect(dot.match(/ -> /g)).toHaveLength(hostile.length - 1);
	});

	test("of an empty graph are there too", () => {
		const { swarm } = virtualSwarm([echo]);
		const run = swarm.start({ nodes: [] });
		expect(run.toMermaid()).toBe("flowchart TD\n");
		expect(run.toDot()).toMatch(/^digraph run \{[\s\S]*\}\n$/);
	});
});

describe("explain", () => {
	test("says why each node stands where it does", async () => {
		const asks = defineAgent({ name: "asks", run: async (_: unknown, ctx) => ctx.requestApproval({ reason: "sign" }) });
		const { swarm } = virtualSwarm([asks, obedient, echo, fail], { concurrency: 1 });
		const run = swarm.start({
			nodes: [
				{ id: "done", agent: "echo" },
				{ id: "bad", agent: "fail", input: "broken" },
				{ id: "skipped", agent: "echo", dependsOn: ["bad"] },
				{ id: "asks", agent: "asks" },
				{ id: "busy", agent: "obedient" },
				{ id: "next", agent: "echo", dependsOn: ["busy", "asks"] },
				{ id: "far", agent: "echo", dependsOn: ["next"] },
				{ id: "queued", agent: "echo" },
				{ id: "two", agent: "echo", join: { atLeast: 2 }, dependsOn: ["busy", "asks", "done"] },
			],
		});
		await rest();
		const why = (id: string): string => run.explain(id).why;
		expect(why("done")).toContain("completed");
		expect(why("bad")).toContain("broken");
		expect(why("skipped")).toContain('"bad"');
		expect(why("asks")).toContain("sign");
		expect(why("busy")).toContain("running");
		expect(why("queued")).toContain("slot");
		expect(run.explain("next")).toMatchObject({ state: "pending", through: ["busy", "asks"] });
		expect(run.explain("far").through).toEqual(["next", "busy", "asks"]);
		expect(why("two")).toContain("1 more");
		expect(() => run.explain("ghost")).toThrowError(
			expect.objectContaining({ code: "UNKNOWN_NODE", nodes: ["ghost"] }),
		);
		await run.cancel();
		expect(why("far")).toContain("cancelled");
	});
});

describe("inspect", () => {
	const ends = ["completed", "failed", "stalled", "cancelled", "timed_out"] as const;

	test.each(ends)("an XState actor follows the run to %s", async (end) => {
		const states = new Map<string, unknown>();
		const { swarm, clock } = virtualSwarm([echo, fail, obedient], {
			inspect: (event) => {
				if (event.type !== "@xstate.snapshot") return;
				const { id } = event.actorRef as unknown as { readonly id: string };
				states.set(id, (event.snapshot as { readonly value?: unknown }).value);
			},
		});
		const graph = {
			completed: [{ id: "a", agent: "echo" }],
			failed: [{ id: "a", agent: "fail", onFailure: "failRun" as const }],
			stalled: [{ id: "a", agent: "echo", speculative: "hold" as const }],
			cancelled: [{ id: "a", agent: "obedient" }],
			timed_out: [{ id: "a", agent: "obedient" }],
		}[end];
		const run = swarm.start({ nodes: graph }, { deadline: 1_000 });
		await run.pause().catch(() => {});
		await run.resume().catch(() => {});
		await rest();
		if (end === "cancelled") void run.cancel();
		const outcome = await finish(run, clock);
		expect(outcome.status).toBe(end);
		expect(states.get(run.id)).toBe(end);
	});

	test("that throws does not stop the run", async () => {
		const { swarm } = virtualSwarm([echo], {
			onListenerError: () => {},
			inspect: () => {
				throw new Error("inspector");
			},
		});
		expect(await swarm.run({ nodes: [{ id: "a", agent: "echo", input: 1 }] })).toEqual({ a: 1 });
	});
});
