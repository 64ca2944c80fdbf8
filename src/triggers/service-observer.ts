import type { RunHandle } from "../run.js";
import type { Occurrence } from "./occurrence.js";

/** Is told of what a process of a service does, as it happens. None of it may throw. */
export interface ServiceObserver {
	/** An occurrence, as it is now: this process has put it into the store, decided about it, or seen its end. */
	readonly occurrence?: (occurrence: Occurrence) => void;
	/**
	 * A run goes on in this process from now on: it was started, or brought back.
	 *
	 * @param occurrence - undefined for one that the service has not started
	 */
	readonly run?: (run: RunHandle, occurrence: Occurrence | undefined) => void;
	/** This process leads from now on, or does not any more. */
	readonly leading?: (isLeading: boolean) => void;
}
