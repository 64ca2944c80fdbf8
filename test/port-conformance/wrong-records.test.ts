import type { AuditEntry, AuditPort, AuditRecorder, AuditStats, Delivery, DeliveryPort } from "dagswarm";
import { type AuditSubject, auditConformance, type DeliverySubject, deliveryConformance } from "dagswarm/testing";
import { describe, expect, test } from "vitest";
import { infoOf } from "../ports/fixture.js";

interface Kept {
	readonly entries: AuditEntry[];
	stats?: AuditStats;
}

/** What a right audit does, each part of which may be wrong. */
interface AuditParts {
	/** Under which name a run is kept. */
	name(run: string): string;
	declined(run: string): boolean;
	keep(kept: Kept, entry: AuditEntry): void | Promise<void>;
	continues: boolean;
	close(kept: Kept, stats: AuditStats): void;
	/** What it does where what it records into fails. */
	broken(kept: Kept): void;
	closedForGood: boolean;
}

const right: AuditParts = {
	name: (run) => run,
	declined: (run) => run === "declined",
	keep: (kept, entry) => void kept.entries.push(structuredClone(entry)),
	continues: true,
	close: (kept, stats) => {
		kept.stats = structuredClone(stats);
	},
	broken: () => {
		throw new Error("it cannot be recorded");
	},
	closedForGood: true,
};

function auditSubject(parts: AuditParts): AuditSubject {
	const runs = new Map<string, Kept>();
	let isBroken = false;
	const port: AuditPort = {
		startRun({ run }) {
			if (parts.declined(run)) return null;
			if (isBroken) parts.broken({ entries: [] });
			const name = parts.name(run);
			const kept: Kept = parts.continues ? (runs.get(name) ?? { entries: [] }) : { entries: [] };
			runs.set(name, kept);
			let isClosed = false;
			const recorder: AuditRecorder = {
				record(entry) {
					if (isClosed && parts.closedForGood) throw new Error("closed");
					return isBroken ? parts.broken(kept) : parts.keep(kept, entry);
				},
				close(stats) {
					isClosed = true;
					if (isBroken) parts.broken(kept);
					parts.close(kept, stats);
				},
			};
			return recorder;
		},
	};
	return {
		port,
		read: (run) => runs.get(parts.name(run)),
		declines: infoOf("declined"),
		fail() {
			isBroken = true;
		},
	};
}

const wrongAudits: Readonly<Record<string, Partial<AuditParts>>> = {
	"entries are kept by reference": { keep: (kept, entry) => void kept.entries.push(entry) },
	"entries come in another order": { keep: (kept, entry) => void kept.entries.unshift(structuredClone(entry)) },
	"entries are kept up to some number": {
		keep: (kept, entry) => void (kept.entries.length < 100 && kept.entries.push(structuredClone(entry))),
	},
	"entries are JSON, which has no bytes": {
		keep: (kept, entry) => void kept.entries.push(JSON.parse(JSON.stringify(entry)) as AuditEntry),
	},
	"entries of one kind are forgotten": {
		keep: (kept, entry) => void (entry.kind !== "gap" && kept.entries.push(structuredClone(entry))),
	},
	"entries are changed on the way": {
		keep(kept, entry) {
			kept.entries.push(structuredClone(entry));
			if (entry.kind === "log" && typeof entry.data === "object") Object.assign(entry.data ?? {}, { seen: true });
		},
	},
	"a run that goes on begins again": { continues: false },
	"ids are the same without their case": { name: (run) => run.toLowerCase() },
	"ids are cut off": { name: (run) => run.slice(0, 255) },
	"ids are file names": { name: (run) => run.replace(/[^\w.]/g, "_") },
	"the stats are those of the first process": {
		close(kept, stats) {
			kept.stats ??= stats;
		},
	},
	"no run is left out": { declined: () => false },
	"a record goes on when it is closed": { closedForGood: false },
	"failures are kept quiet": { broken: () => {} },
	"cancelled runs are forgotten": {
		close(kept, stats) {
			if (stats.status === "cancelled") kept.entries.length = 0;
			kept.stats = stats;
		},
	},
};

interface Checked<Subject> {
	readonly name: string;
	run(make: () => Subject): Promise<void>;
}

/** The checks that are not passed. */
async function findings<Subject>(checks: readonly Checked<Subject>[], make: () => Subject): Promise<string[]> {
	const found: string[] = [];
	for (const check of checks) {
		try {
			await check.run(make);
		} catch {
			found.push(check.name);
		}
	}
	return found;
}

describe("an audit", () => {
	const checks = auditConformance() as readonly Checked<AuditSubject>[];

	test("with nothing wrong about it passes", async () => {
		expect(await findings(checks, () => auditSubject(right))).toEqual([]);
	});

	test("that records everything, and cannot be made to fail, passes", async () => {
		const make = (): AuditSubject => {
			const { port, read } = auditSubject(right);
			return { port, read };
		};
		expect(await findings(checks, make)).toEqual([]);
	});

	test.each(Object.entries(wrongAudits))("is found out where %s", async (_, wrong) => {
		const found = await findings(checks, () => auditSubject({ ...right, ...wrong }));
		expect(found).not.toEqual([]);
		// It is the one fault that is found, not everything.
		expect(found.length).toBeLessThan(checks.length / 2);
	});

	test("that records nothing, or always fails, is found out", async () => {
		const none = () => ({ port: { startRun: () => null }, read: () => undefined });
		expect((await findings(checks, none)).length).toBeGreaterThan(checks.length / 2);
		const failing = () => ({ port: { startRun: () => Promise.reject(new Error("no")) }, read: () => undefined });
		expect((await findings(checks, failing)).length).toBeGreaterThan(checks.length / 2);
	});
});

type Deliver = (taken: Map<string, Delivery>, delivery: Delivery, signal: AbortSignal) => void | Promise<void>;

const take: Deliver = (taken, delivery, signal) => {
	signal.throwIfAborted();
	taken.set(delivery.run, structuredClone(delivery));
};

function deliverySubject(deliver: Deliver, quiet = false): DeliverySubject {
	const taken = new Map<string, Delivery>();
	let isBroken = false;
	const port: DeliveryPort = {
		deliver(delivery, signal) {
			if (isBroken && !quiet) throw new Error("it cannot be delivered");
			return deliver(taken, delivery, signal);
		},
	};
	return {
		port,
		arrived: () => [...taken.values()],
		fail() {
			isBroken = true;
		},
		mend() {
			isBroken = false;
		},
	};
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Artifacts as a folder keeps them whose names are what is asked for. */
const withNames =
	(nameOf: (name: string) => string): Deliver =>
	(taken, delivery, signal) => {
		const contents = new Map(delivery.artifacts.map(({ name, content }) => [nameOf(name), content]));
		const artifacts = delivery.artifacts.map((made) => ({ ...made, content: contents.get(nameOf(made.name)) ?? "" }));
		return take(taken, { ...delivery, artifacts }, signal);
	};

const wrongDeliveries: Readonly<Record<string, Deliver>> = {
	"each try has an effect": (taken, delivery) => void taken.set(`${taken.size}`, structuredClone(delivery)),
	"tries that meet have an effect each": async (taken, delivery) => {
		const isNew = !taken.has(delivery.key);
		await turn();
		if (isNew)
			taken.set(taken.has(delivery.key) ? `${delivery.key}/${taken.size}` : delivery.key, structuredClone(delivery));
	},
	"what came first stays": (taken, delivery, signal) => {
		if (!taken.has(delivery.run)) return take(taken, delivery, signal);
	},
	"outputs are JSON, which has no bytes": (taken, delivery, signal) =>
		take(taken, { ...delivery, outputs: JSON.parse(JSON.stringify(delivery.outputs)) as Delivery["outputs"] }, signal),
	"artifacts are text": (taken, delivery, signal) => {
		const artifacts = delivery.artifacts.map((made) => ({
			...made,
			content: Buffer.from(made.content as string).toString(),
		}));
		return take(taken, { ...delivery, artifacts }, signal);
	},
	"artifacts with the same name are one": withNames((name) => name),
	"artifacts are the same without their case": withNames((name) => name.toLowerCase()),
	"errors are left out": (taken, { error: _, ...delivery }, signal) => take(taken, delivery, signal),
	"only runs that completed are taken": (taken, delivery, signal) => {
		if (delivery.status === "completed") return take(taken, delivery, signal);
	},
	"ids are file names": (taken, delivery) =>
		void taken.set(delivery.run.replace(/[^\w.]/g, "_").slice(0, 255), structuredClone(delivery)),
	"artifacts come one by one, whatever happens meanwhile": async (taken, delivery, signal) => {
		for (let count = 0; count <= delivery.artifacts.length; count++) {
			signal.throwIfAborted();
			taken.set(delivery.run, structuredClone({ ...delivery, artifacts: delivery.artifacts.slice(0, count) }));
			await Promise.resolve();
		}
	},
	"what is given is changed": (taken, delivery, signal) => {
		Object.assign(delivery, { taken: true });
		return take(taken, delivery, signal);
	},
	"a try that is over is said to have been taken": (taken, delivery, signal) => {
		if (!signal.aborted) return take(taken, delivery, signal);
	},
};

describe("a delivery port", () => {
	const checks = deliveryConformance() as readonly Checked<DeliverySubject>[];

	test("with nothing wrong about it passes", async () => {
		expect(await findings(checks, () => deliverySubject(take))).toEqual([]);
	});

	test.each(Object.entries(wrongDeliveries))("is found out where %s", async (_, wrong) => {
		const found = await findings(checks, () => deliverySubject(wrong));
		expect(found).not.toEqual([]);
		expect(found.length).toBeLessThanOrEqual(checks.length / 2);
	});

	test("is found out where failures are kept quiet", async () => {
		expect(await findings(checks, () => deliverySubject(take, true))).toEqual([
			"rejects what it cannot take, and takes it later",
		]);
	});

	test("that takes nothing is found out", async () => {
		expect((await findings(checks, () => deliverySubject(() => {}))).length).toBeGreaterThan(checks.length / 2);
	});
});
