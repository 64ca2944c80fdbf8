"use strict";
// Prints "N passed, N failed[, N skipped]" from a JSON report of vitest: the one line a log can be judged by.

const report = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));
// A file that breaks before its first test has no failed test to be counted.
const broken = report.testResults.filter(
	(file) => file.status === "failed" && !file.assertionResults.some((result) => result.status === "failed")
);
const failed = report.numFailedTests + broken.length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
