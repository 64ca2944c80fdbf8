import { describe, expect, test } from "vitest";
import { dagswarm } from "./fake-world.js";

describe("the command line", () => {
	test.each([
		[["salvage"], "missing required argument 'from'"],
		[["salvage", "a"], "missing required argument 'to'"],
		[["salvage", "a", "b", "c"], "too many arguments"],
		[["salvag", "a", "b"], "Did you mean salvage?"],
		[["--unknown"], "unknown option '--unknown'"],
		[[], "Usage: dagswarm"],
	])("used as %j exits with 2 and says why on stderr", async (args, why) => {
		const { code, out, error } = await dagswarm(args);
		expect([code, out]).toEqual([2, ""]);
		expect(error).toContain(why);
	});

	test("tells on stdout how it is used when asked, with the exit codes", async () => {
		const { code, out, error } = await dagswarm(["--help"]);
		expect([code, error]).toEqual([0, ""]);
		expect(out).toContain("Usage: dagswarm");
		expect(out).toContain("130 interrupted");
		expect((await dagswarm(["salvage", "--help"])).out).toContain("--store <file>");
	});

	test("says errors with their code and what to do, as JSON when asked, and never a stack", async () => {
		const plain = await dagswarm(["salvage", "missing.db", "new.db"]);
		expect(plain).toMatchObject({ code: 1, out: "" });
		expect(plain.error).toMatch(/^JOURNAL_UNAVAILABLE: there is no file /);
		expect(plain.error).not.toMatch(/\n\s+at /);
		const asked = await dagswarm(["salvage", "--json", "missing.db", "new.db"]);
		expect(JSON.parse(asked.error)).toMatchObject({ error: { code: "JOURNAL_UNAVAILABLE" } });
	});
});
