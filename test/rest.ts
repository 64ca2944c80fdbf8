/** Lets everything that is under way come to rest: microtasks, and callbacks that are due at once. */
export async function rest(turns = 5): Promise<void> {
	for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** All that a reader gives. */
export async function all<Item>(reader: AsyncIterable<Item>): Promise<Item[]> {
	const items: Item[] = [];
	for await (const item of reader) items.push(item);
	return items;
}
