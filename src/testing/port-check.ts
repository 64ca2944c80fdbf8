import type { Awaitable } from "../journal/journal.js";
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

/** What is opened, empty, for a check, and may be opened again where it is durable. */
interface OpenedCheck<Subject> {
	readonly name: string;
	run(open: () => Awaitable<Subject>, reopen?: () => Awaitable<Subject>): Promise<void>;
}

/**
 * The same of scripts that are given what is opened; it is closed after each.
 *
 * @param what - for who gives a check no way to open it again that needs one
 * @param reopened - the scripts that need one
 */
export function openedChecks<Subject extends { close(): Awaitable<void> }>(
	what: string,
	scripts: Readonly<Record<string, (subject: Subject) => Promise<void>>>,
	reopened: Readonly<Record<string, (subject: Subject, reopen: () => Awaitable<Subject>) => Promise<void>>>,
): readonly OpenedCheck<Subject>[] {
	const checks: OpenedCheck<Subject>[] = [];
	for (const [name, script] of Object.entries(scripts)) checks.push({ name, run: (open) => opened(open, script) });
	for (const [name, script] of Object.entries(reopened)) {
		const run: OpenedCheck<Subject>["run"] = async (open, reopen) => {
			if (reopen === undefined) throw new TypeError(`the check "${name}" needs a way to open the ${what} again`);
			await opened(open, (subject) => script(subject, reopen));
		};
		checks.push({ name, run });
	}
	return checks;
}

async function opened<Subject extends { close(): Awaitable<void> }>(
	open: () => Awaitable<Subject>,
	script: (subject: Subject) => Promise<void>,
): Promise<void> {
	const subject = await open();
	try {
		await script(subject);
	} finally {
		await subject.close();
	}
}
