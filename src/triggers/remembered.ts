import { parseTagged } from "../core/tagged-json.js";
import type { Store } from "./store.js";

/** What the store calls what triggers remember under a name. */
export function documentName(name: string): string {
	return `remember/${name}`;
}

/** What earlier runs have left under a name; null where none has. */
export async function rememberedIn(store: Store, name: string): Promise<unknown> {
	const body = await store.document(documentName(name));
	return body === undefined ? null : parseTagged(body);
}
