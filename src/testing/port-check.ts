import type { PortAnswer } from "../ports/port.js";

/** One property that an implementation of a port has to have. */
export interface PortCheck<Make> {
	readonly name: string;
	/**
	 * Tries it out.
	 *
	 * @param make - a fresh implementation, each time
	 * @throws Error (of node:assert) when it has not the property
	 */
	run(make: Make): Promise<void>;
}

/** The scripts of a port as checks. */
export function checksOf<Make>(
	scripts: Readonly<Record<string, (make: Make) => void | Promise<void>>>,
): readonly PortCheck<Make>[] {
	return Object.entries(scripts).map(([name, script]) => ({
		name,
		run: async (make) => await script(make),
	}));
}

/** The same of scripts that are given what is made, and let go of it themselves. */
export function portChecks<Subject extends { dispose?(): PortAnswer<void> }>(
	scripts: Readonly<Record<string, (subject: Subject) => Promise<void>>>,
): readonly PortCheck<() => PortAnswer<Subject>>[] {
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
