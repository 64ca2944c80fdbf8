import type { PortAnswer } from "../../ports/port.js";

/** One property that an implementation of a port has to have. */
export interface PortCheck<Subject> {
	readonly name: string;
	/**
	 * Tries it out.
	 *
	 * @param make - a fresh subject, each time: the port, and what has to be known to judge it
	 * @throws Error (of node:assert) when the port has not the property
	 */
	run(make: () => PortAnswer<Subject>): Promise<void>;
}

/** The checks of some scripts, each named by its key. */
export function portChecks<Subject extends { dispose?(): PortAnswer<void> }>(
	scripts: Readonly<Record<string, (subject: Subject) => Promise<void>>>,
): readonly PortCheck<Subject>[] {
	return Object.entries(scripts).map(([name, script]) => ({
		name,
		async run(make) {
			const subject = await make();
			try {
				await script(subject);
			} finally {
				await subject.dispose?.();
			}
		},
	}));
}
