import type { Clock } from "./clock.js";

/**
 * Waits on a clock.
 *
 * @param wait - milliseconds
 * @param signal - ends it
 * @returns when the time is over, or the signal was given
 */
export function pause(clock: Clock, wait: number, signal?: AbortSignal): Promise<void> {
	if (signal?.aborted) return Promise.resolve();
	return new Promise((resolve) => {
		const end = (): void => {
			clock.clear(timer);
			signal?.removeEventListener("abort", end);
			resolve();
		};
		const timer = clock.set(clock.now() + wait, end);
		signal?.addEventListener("abort", end);
	});
}
