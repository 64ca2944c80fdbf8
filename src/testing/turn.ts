import { systemClock } from "../core/clock.js";

/** A turn of the event loop: every promise that can settle has settled. */
export function turned(): Promise<void> {
	return new Promise((resolve) => systemClock.yield(resolve));
}
