import { createSecretKey, type KeyObject } from "node:crypto";
import { SwarmError } from "../core/errors.js";

const LEAST_BYTES = 16;

/**
 * A secret for HMACs. It is copied, and what it is kept as shows nothing of it when it is printed.
 *
 * @param what - the name of the option, for the message
 * @throws SwarmError `INVALID_OPTION` when it is no text and no bytes, or has less than 16 bytes
 */
export function secretKey(secret: string | Uint8Array, what: string): KeyObject {
	const usable = typeof secret === "string" || secret instanceof Uint8Array;
	// Half a character is encoded as another one, so that different secrets would be the same.
	const isWhole = typeof secret !== "string" || secret.isWellFormed();
	const bytes = usable && isWhole ? Buffer.from(secret as string) : Buffer.alloc(0);
	if (bytes.length >= LEAST_BYTES) return createSecretKey(bytes);
	throw new SwarmError("INVALID_OPTION", `${what} is no secret: it needs at least ${LEAST_BYTES} bytes`, {
		hint: "use 32 random bytes, kept where only those who write and those who verify can read them",
	});
}
