import { EventEmitter } from "eventemitter3";

/** Takes what a listener threw; must not throw itself. */
export type ErrorReporter = (error: unknown, event: string) => void;

/** Warns of it: what a listener of the caller's threw is theirs to see, and must not stop the run. */
export function warnOf(error: unknown, event: string): void {
	process.emitWarning(
		`a listener of "${event}" threw: ${String((error as Error)?.message ?? error)}`,
		"SwarmListenerError",
	);
}

/**
 * Typed fan-out. A listener that throws is isolated and reported; the others still hear the event,
 * and the emitter's caller never sees the error.
 */
export class Emitter<Events extends Record<string, unknown>> {
	readonly #emitter = new EventEmitter();
	readonly #report: ErrorReporter;

	constructor(report: ErrorReporter) {
		this.#report = report;
	}

	/** @returns a function that takes the listener off again */
	on<Name extends keyof Events & string>(name: Name, listener: (payload: Events[Name]) => void): () => void {
		const isolated = (payload: Events[Name]): void => {
			try {
				const returned: unknown = listener(payload);
				// An async listener is accepted too, and its rejection would end the process.
				if (returned instanceof Promise) returned.catch((error: unknown) => this.#report(error, name));
			} catch (error) {
				this.#report(error, name);
			}
		};
		this.#emitter.on(name, isolated);
		return () => {
			this.#emitter.off(name, isolated);
		};
	}

	emit<Name extends keyof Events & string>(name: Name, payload: Events[Name]): void {
		this.#emitter.emit(name, payload);
	}

	count(name: keyof Events & string): number {
		return this.#emitter.listenerCount(name);
	}

	clear(): void {
		this.#emitter.removeAllListeners();
	}
}
