import { memoryStore, type Occurrence, type ServiceLease, type Store, type StoreAnswer } from "dagswarm";
import { storeConformance } from "dagswarm/testing";
import { expect, test } from "vitest";
import { remade } from "./store-fixture.js";

/** A right store with something wrong about it. */
type Fault = (right: Store) => Partial<Store>;

const current = (right: Store, key: string) => right.occurrence(key) as Occurrence | undefined;

const faults: Readonly<Record<string, Fault>> = {
	"acquire takes a lease from who has it": (right) => ({
		acquire: (name, holder, expiresAt) => right.acquire(name, holder, expiresAt, 1e9),
	}),
	"acquire gives out a fence again that was released": (right) => {
		const fences = new Map<string, number>();
		return {
			acquire: async (name, holder, expiresAt, now) => {
				const lease = await right.acquire(name, holder, expiresAt, now);
				return { ...lease, fence: fences.get(name) ?? lease.fence };
			},
			release: (name, fence) => {
				fences.set(name, fence);
				return right.release(name, fence);
			},
		};
	},
	"acquire raises the fence of who has it": (right) => ({
		acquire: async (name, holder, expiresAt, now) => {
			const [held] = (await right.leases(name)) as readonly ServiceLease[];
			if (held?.holder.id === holder.id) await right.release(name, held.fence);
			return right.acquire(name, holder, expiresAt, now);
		},
	}),
	"acquire renews nothing": (right) => ({
		acquire: async (name, holder, expiresAt, now) => {
			const [held] = (await right.leases(name)) as readonly ServiceLease[];
			return held?.holder.id === holder.id && held.expiresAt > now ? held : right.acquire(name, holder, expiresAt, now);
		},
	}),
	"release forgets whose it is": (right) => ({
		release: async (name) => {
			for (const lease of await right.leases(name)) await right.release(lease.name, lease.fence);
		},
	}),
	"leases leaves out those that have expired": (right) => ({
		leases: async (prefix) => (await right.leases(prefix)).filter(({ expiresAt }) => expiresAt > 1_500),
	}),
	"write does not look at the lease": (right) => ({ write: ({ lease: _, ...change }) => right.write(change) }),
	"write takes any lease that is held": (right) => ({
		write: async ({ lease, ...change }) => {
			const [held] = lease === undefined ? [] : await right.leases(lease.name);
			return right.write({ ...change, ...(lease !== undefined && { lease: held ?? lease }) });
		},
	}),
	"write does not compare versions": (right) => ({
		write: (change) =>
			right.write({
				...change,
				...(change.occurrences && {
					occurrences: change.occurrences.map((row) => ({
						...row,
						version: (current(right, row.key)?.version ?? 0) + 1,
					})),
				}),
			}),
	}),
	"write makes the parts of a change one after the other": (right) => ({
		write: async ({ lease, ...change }) => {
			let answer: StoreAnswer = await right.write(lease ? { lease } : {});
			for (const [part, value] of Object.entries(change)) if (answer.ok) answer = await right.write({ [part]: value });
			return answer;
		},
	}),
	"write overwrites what is there": (right) => ({
		write: async (change) => {
			const removeOccurrences = (change.add ?? []).map(({ key }) => key);
			const answer = await right.write({ ...change, add: [] });
			if (!answer.ok) return answer;
			await right.write({ removeOccurrences });
			return right.write({ add: change.add ?? [] });
		},
	}),
	"write says nothing of keys that were there": (right) => ({
		write: async (change) => {
			const answer = await right.write(change);
			return answer.ok ? { ok: true, present: [] } : answer;
		},
	}),
	"write starts again what has ended": (right) => ({
		write: async (change) => {
			const ended = (change.add ?? []).filter(({ key }) => current(right, key)?.state === "completed");
			await right.write({ removeOccurrences: ended.map(({ key }) => key) });
			return right.write(change);
		},
	}),
	"write keeps the occurrences of a trigger that goes": (right) => ({
		write: async ({ removeTriggers = [], ...change }) => {
			const rows = (await right.occurrences()).filter(({ trigger }) => removeTriggers.includes(trigger ?? ""));
			const answer = await right.write({ removeTriggers, ...change });
			await right.write({ add: rows });
			return answer;
		},
	}),
	"occurrences come oldest first": (right) => ({
		occurrences: async (filter) => [...(await right.occurrences(filter))].reverse(),
	}),
	"occurrences go by when they were added": (right) => ({
		occurrences: async (filter) => [...(await right.occurrences(filter))].sort((a, b) => (a.key < b.key ? 1 : -1)),
	}),
	"occurrences are limited before they are filtered": (right) => ({
		occurrences: async ({ states, ...filter } = {}) =>
			(await right.occurrences(filter)).filter(({ state }) => states?.includes(state) ?? true),
	}),
	"occurrences without a trigger are all": (right) => ({
		occurrences: ({ trigger, ...filter } = {}) =>
			right.occurrences({ ...filter, ...(typeof trigger === "string" && { trigger }) }),
	}),
	"counts count everything": (right) => ({ counts: () => right.counts() }),
	"trim takes away what goes on": (right) => ({
		trim: async (trigger, keep, keepAfter) => {
			const rows = (await right.occurrences({ trigger })).slice(keep).filter((row) => row.createdAt <= keepAfter);
			await right.write({ removeOccurrences: rows.map(({ key }) => key) });
			return rows.length;
		},
	}),
	"trim does not spare what is young": (right) => ({ trim: (trigger, keep) => right.trim(trigger, keep, 1e9) }),
	"ask overwrites": (right) => ({
		ask: async (request) => {
			await right.forget(request.id);
			await right.ask(request);
		},
	}),
	"requests has those that were answered": (right) => {
		const asked: string[] = [];
		return {
			ask: async (request) => {
				asked.push(request.id);
				await right.ask(request);
			},
			requests: async () => {
				const all = await Promise.all(asked.map((id) => right.request(id)));
				return all.filter((request) => request !== undefined);
			},
		};
	},
	"answer takes the last": (right) => ({
		answer: async (id, answer) => {
			const request = await right.request(id);
			await right.forget(id);
			if (request !== undefined) await right.ask({ ...request, answer });
			return request !== undefined;
		},
	}),
	"watch goes on after its end": (right) => ({
		watch: async (changed, failed) => {
			await right.watch(changed, failed);
			return () => {};
		},
	}),
	"the journal knows nothing of the occurrences": (right) => ({
		journal: memoryStore().journal,
		close: () => right.close(),
	}),
};

/** The checks that such a store does not pass. */
async function findings(fault: Fault): Promise<readonly string[]> {
	const found: string[] = [];
	for (const check of storeConformance()) {
		const open = (): Store => {
			const right = memoryStore();
			return { ...remade(right, (method) => method), ...fault(right) };
		};
		try {
			await check.run(open);
		} catch {
			found.push(check.name);
		}
	}
	return found;
}

test("a store with nothing wrong about it passes", async () => {
	expect(await findings(() => ({}))).toEqual([]);
});

test.each(Object.entries(faults))("a store is found out whose %s", async (_, fault) => {
	const found = await findings(fault);
	expect(found).not.toEqual([]);
	// It is the one fault that is found, not everything.
	expect(found.length).toBeLessThan(storeConformance().length / 3);
});

test("a store that is opened again without what was written is found out", async () => {
	const durable = storeConformance({ durable: true }).slice(storeConformance().length);
	expect(durable.length).toBeGreaterThan(3);
	for (const check of durable.filter(({ name }) => !name.startsWith("tells"))) {
		await expect(check.run(memoryStore, memoryStore)).rejects.toThrow();
		await expect(check.run(memoryStore)).rejects.toThrow("open the store again");
	}
});
