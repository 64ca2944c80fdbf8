import type { KeyObject } from "node:crypto";
import { headMac, isSameMac } from "./audit-chain.js";
import { type Disk, isMissing, replaceFile } from "./disk.js";

/** How far the chain of a file had come when it was last looked after: it gives a cut-off tail away. */
export interface AuditHead {
	readonly run: string;
	/** How many records there were. */
	readonly records: number;
	/** The record of the end was the last of them. */
	readonly sealed: boolean;
	/** The authentication code of the last of them. */
	readonly mac: string;
}

/** Where the head of a file is: beside it. */
export function headPath(file: string): string {
	return `${file}.head`;
}

/** Puts a head beside a file, in the place of the one that was there. */
export async function writeHead(
	disk: Disk,
	file: string,
	key: KeyObject,
	head: AuditHead,
	sync: "close" | "always",
): Promise<void> {
	// A head that is behind its file is no sign of anything, unless it should say that the file is sealed.
	const lasting = head.sealed ? "new" : sync === "always" ? "whole" : undefined;
	await replaceFile(disk, headPath(file), headText(head, key), lasting);
}

/**
 * Reads a head.
 *
 * @returns undefined when there is none; `wrong` when it is not as it was written, or not with this key
 */
export async function readHead(disk: Disk, file: string, key: KeyObject): Promise<AuditHead | "wrong" | undefined> {
	let text: string;
	try {
		text = await disk.readFile(headPath(file), "utf8");
	} catch (error) {
		if (isMissing(error)) return undefined;
		throw error;
	}
	try {
		const { run, records, sealed, mac } = JSON.parse(text) as AuditHead;
		const head = { run, records, sealed, mac };
		return isSameMac(text, headText(head, key)) ? head : "wrong";
	} catch {
		return "wrong";
	}
}

function headText(head: AuditHead, key: KeyObject): string {
	const { run, records, sealed, mac } = head;
	const code = headMac(key, run, records, sealed, mac);
	return `${JSON.stringify({ run, records, sealed, mac, head: code })}\n`;
}
