import assert from "node:assert/strict";
import { canonicalJson, deepFreeze } from "../core/plain.js";
import type { Artifact, Delivery, DeliveryPort } from "../ports/delivery.js";
import type { PortAnswer } from "../ports/port.js";
import { deliveryOf, plainSample, STRANGE_IDS } from "./conformance/port-samples.js";
import { fails } from "./conformance/samples.js";
import { type PortCheck, portChecks } from "./port-check.js";

/** A delivery port that is tried out. */
export interface DeliverySubject {
	readonly port: DeliveryPort;
	/** What has arrived, in any order: one for each key that whoever it is for would act upon. */
	arrived(): PortAnswer<readonly ArrivedDelivery[]>;
	/** From now on nothing can be taken, for a port where that can be brought about. */
	fail?(): PortAnswer<void>;
	/** It can be taken again. */
	mend?(): PortAnswer<void>;
	/** The check is over. */
	dispose?(): PortAnswer<void>;
}

/** What whoever it is for can know of a delivery. */
export type ArrivedDelivery = Omit<Delivery, "attempt">;

/** One property that a delivery port has to have. */
export type DeliveryCheck = PortCheck<() => PortAnswer<DeliverySubject>>;

/**
 * What every implementation of `DeliveryPort` has to do, as checks for any test runner. They are independent of each other,
 * and a port may answer at once or by promises.
 *
 * @example
 * ```ts
 * import { type Delivery } from "dagswarm";
 * import { deliveryConformance } from "dagswarm/testing";
 *
 * for (const check of deliveryConformance()) {
 *   // in a test of its own, named check.name
 *   await check.run(() => {
 *     const taken = new Map<string, Delivery>();
 *     const deliver = (delivery: Delivery) => void taken.set(delivery.run, structuredClone(delivery));
 *     return { port: { deliver }, arrived: () => [...taken.values()] };
 *   });
 * }
 * ```
 */
export function deliveryConformance(): readonly DeliveryCheck[] {
	return portChecks(scripts);
}

const scripts: Readonly<Record<string, (subject: DeliverySubject) => Promise<void>>> = {
	"takes the outputs of a run that completed": async (subject) => {
		const delivery = deliveryOf("r", { outputs: { a: plainSample(), "b/c": "text", d: null }, reason: "all done" });
		await deliver(subject, delivery);
		await hasArrived(subject, [delivery]);
	},

	"takes the error of a run that failed, or that could not even begin": async (subject) => {
		const error = { code: "AGENT_ERROR", message: "no", stack: "at x", cause: { code: "X", message: "why" } };
		const failed = deliveryOf("r", { status: "failed", reason: "a failed", outputs: {}, error });
		const early = deliveryOf("s", {
			status: "failed",
			outputs: {},
			metadata: {},
			error: { code: "CYCLE", message: "a → a" },
		});
		for (const delivery of [failed, early]) await deliver(subject, delivery);
		await hasArrived(subject, [failed, early]);
	},

	"takes artifacts, text and bytes, in order": async (subject) => {
		const artifacts: Artifact[] = [
			{ node: "b", name: "report.md", contentType: "text/markdown", content: "# Ä😀\r\n" },
			{ node: "a", name: "picture.png", contentType: "image/png", content: new Uint8Array([0, 255, 10, 13]) },
			{ node: "a", name: "empty.txt", contentType: "text/plain", content: "" },
			{ node: "a", name: "empty.bin", contentType: "application/octet-stream", content: new Uint8Array(0) },
		];
		await deliver(subject, deliveryOf("r", { artifacts }));
		await hasArrived(subject, [deliveryOf("r", { artifacts })]);
	},

	"keeps artifacts apart whatever they are called": async (subject) => {
		const names = [
			"a",
			"A",
			"../a",
			"/a",
			"a/b",
			"a\\b",
			"..",
			"",
			"con",
			"a\0",
			"é",
			"e\u0301",
			"ß",
			"SS",
			"x".repeat(999),
		];
		const artifacts = [...names, ...names, "a+2", "outcome.json"].map(
			(name, index): Artifact => ({ node: `n${index}`, name, contentType: "text/plain", content: `content ${index}` }),
		);
		await deliver(subject, deliveryOf("r", { artifacts }));
		await hasArrived(subject, [deliveryOf("r", { artifacts })]);
	},

	"tells runs apart whatever their ids are": async (subject) => {
		const deliveries = STRANGE_IDS.map((run) => deliveryOf(run));
		await Promise.all(deliveries.map((delivery) => deliver(subject, delivery)));
		await hasArrived(subject, deliveries);
	},

	"has one effect for one key, however often it comes": async (subject) => {
		const artifacts: Artifact[] = [{ node: "a", name: "a", contentType: "text/plain", content: "a" }];
		for (const attempt of [1, 2, 3]) await deliver(subject, deliveryOf("r", { attempt, artifacts }));
		await hasArrived(subject, [deliveryOf("r", { artifacts })]);
	},

	"has one effect for one key also when two tries meet": async (subject) => {
		const tries = [1, 2, 3].map((attempt) => deliver(subject, deliveryOf("r", { attempt })));
		assert.ok((await Promise.allSettled(tries)).some(({ status }) => status === "fulfilled"));
		await hasArrived(subject, [deliveryOf("r")]);
	},

	"takes what else a run came to": async (subject) => {
		const artifacts: Artifact[] = [{ node: "a", name: "old", contentType: "text/plain", content: "old" }];
		await deliver(subject, deliveryOf("r", { key: "r/1", status: "failed", artifacts }));
		const later = deliveryOf("r", { key: "r/2", outputs: { b: 2 } });
		await deliver(subject, later);
		const last = (await subject.arrived()).filter(({ run, key }) => run === "r" && key === "r/2");
		assert.deepEqual(last.map(textOf), [textOf(later)]);
	},

	"changes nothing of what it is given": async (subject) => {
		const delivery = deepFreeze(deliveryOf("r", { outputs: { a: plainSample() } }));
		await deliver(subject, delivery);
		await hasArrived(subject, [delivery]);
	},

	"takes a delivery whole or not at all when its time is over": async (subject) => {
		const artifacts = ["a", "b"].map(
			(name): Artifact => ({ node: "n", name, contentType: "text/plain", content: name }),
		);
		for (const [index, turns] of [0, 1, 3, 10].entries()) {
			const controller = new AbortController();
			const delivery = deliveryOf(`r${index}`, { artifacts });
			if (turns === 0) controller.abort();
			const taken = fails(() => subject.port.deliver(delivery, controller.signal));
			for (let turn = 0; turn < turns; turn++) await Promise.resolve();
			controller.abort();
			const failed = await taken;
			const arrived = (await subject.arrived()).filter(({ run }) => run === delivery.run);
			if (!failed) assert.equal(arrived.length, 1, "a delivery that was taken has not arrived");
			for (const each of arrived) assert.equal(textOf(each), textOf(delivery));
			await deliver(subject, { ...delivery, attempt: 2 });
			assert.ok((await subject.arrived()).some((each) => textOf(each) === textOf(delivery)));
		}
	},

	"rejects what it cannot take, and takes it later": async (subject) => {
		if (subject.fail === undefined || subject.mend === undefined) return;
		const artifacts: Artifact[] = [{ node: "a", name: "a", contentType: "text/plain", content: "a" }];
		await subject.fail();
		assert.ok(await fails(() => deliver(subject, deliveryOf("r", { artifacts }))), "it did not reject");
		await subject.mend();
		await hasArrived(subject, []);
		await deliver(subject, deliveryOf("r", { attempt: 2, artifacts }));
		await hasArrived(subject, [deliveryOf("r", { artifacts })]);
	},
};

async function deliver(subject: DeliverySubject, delivery: Delivery): Promise<void> {
	await subject.port.deliver(delivery, new AbortController().signal);
}

async function hasArrived(subject: DeliverySubject, expected: readonly Delivery[]): Promise<void> {
	const arrived = await subject.arrived();
	assert.deepEqual(arrived.map(textOf).sort(), expected.map(textOf).sort());
}

/** What can be known of a delivery, as text: members that are undefined may be lost, and the tries are the port's affair. */
function textOf(delivery: ArrivedDelivery): string {
	const { key, run, status, reason, outputs, artifacts, error, metadata, at } = delivery;
	const made = artifacts.map(({ node, name, contentType, content }) => [node, name, contentType, content]);
	return canonicalJson([key, run, status, reason ?? null, outputs, made, error ?? null, metadata, at]);
}
