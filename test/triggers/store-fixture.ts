import type { Store } from "dagswarm";

/** The store's methods, in the order of the port. */
export const STORE_METHODS = [
	"acquire",
	"release",
	"leases",
	"write",
	"trigger",
	"triggers",
	"occurrence",
	"occurrences",
	"counts",
	"trim",
	"document",
	"ask",
	"requests",
	"request",
	"answer",
	"forget",
	"watch",
	"close",
] as const satisfies readonly (keyof Store)[];

type Method = (...args: unknown[]) => unknown;

/** A store of which each method is made from that of another one. */
export function remade(store: Store, make: (method: Method) => Method): Store {
	const methods = STORE_METHODS.map((name) => [name, make((store[name] as Method).bind(store))] as const);
	return { ...(Object.fromEntries(methods) as unknown as Omit<Store, "journal">), journal: store.journal };
}

/** The store with every answer a promise that is kept a little later. */
export function laterStore(store: Store): Store {
	return remade(store, (method) => async (...args) => {
		await Promise.resolve();
		return await method(...args);
	});
}
