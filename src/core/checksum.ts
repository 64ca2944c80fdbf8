import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * The CRC-32 (ISO 3309) of a stored text together with what it belongs to, so that a text that stands in
 * the wrong place is found out, too.
 *
 * @returns a 32-bit integer, not negative
 */
export function checksum(run: string, first: number, last: number, body: string): number {
	return crc32(body, crc32(`${run}\n${first}\n${last}\n`));
}

/** The same of a text that is found by a key, and rewritten as another version. */
export function rowChecksum(key: string, version: number, body: string): number {
	return checksum(key, version, 0, body);
}

/** SHA-256 (FIPS 180-4) in hexadecimal digits. */
export function sha256(content: string | Uint8Array): string {
	return createHash("sha256").update(content).digest("hex");
}
