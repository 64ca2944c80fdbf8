import { type Journal, memoryJournal, type RunAppend, type Writer } from "dagswarm";

/** A journal in memory that outlives the processes which tests let die: as far as it tells, they are elsewhere. */
export function outlivingJournal(): Journal {
	return elsewhere(Object.assign(memoryJournal(), { durable: true }));
}

/** A journal whose writers seem to be on another machine: what becomes of their process cannot be seen. */
export function elsewhere(inner: Journal): Journal {
	const host = "another machine";
	return new Proxy(inner, {
		get(target, key) {
			const member: unknown = Reflect.get(target, key, target);
			if (typeof member !== "function") return member;
			if (key === "claim")
				return (run: string, seen: number, writer: Writer, at: number) =>
					target.claim(run, seen, { ...writer, host }, at);
			if (key !== "append") return member.bind(target);
			return (entries: Iterable<RunAppend>, options?: { readonly sync?: boolean }) => {
				const moved = [...entries].map((entry) =>
					entry.create === undefined
						? entry
						: { ...entry, create: { ...entry.create, writer: { ...entry.create.writer, host } } },
				);
				return target.append(moved, options);
			};
		},
	});
}
