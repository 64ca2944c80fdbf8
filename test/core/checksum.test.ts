import { describe, expect, test } from "vitest";
import { checksum, sha256 } from "../../src/core/checksum.js";

describe("checksum", () => {
	test("is the CRC-32 of run, numbers and body, each on a line", () => {
		expect(checksum("run", 1, 2, "body")).toBe(crc32("run\n1\n2\nbody"));
		expect(checksum("läuft", 10, 300, "ä€😀")).toBe(crc32("läuft\n10\n300\nä€😀"));
		expect(crc32("123456789")).toBe(0xcbf43926);
	});

	test("is an integer of 32 bits that is not negative", () => {
		for (let seq = 1; seq < 200; seq++) {
			const sum = checksum("a", seq, seq, "x");
			expect(Number.isInteger(sum) && sum >= 0 && sum <= 0xffff_ffff).toBe(true);
		}
	});

	test("finds a text that stands in the wrong place, and every flipped bit of a short one", () => {
		const right = checksum("a", 1, 2, "body");
		expect(checksum("b", 1, 2, "body")).not.toBe(right);
		expect(checksum("a", 1, 3, "body")).not.toBe(right);
		expect(checksum("a", 2, 2, "body")).not.toBe(right);
		for (let bit = 0; bit < 4 * 7; bit++) {
			const bytes = Buffer.from("body");
			bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
			expect(checksum("a", 1, 2, bytes.toString("latin1"))).not.toBe(right);
		}
	});
});

test("sha256 is that of FIPS 180-4", () => {
	expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

/** Bit by bit, as ISO 3309 defines it. */
function crc32(text: string): number {
	let sum = 0xffff_ffff;
	for (const byte of Buffer.from(text)) {
		sum ^= byte;
		for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb8_8320 : 0);
	}
	return ~sum >>> 0;
}
