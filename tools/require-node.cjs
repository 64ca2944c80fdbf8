"use strict";
// Plain ES5: it has to run, and say its one line, on whatever Node there is.
// Usage: node tools/require-node.cjs [range]; without one, the `engines` of package.json count.

var range = process.argv[2] || require("../package.json").engines.node;
var own = process.versions.node.split(".").map(Number);

function holds(comparator) {
	var match = /^(\^|>=)(\d+)(?:\.(\d+))?$/.exec(comparator.replace(/\s/g, ""));
	if (!match) throw new Error("tools/require-node.cjs does not understand the range " + comparator);
	var major = Number(match[2]);
	var minor = Number(match[3] || 0);
	if (own[0] === major) return own[1] >= minor;
	return match[1] === ">=" && own[0] > major;
}

if (!range.split("||").some(holds)) {
	console.error(
		"dagswarm: this needs Node " +
			range +
			", but `node` is " +
			process.version +
			": run `npm ci` with install scripts allowed, which brings Node 24 for this project alone, or use a newer Node."
	);
	process.exit(1);
}
