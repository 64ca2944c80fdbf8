import type { Occurrence } from "dagswarm";
import { NOON } from "./service-fixture.js";

/** A store, or its journal, some of whose methods are others. */
export function altered<Target extends object>(target: Target, others: Partial<Target>): Target {
	return new Proxy(target, {
		get: (inner, name) => {
			const member: unknown = Reflect.get(name in others ? others : inner, name);
			return typeof member === "function" ? member.bind(name in others ? others : inner) : member;
		},
	});
}

/** What fails as often as it is told to. */
export function failing(): { times: number; check(): void } {
	return {
		times: 0,
		check() {
			if (this.times > 0 && this.times-- > 0) throw new Error("the disk is gone");
		},
	};
}

/** A row that nobody has decided about yet. */
export function row(key: string, more: Partial<Occurrence> = {}): Occurrence {
	return { key, due: NOON, createdAt: NOON, state: "pending", attempt: 0, version: 1, start: "note", ...more };
}
