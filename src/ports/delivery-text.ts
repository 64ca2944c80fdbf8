import { sha256 } from "../core/checksum.js";
import { SwarmError } from "../core/errors.js";
import { canonicalJson, fromCanonical } from "../core/plain.js";
import type { Artifact, Delivery } from "./delivery.js";

/** An artifact as JSON has it. */
interface WrittenArtifact extends Omit<Artifact, "content"> {
	readonly encoding: "utf8" | "base64";
	readonly content: string;
}

/**
 * A delivery as canonical JSON text. Bytes in outputs and metadata are `{ "$bytes": base64 }`, those of artifacts base64.
 *
 * @param artifacts - what stands for the artifacts; by default all of them, whole
 */
export function deliveryText(delivery: Delivery, artifacts: unknown = delivery.artifacts.map(written)): string {
	const { key, run, status, reason, outputs, error, metadata, at } = delivery;
	return canonicalJson({ key, run, status, reason, outputs, error, artifacts, metadata, at });
}

function written({ node, name, contentType, content }: Artifact): WrittenArtifact {
	if (typeof content === "string") return { node, name, contentType, encoding: "utf8", content };
	return { node, name, contentType, encoding: "base64", content: Buffer.from(content).toString("base64") };
}

/** What a webhook was sent, or a folder's `outcome.json` says. */
export type DeliveredOutcome = Omit<Delivery, "attempt" | "artifacts"> & {
	/** With their content where it was sent, and with the path of their file where they have one. */
	readonly artifacts: readonly (Omit<Artifact, "content"> & {
		readonly content?: string | Uint8Array;
		readonly file?: string;
	})[];
};

/**
 * Reads the body of a webhook, once it is verified, or the `outcome.json` of a delivered folder; bytes are bytes again.
 *
 * @throws SwarmError `INVALID_INPUT` when it is neither
 */
export function parseDelivery(body: string | Uint8Array): DeliveredOutcome {
	try {
		const parsed = fromCanonical(JSON.parse(Buffer.from(body as string).toString("utf8"))) as DeliveredOutcome & {
			readonly artifacts: readonly Partial<WrittenArtifact>[];
		};
		if (typeof parsed.key !== "string" || typeof parsed.run !== "string")
			throw new TypeError("it has no key or no run");
		return { ...parsed, artifacts: parsed.artifacts.map(read) as DeliveredOutcome["artifacts"] };
	} catch (error) {
		throw new SwarmError("INVALID_INPUT", "this is not what a delivery sends", {}, { cause: error });
	}
}

function read({ encoding, content, ...rest }: Partial<WrittenArtifact>): object {
	if (content === undefined) return rest;
	return { ...rest, content: encoding === "base64" ? new Uint8Array(Buffer.from(content, "base64")) : content };
}

/** What is kept of an artifact that is in a file of its own. */
export function fileEntry({ node, name, contentType, content }: Artifact, file: string): object {
	return { node, name, contentType, file, bytes: Buffer.byteLength(content), sha256: sha256(content) };
}
