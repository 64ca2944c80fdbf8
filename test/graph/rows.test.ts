import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NODE_STATES } from "../../src/core/lifecycle.js";
import { EdgeTable } from "../../src/graph/edge-table.js";
import * as columns from "../../src/graph/node-table.js";
import { NodeTable } from "../../src/graph/node-table.js";
import { CHUNK, RefColumn } from "../../src/graph/rows.js";

describe("the node table", () => {
	test("gives the states the numbers of the lifecycle", () => {
		const numbers = new Map<string, unknown>(Object.entries(columns));
		for (const [number, name] of NODE_STATES.entries()) expect(numbers.get(name.toUpperCase())).toBe(number);
	});

	test("keeps what was written while it grows over chunks", () => {
		const nodes = new NodeTable();
		const size = 2 * CHUNK + 50;
		for (let n = 0; n < size; n++) {
			expect(nodes.add()).toBe(n);
			nodes.setLabel(n, n + 0.5);
			nodes.setLease(n, 2 ** 40 + n);
			nodes.setJoin(n, n % 5, n);
			nodes.setState(n, n % 10);
			nodes.setAttempt(n, n % 1_001);
			nodes.flag(n, columns.HAS_TIMERS);
		}
		for (let n = 0; n < size; n += 7) {
			expect([nodes.label(n), nodes.lease(n), nodes.join(n), nodes.need(n), nodes.state(n), nodes.attempt(n)]).toEqual([
				n + 0.5,
				2 ** 40 + n,
				n % 5,
				n,
				n % 10,
				n % 1_001,
			]);
		}
	});

	test("gives rows that were dropped back empty", () => {
		const nodes = new NodeTable();
		for (let n = 0; n < 100; n++) nodes.flag(nodes.add(), columns.STARTED | columns.EAGER);
		nodes.truncate(10);
		for (let n = 10; n < 100; n++) {
			expect(nodes.add()).toBe(n);
			expect(nodes.has(n, columns.STARTED | columns.EAGER)).toBe(false);
			expect(nodes.label(n)).toBe(0);
		}
		expect(nodes.has(9, columns.STARTED)).toBe(true);
	});

	test("keeps flags, state and join out of each other's way", () => {
		const flags = Object.entries(columns)
			.filter(([name, value]) => typeof value === "number" && value >= 1 << 9 && name === name.toUpperCase())
			.map(([, value]) => value as number);
		expect(new Set(flags).size).toBe(flags.length);
		const nodes = new NodeTable();
		const n = nodes.add();
		nodes.setState(n, 9);
		nodes.setJoin(n, 4, 3);
		for (const flag of flags) {
			expect(nodes.has(n, flag)).toBe(false);
			nodes.flag(n, flag);
			expect(nodes.has(n, flag)).toBe(true);
		}
		expect([nodes.state(n), nodes.join(n), nodes.need(n)]).toEqual([9, 4, 3]);
		for (const flag of flags) nodes.unflag(n, flag);
		nodes.setState(n, 0);
		nodes.setJoin(n, 0, 1);
		for (const flag of flags) expect(nodes.has(n, flag)).toBe(false);
	});
});

describe("the edge table", () => {
	test("hands out each free row once, never row 0", () => {
		fc.assert(
			fc.property(fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 80 }), (steps) => {
				const edges = new EdgeTable();
				const taken = new Map<number, number>();
				let next = 0;
				for (const step of steps) {
					const held = [...taken.keys()];
					if (step === undefined || held.length === 0) {
						const edge = edges.take(++next, next * 2);
						expect(edge).toBeGreaterThan(0);
						expect(taken.has(edge)).toBe(false);
						taken.set(edge, next);
					} else {
						const edge = held[step % held.length] as number;
						edges.release(edge);
						taken.delete(edge);
					}
					for (const [edge, from] of taken) expect([edges.from(edge), edges.to(edge)]).toEqual([from, from * 2]);
				}
			}),
		);
	});
});

describe("a column of references", () => {
	test("agrees with an array, whatever the order of writing and cutting", () => {
		const write = fc.record({ row: fc.nat(3 * CHUNK), value: fc.integer() });
		const cut = fc.record({ size: fc.nat(3 * CHUNK) });
		fc.assert(
			fc.property(fc.array(fc.oneof(write, write, write, cut), { maxLength: 30 }), (steps) => {
				const column = new RefColumn<number>();
				const model = new Map<number, number>();
				for (const step of steps) {
					if ("row" in step) {
						column.set(step.row, step.value);
						model.set(step.row, step.value);
					} else {
						column.truncate(step.size);
						for (const row of [...model.keys()]) if (row >= step.size) model.delete(row);
					}
					for (const each of steps) if ("row" in each) expect(column.get(each.row)).toBe(model.get(each.row));
				}
			}),
			{ numRuns: 50 },
		);
	});

	test("has nothing where nothing was written", () => {
		const column = new RefColumn<string>();
		expect(column.get(0)).toBeUndefined();
		column.set(CHUNK + 3, "x");
		expect([column.get(0), column.get(3), column.get(CHUNK), column.get(CHUNK + 3)]).toEqual([
			undefined,
			undefined,
			undefined,
			"x",
		]);
	});
});
