import type { EventEmitter } from "node:events";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

type Stop = keyof typeof EXIT_CODES;

const STOPS = ["SIGINT", "SIGTERM"] as const satisfies readonly Stop[];

/** One Ctrl-C can come twice, from the terminal and from npm: only what comes later than this is meant. */
const SAME_MS = 500;

/**
 * A signal that aborts at the first SIGINT or SIGTERM, with its name as the reason. At the next one the process
 * ends at once.
 *
 * @param events - of the process
 * @param exit - ends the process with a code
 */
export function stopOnSignals(
	events: Pick<EventEmitter, "on" | "off">,
	exit: (code: number) => void,
	now: () => number = () => performance.now(),
): { readonly signal: AbortSignal; readonly close: () => void } {
	const controller = new AbortController();
	let since = 0;
	const listeners = STOPS.map((name) => {
		const listener = (): void => {
			if (controller.signal.aborted) {
				if (now() - since > SAME_MS) exit(EXIT_CODES[name]);
				return;
			}
			since = now();
			controller.abort(name);
		};
		events.on(name, listener);
		return [name, listener] as const;
	});
	return {
		signal: controller.signal,
		close: () => {
			for (const [name, listener] of listeners) events.off(name, listener);
		},
	};
}

/** The exit code of a command that was stopped: by convention 128 and the number of the signal. */
export function stoppedCode({ reason }: AbortSignal): number {
	return EXIT_CODES[reason as Stop] ?? EXIT_CODES.SIGINT;
}
