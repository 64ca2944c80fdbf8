import { defineAgent, type Occurrence, type ServiceNumbers } from "dagswarm";
import { describe, expect, test } from "vitest";
import { metricsText } from "../../src/triggers/metrics-text.js";
import { ServiceMetrics } from "../../src/triggers/service-metrics.js";
import { listeners } from "./http-fixture.js";
import { holding, quiet, worlds } from "./service-fixture.js";

const listening = listeners();
const world = worlds();

const none = { started: 0, retried: 0, completed: 0, failed: 0, cancelled: 0, skipped: 0 };

describe("what a service counts", () => {
	test("starts, ends and what was left out, by trigger", async () => {
		const w = world();
		const { agent, going } = holding();
		let calls = 0;
		const flaky = defineAgent({
			name: "flaky",
			run: async () => {
				if (++calls < 3) throw new Error("down");
			},
		});
		const bad = defineAgent({
			name: "bad",
			run: async () => {
				throw new Error("no");
			},
		});
		const { service } = await w.started([agent, flaky, bad], {
			triggers: [
				{ id: "tick", on: "every 1s", start: "hold" },
				{ id: "f", on: { kind: "manual" }, start: "flaky", retry: { maxAttempts: 3, delay: "1s" } },
			],
		});
		await service.fire("f");
		await service.submit("bad");
		await quiet();
		await w.pass(3_000);
		expect(await service.metrics()).toEqual({
			isLeading: true,
			running: 1,
			open: { pending: 0, running: 1, waiting: 0 },
			total: { started: 3, retried: 2, completed: 1, failed: 1, cancelled: 0, skipped: 2 },
			byTrigger: {
				tick: { ...none, started: 1, skipped: 2 },
				f: { ...none, started: 1, retried: 2, completed: 1 },
				"(submitted)": { ...none, started: 1, failed: 1 },
			},
			delay: { count: 3, sum: 0, max: 0 },
			errors: 0,
		} satisfies ServiceNumbers);
		const [row] = await service.list({ states: ["running"] });
		await service.cancel(row?.key ?? "");
		await quiet();
		expect(going).toEqual([]);
		expect((await service.metrics()).total.cancelled).toBe(1);
	});

	test("what is cancelled before it starts, and what waits", async () => {
		const w = world();
		const { agent, going } = holding();
		const { service } = await w.started([agent], { triggers: [{ id: "m", on: { kind: "manual" }, start: "hold" }] });
		for (const key of ["a", "b", "c"]) await service.fire("m", { key });
		await quiet();
		expect((await service.metrics()).open).toEqual({ pending: 2, running: 1, waiting: 0 });
		await service.cancel("m@1:b");
		await quiet();
		expect((await service.metrics()).total).toMatchObject({ started: 1, cancelled: 1 });
		w.clock.advance(5_000);
		going[0]?.end();
		await quiet();
		// The third has waited for its turn.
		expect((await service.metrics()).delay).toEqual({ count: 2, sum: 5, max: 5 });
	});

	test("one that makes place for a later one has started once, and was cancelled", async () => {
		const w = world();
		const { agent } = holding();
		const { service } = await w.started([agent], {
			triggers: [{ id: "m", on: { kind: "manual" }, start: "hold", overlap: "cancelPrevious" }],
		});
		for (const key of ["a", "b"]) {
			await service.fire("m", { key });
			await quiet(30);
		}
		expect((await service.metrics()).total).toEqual({ ...none, started: 2, cancelled: 1 });
	});

	test("a process that stands by counts what it does itself: nothing", async () => {
		const w = world();
		const { agent } = holding();
		const triggers = [{ id: "m", on: { kind: "manual" }, start: "hold" }] as const;
		await w.started([agent], { triggers });
		const other = await w.started([agent], { triggers });
		await other.service.fire("m");
		await w.pass(250);
		expect(await other.service.metrics()).toMatchObject({
			isLeading: false,
			running: 0,
			open: { running: 1 },
			total: none,
		});
	});

	test("a hundred triggers on their own, and the others together", () => {
		const metrics = new ServiceMetrics();
		const row = (trigger?: string): Occurrence => ({
			key: "k",
			due: 1_000,
			createdAt: 0,
			startedAt: 1_500,
			state: "running",
			attempt: 1,
			version: 1,
			...(trigger !== undefined && { trigger }),
		});
		for (let i = 0; i < 150; i++) metrics.note(row(`t${i}`));
		for (let i = 0; i < 150; i++) metrics.note(row(`t${i}`));
		metrics.note(row());
		metrics.note({ ...row("t0"), missed: true });
		metrics.note({ ...row("t0"), startedAt: 500 });
		const { byTrigger, total, delay } = metrics.numbers({}, { isLeading: false, running: 0 });
		expect(Object.keys(byTrigger)).toHaveLength(102);
		expect(byTrigger["(others)"]).toEqual({ ...none, started: 100 });
		expect(byTrigger["(submitted)"]).toEqual({ ...none, started: 1 });
		expect(total.started).toBe(303);
		expect(delay).toEqual({ count: 302, sum: 150.5, max: 0.5 });
	});
});

describe("as text", () => {
	test("in both formats that are read", async () => {
		const { ask, service } = await listening({ triggers: [{ id: "m", on: { kind: "manual" }, start: "note" }] });
		await service.fire("m");
		await quiet();
		const prometheus = await ask("/metrics");
		expect(prometheus.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
		expect(prometheus.text).toContain(
			"# HELP dagswarm_occurrences_started_total Occurrences whose first attempt this process has started.\n" +
				"# TYPE dagswarm_occurrences_started_total counter\n" +
				'dagswarm_occurrences_started_total{trigger="m"} 1\n',
		);
		expect(prometheus.text).toContain('dagswarm_occurrences_open{state="pending"} 0\n');
		expect(prometheus.text).toContain(
			"# TYPE dagswarm_start_delay_seconds summary\ndagswarm_start_delay_seconds_sum 0\n",
		);
		expect(prometheus.text).toMatch(/\ndagswarm_leading 1\n[\s\S]*\ndagswarm_errors_total 0\n$/);
		const headers = { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" };
		const open = await ask("/metrics", { headers });
		expect(open.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
		expect(open.text).toContain("# TYPE dagswarm_occurrences_started counter\n");
		expect(open.text).toContain('dagswarm_occurrences_started_total{trigger="m"} 1\n');
		expect(open.text).toMatch(/\n# EOF\n$/);
	});

	test("each line is a sample or says what the samples below it are, and what is in a label is escaped", () => {
		const numbers: ServiceNumbers = {
			isLeading: false,
			running: 2,
			open: { pending: 1, running: 2, waiting: 3 },
			total: none,
			byTrigger: { 'a"b\\c\nd': { ...none, failed: 7 } },
			delay: { count: 2, sum: 0.25, max: 1e-7 },
			errors: 1,
		};
		const text = metricsText(numbers, "prometheus");
		expect(text).toContain('dagswarm_occurrences_failed_total{trigger="a\\"b\\\\c\\nd"} 7\n');
		expect(text).toContain("dagswarm_start_delay_seconds_max 1e-7\n");
		const line = /^(# (HELP|TYPE) dagswarm_[a-z_]+ .+|dagswarm_[a-z_]+(\{[a-z]+="(\\[\\"n]|[^\\"])*"\})? [\d.e+-]+)$/;
		expect(
			text
				.trimEnd()
				.split("\n")
				.filter((each) => !line.test(each)),
		).toEqual([]);
	});
});
