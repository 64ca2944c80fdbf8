import type { RunHandle } from "../run.js";
import type { Occurrence } from "./occurrence.js";

/** Is told of what a process of a service does, as it happens. What it throws is told to `onError`, and stops nothing. */
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

/** An observer that may throw what it likes. */
export function guarded(observer: ServiceObserver | undefined, onError: (error: unknown) => void): ServiceObserver {
	if (observer === undefined) return {};
	const guard =
		<Told extends unknown[]>(tell: ((...told: Told) => unknown) | undefined) =>
		(...told: Told): void => {
			try {
				const returned = tell?.apply(observer, told);
				if (returned instanceof Promise) returned.catch(onError);
			} catch (error) {
				onError(error);
			}
		};
	return { occurrence: guard(observer.occurrence), run: guard(observer.run), leading: guard(observer.leading) };
}
