import { styleText } from "node:util";
import type { NodeState, RunStatus } from "../../core/lifecycle.js";

type Format = Parameters<typeof styleText>[0];

/** Puts colour on a text where the terminal takes it. */
export type Paint = (format: Format, text: string) => string;

/** Whether it takes colours is asked once, of the world, and not of the stream of this process. */
export function painter({ colours }: { readonly colours: boolean }): Paint {
	return colours ? (format, text) => styleText(format, text, { validateStream: false }) : (_, text) => text;
}

/** How states of nodes and runs look: a sign that needs no colour, and a colour. */
interface Look {
	readonly sign: string;
	readonly format: Format;
}

const LOOKS: Readonly<Record<NodeState | RunStatus, Look>> = {
	created: { sign: "○", format: "gray" },
	pending: { sign: "○", format: "gray" },
	ready: { sign: "◔", format: "blue" },
	running: { sign: "●", format: "yellow" },
	waiting: { sign: "◇", format: "magenta" },
	paused: { sign: "‖", format: "magenta" },
	stopping: { sign: "●", format: "red" },
	speculative: { sign: "◌", format: "magenta" },
	completed: { sign: "✓", format: "green" },
	failed: { sign: "✗", format: "red" },
	stalled: { sign: "⊣", format: "red" },
	skipped: { sign: "–", format: "gray" },
	abandoned: { sign: "–", format: "gray" },
	cancelled: { sign: "⊘", format: "gray" },
	timed_out: { sign: "✗", format: "red" },
	budget_exceeded: { sign: "✗", format: "red" },
};

export function lookOf(state: NodeState | RunStatus): Look {
	return LOOKS[state];
}
