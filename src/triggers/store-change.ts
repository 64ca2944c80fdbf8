import type { RunRequest, StoreChange } from "./store.js";
import {
	checkBody,
	checkKey,
	checkMoment,
	type StoredOccurrence,
	type StoredTrigger,
	storedOccurrence,
	storedTrigger,
} from "./store-rows.js";

/** A change as rows: all that can be refused of it has been looked at. */
export interface PreparedChange {
	readonly add: readonly StoredOccurrence[];
	readonly occurrences: readonly StoredOccurrence[];
	readonly triggers: readonly StoredTrigger[];
	readonly removeTriggers: readonly string[];
	readonly removeOccurrences: readonly string[];
	readonly documents: NonNullable<StoreChange["documents"]>;
}

/**
 * Made before anything is locked.
 *
 * @throws SwarmError `INVALID_INPUT` for what cannot be stored
 */
export function prepared(change: StoreChange): PreparedChange {
	const { add = [], occurrences = [], triggers = [], documents = [] } = change;
	const { removeTriggers = [], removeOccurrences = [] } = change;
	for (const { name, body } of documents) {
		checkKey("the name of a document", name);
		if (body !== undefined) checkBody(`document ${JSON.stringify(name)}`, body);
	}
	// The empty one would be that of submissions.
	for (const id of removeTriggers) checkKey("the id of a trigger", id);
	return {
		add: add.map(storedOccurrence),
		occurrences: occurrences.map(storedOccurrence),
		triggers: triggers.map(storedTrigger),
		removeTriggers,
		removeOccurrences,
		documents,
	};
}

/** @throws SwarmError `INVALID_INPUT` for what cannot be stored */
export function checkRequest({ id, run, at, body, answer }: RunRequest): void {
	checkKey("the id of a request", id);
	checkBody("the run of a request", run);
	checkMoment("the time of a request", at);
	checkBody(`request ${JSON.stringify(id)}`, body);
	if (answer !== undefined) checkAnswer(id, answer);
}

/** @throws SwarmError `INVALID_INPUT` for what cannot be stored */
export function checkAnswer(id: string, answer: string): void {
	checkBody(`the answer to request ${JSON.stringify(id)}`, answer);
}
