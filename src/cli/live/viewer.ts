import type { RunEvent } from "../../graph/types.js";
import { jsonLine } from "../report/json.js";
import { painter } from "../report/paint.js";
import type { Shared, World } from "../world.js";
import { frame } from "./frame.js";
import { Painter } from "./painter.js";
import { plainLine } from "./plain-line.js";
import type { RunProgress } from "./run-progress.js";

/** Shows how a run goes on while it does. */
export interface Viewer {
	observe(event: RunEvent): void;
	/** A line that stays. */
	say(line: string): void;
	/** Shows nothing while somebody types. */
	hold<Value>(meanwhile: () => Promise<Value>): Promise<Value>;
	end(): void;
}

/** A live view on a terminal, lines elsewhere; JSON Lines on stdout when asked for. */
export function viewerOf(progress: RunProgress, { json }: Shared, world: World): Viewer {
	if (json) return jsonLines(progress, world);
	return world.screen === undefined ? plainLines(progress, world) : liveView(progress, world.screen, world);
}

function jsonLines(progress: RunProgress, world: World): Viewer {
	return {
		observe(event) {
			progress.observe(event);
			world.out(jsonLine({ run: progress.run, ...event }));
		},
		say: (line) => world.error(line),
		hold: (meanwhile) => meanwhile(),
		end: () => {},
	};
}

function plainLines(progress: RunProgress, world: World): Viewer {
	return {
		observe(event) {
			const line = plainLine(event, progress);
			if (line !== undefined) world.error(line);
		},
		say: (line) => world.error(line),
		hold: (meanwhile) => meanwhile(),
		end: () => {},
	};
}

function liveView(progress: RunProgress, screen: NonNullable<World["screen"]>, world: World): Viewer {
	const paint = painter({ colours: world.errorColours });
	const live = new Painter(screen, world.clock, () => frame(progress, screen, world.clock.now(), paint));
	return {
		observe(event) {
			progress.observe(event);
			live.touch();
		},
		say: (line) => live.say(line),
		hold: (meanwhile) => live.hold(meanwhile),
		end: () => live.end(),
	};
}
