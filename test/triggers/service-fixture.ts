import {
	type AnyAgent,
	countingIds,
	createService,
	createSwarm,
	defineAgent,
	memoryStore,
	type Occurrence,
	type OccurrenceInfo,
	type Service,
	type ServiceOptions,
	type Store,
	type Swarm,
	type SwarmOptions,
	VirtualClock,
} from "dagswarm";
import { afterEach } from "vitest";

/** Noon of a day without changes of clocks. */
export const NOON = Date.parse("2026-03-02T12:00:00Z");

/** One process of a service: a swarm, and what its agents were called with. */
export interface Member {
	readonly service: Service;
	readonly swarm: Swarm;
	readonly errors: unknown[];
	readonly warnings: string[];
}

/** A service on virtual time. */
export class World {
	readonly clock = new VirtualClock(NOON);
	readonly store: Store;
	/** Shared: no two processes have one id. */
	readonly #ids = countingIds();
	readonly #made: Member[] = [];

	constructor(store: Store = memoryStore()) {
		this.store = store;
	}

	/** A process that has not been started. */
	member(
		agents: readonly AnyAgent[],
		options: Partial<ServiceOptions> = {},
		swarmOptions: Partial<SwarmOptions> = {},
	): Member {
		const swarm = createSwarm({ agents, journal: this.store.journal, clock: this.clock, ...swarmOptions });
		const errors: unknown[] = [];
		const warnings: string[] = [];
		const service = createService({
			store: this.store,
			swarm,
			clock: this.clock,
			ids: this.#ids,
			onError: (error) => errors.push(error),
			onWarning: (text) => warnings.push(text),
			...options,
		});
		const member = { service, swarm, errors, warnings };
		this.#made.push(member);
		return member;
	}

	async started(...given: Parameters<World["member"]>): Promise<Member> {
		const member = this.member(...given);
		await member.service.start();
		await quiet();
		return member;
	}

	/** Moves time in steps, and lets everything happen that follows at each. */
	async pass(ms: number, step = 250): Promise<void> {
		for (let passed = 0; passed < ms; passed += step) {
			this.clock.advance(Math.min(step, ms - passed));
			await quiet();
		}
	}

	async keys(states?: readonly Occurrence["state"][]): Promise<string[]> {
		const rows = await this.store.occurrences(states === undefined ? {} : { states });
		return rows.map(({ key }) => key).toReversed();
	}

	async close(): Promise<void> {
		const stopping = this.#made.map(({ service }) => service.stop({ grace: 0 }).catch(() => {}));
		await quiet();
		this.clock.advance(60_000);
		await Promise.all(stopping);
	}
}

/** Worlds that end with their test. */
export function worlds(): (store?: Store) => World {
	const open: World[] = [];
	afterEach(async () => {
		for (const world of open.splice(0)) await world.close();
	});
	return (store) => {
		const world = new World(store);
		open.push(world);
		return world;
	};
}

/** Lets everything happen that needs no time. */
export async function quiet(turns = 12): Promise<void> {
	for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** An agent that notes what it was started with. */
export function noting(name = "note"): { readonly agent: AnyAgent; readonly seen: OccurrenceInfo[] } {
	const seen: OccurrenceInfo[] = [];
	const agent = defineAgent({
		name,
		run: async (info: OccurrenceInfo) => {
			seen.push(info);
			return info.key;
		},
	});
	return { agent, seen };
}

/** An agent that goes on until it is told to end, or its signal aborts. */
export function holding(name = "hold"): {
	readonly agent: AnyAgent;
	readonly going: { readonly key: string; end(): void; fail(message: string): void }[];
} {
	const going: { readonly key: string; end(): void; fail(message: string): void }[] = [];
	const agent = defineAgent({
		name,
		run: async (info: OccurrenceInfo, ctx) => {
			const { promise, resolve, reject } = Promise.withResolvers<string>();
			const entry = {
				key: info.key,
				end: () => resolve(info.key),
				fail: (message: string) => reject(new Error(message)),
			};
			going.push(entry);
			ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
			try {
				return await promise;
			} finally {
				going.splice(going.indexOf(entry), 1);
			}
		},
	});
	return { agent, going };
}
