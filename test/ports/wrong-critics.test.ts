import { type CriticHandle, type CriticPort, type CriticVerdict, idleCritic } from "dagswarm";
import { criticConformance } from "dagswarm/testing";
import { proves } from "./wrong-ports.js";

/** A critic whose handles are all as the function makes them. */
function watching(handle: () => CriticHandle): CriticPort {
	return { watch: handle };
}

function saying(verdict: CriticVerdict): CriticPort {
	return watching(() => ({ escalate: () => verdict }));
}

proves(
	criticConformance().map(({ name, run }) => ({ name, run: (make: () => CriticPort) => run(make) })),
	() => idleCritic({ idleAfter: "1s", steps: 10 }),
	{
		"has a hard limit before its soft one (mistake 38)": () =>
			watching(() => ({ hardFactor: 0.5, escalate: () => ({ action: "continue" }) })),
		"is asked all the time": () => watching(() => ({ idleAfter: 0, escalate: () => ({ action: "continue" }) })),
		"is never asked": () =>
			watching(() => ({ softAfter: Number.POSITIVE_INFINITY, escalate: () => ({ action: "continue" }) })),
		"extends by nothing": () => saying({ action: "extend", by: 0 }),
		"extends for ever": () => saying({ action: "extend", by: Number.POSITIVE_INFINITY }),
		"tells nothing": () => saying({ action: "steer", message: "" }),
		"kills without a reason": () => saying({ action: "kill", reason: "" }),
		"says what nobody understands": () => saying({ action: "wait" } as unknown as CriticVerdict),
		"takes a kill back": () =>
			watching(() => {
				let asked = 0;
				return {
					escalate: () => (asked++ % 2 === 0 ? { action: "kill", reason: "late" } : { action: "continue" }),
				};
			}),
		"extends once, for all runs together (mistake 36)": () => {
			let extended = false;
			return watching(() => ({
				escalate: () => {
					if (extended) return { action: "kill", reason: "late" };
					extended = true;
					return { action: "extend", by: 1_000 };
				},
			}));
		},
		"counts the steps of all together": () => {
			let steps = 0;
			return watching(() => ({
				activity: ({ kind }) =>
					kind === "step" && ++steps > 100 ? { action: "steer", message: "too many steps" } : undefined,
			}));
		},
		"has one handle for all": () => {
			const handle = idleCritic({ idleAfter: "1s" }).watch({
				run: { run: "r", ancestors: [], metadata: {}, startedAt: 0, resumed: false },
				attempt: { node: "n", agent: "a", attempt: 1 },
				startedAt: 0,
			});
			return { watch: () => handle };
		},
		"reads what it should only compare": () =>
			watching(() => ({
				activity: ({ input }) => {
					JSON.stringify(input);
					return undefined;
				},
			})),
		"ends everybody with one": () => {
			let ended = false;
			return watching(() => ({
				escalate: () => (ended ? { action: "continue" } : { action: "extend", by: 5 }),
				end: () => {
					ended = true;
				},
			}));
		},
	},
);
