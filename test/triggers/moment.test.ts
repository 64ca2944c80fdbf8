import { describe, expect, test } from "vitest";
import { MAX_MOMENT_MS, momentOf } from "../../src/triggers/moment.js";
import type { Moment } from "../../src/triggers/trigger.js";

describe("momentOf", () => {
	test.each<[Moment, number]>([
		["2027-01-31T09:00:00+01:00", Date.UTC(2027, 0, 31, 8)],
		["2027-01-31T08:00Z", Date.UTC(2027, 0, 31, 8)],
		["2028-02-29T00:00:00.250Z", Date.UTC(2028, 1, 29) + 250],
		["9999-12-31T23:59:59.999Z", MAX_MOMENT_MS],
		[0, 0],
		[1_764_100_800_000, 1_764_100_800_000],
	])("reads %j", (moment, ms) => {
		expect(momentOf(moment)).toBe(ms);
	});

	test.each<[string, unknown]>([
		["no offset", "2027-01-31T09:00:00"],
		["a date alone", "2027-01-31"],
		["prose", "tomorrow"],
		["nothing", ""],
		["a day that there is not", "2027-02-29T00:00:00Z"],
		["the thirty-first of April", "2027-04-31T00:00:00Z"],
		["a thirteenth month", "2027-13-01T00:00:00Z"],
		["a 25th hour", "2027-01-01T25:00:00Z"],
		["more than four digits of a year", "+012027-01-01T00:00:00Z"],
		["before 1970", -1],
		["a part of a millisecond", 0.5],
		["after the year 9999", MAX_MOMENT_MS + 1],
		["NaN", Number.NaN],
		["null", null],
		["an object", {}],
	])("does not read %s", (_, moment) => {
		expect(momentOf(moment as Moment)).toBeUndefined();
	});
});
